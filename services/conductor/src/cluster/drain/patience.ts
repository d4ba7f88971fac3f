import type { Operation } from '@cetus/shared/schemas';

/** Whether something was waited for long enough: so long, or half of the time that the operation had when that began. */
export function isOver(since: Date, patienceMs: number, { deadline_at }: Operation, now: Date): boolean {
  const half = (deadline_at.getTime() - since.getTime()) / 2;
  return now.getTime() - since.getTime() >= Math.min(patienceMs, half);
}
