import { isDeepStrictEqual } from 'node:util';
import { buildEvent, transitionTime } from '@cetus/shared/notifications';
import { mergeConditions } from '@cetus/shared/reconcile';
import { stateOf, type ClusterHealth, type StoredCluster } from '@cetus/shared/schemas';
import { CLUSTER, type HealthWrite } from '@cetus/shared/store';
import type { ToldHealth } from './health-tracker.ts';

/**
 * The write of a cluster's health as a pure function: each condition that changed is a notification in the cluster's sequence.
 * @param current the newest document
 */
export function healthWrite(current: StoredCluster, told: ToldHealth, clock = new Date()): HealthWrite {
  const now = transitionTime(current, clock);
  const { conditions, changed } = mergeConditions(current.health?.conditions ?? [], told.conditions, now);
  const state = stateOf(current);
  const events = changed.map((condition, index) =>
    buildEvent(
      CLUSTER,
      current,
      current.sequence + index + 1,
      { what: 'condition.changed', state, previousState: state, operation: null, condition },
      now,
    ),
  );
  return { health: { ...told, conditions }, events, ...(events.length === 0 ? {} : { updated_at: now }) };
}

/** What must be done about what is told: write it at once, write it soon, note when it last answered, or nothing. */
export type Difference = 'transition' | 'detail' | 'contact' | null;

export function differenceOf(written: ClusterHealth | ToldHealth | null, told: ToldHealth): Difference {
  if (written === null) return 'transition';
  const statuses = (health: ClusterHealth | ToldHealth): string[] =>
    health.conditions.map(({ type, status }) => `${type}=${status}`).sort();
  if (!isDeepStrictEqual(statuses(written), statuses(told))) return 'transition';
  if (!isDeepStrictEqual(details(written), details(told))) return 'detail';
  return written.last_contact?.getTime() === told.last_contact?.getTime() ? null : 'contact';
}

/** What a reader is told besides the statuses and the time of the last answer. */
function details({ conditions, last_contact: _, ...rest }: ClusterHealth | ToldHealth): unknown {
  const words = conditions.map(({ type, reason, message }) => ({ type, reason, message }));
  return { ...rest, conditions: words.sort((a, b) => a.type.localeCompare(b.type)) };
}
