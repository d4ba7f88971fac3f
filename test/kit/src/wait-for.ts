import { setTimeout as delay } from 'node:timers/promises';

export interface WaitForOptions {
  /** Default 30,000. */
  timeoutMs?: number;
  /** Named in the error. Default: the probe's source. */
  what?: string;
}

/** The probe did not come true in time; the cause is what it threw last. */
export class WaitTimeoutError extends Error {
  override readonly name = 'WaitTimeoutError';
}

/**
 * Waits until a probe gives something truthy, and returns it. A probe that throws is asked again: an assertion makes a good
 * one. For what tells of itself by an event or a promise, wait for that instead.
 *
 * @throws WaitTimeoutError
 */
export async function waitFor<T>(
  probe: () => T | Promise<T>,
  { timeoutMs = 30_000, what }: WaitForOptions = {},
): Promise<Exclude<T, false | null | undefined | 0 | ''>> {
  const until = performance.now() + timeoutMs;
  let last: unknown;
  for (let wait = 2; ; wait = Math.min(wait * 1.5, 100)) {
    try {
      const value = await probe();
      if (value) return value as Exclude<T, false | null | undefined | 0 | ''>;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() > until) {
      const why = last instanceof Error ? `: ${last.message}` : '';
      throw new WaitTimeoutError(`${what ?? String(probe)} did not come true in ${timeoutMs} ms${why}`, {
        cause: last,
      });
    }
    await delay(wait);
  }
}
