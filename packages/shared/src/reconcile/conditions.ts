import type { Condition } from '../schemas/state.ts';

/** Conditions after a round: the new ones replace those of the same type; `since` moves only when the status does. */
export function mergeConditions(
  before: readonly Condition[],
  now: readonly Omit<Condition, 'since'>[],
  time: Date,
): { conditions: Condition[]; changed: Condition[] } {
  const changed: Condition[] = [];
  const merged = new Map(before.map((condition) => [condition.type, condition]));
  for (const condition of now) {
    const known = merged.get(condition.type);
    const same = known?.status === condition.status;
    const next = { ...condition, since: same ? known.since : time.toISOString() };
    if (!same) changed.push(next);
    merged.set(condition.type, next);
  }
  return { conditions: [...merged.values()].sort((a, b) => a.type.localeCompare(b.type)), changed };
}
