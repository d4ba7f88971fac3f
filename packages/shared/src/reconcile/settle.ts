import { isDeepStrictEqual } from 'node:util';
import { buildEvent, transitionTime } from '../notifications/events.ts';
import type { Operation } from '../schemas/operation.ts';
import { stateOf, type StoredObject } from '../schemas/object.ts';
import { stateFor, type ObjectState } from '../schemas/state.ts';
import type { CommitFields } from '../store/index.ts';
import { mergeConditions } from './conditions.ts';
import type { Outcome } from './outcome.ts';

/** What {@link settle} needs to know besides the objects. */
export interface SettleOptions {
  kind: { name: string; path: string };
  now: Date;
  /** When to look again if the outcome does not say, in milliseconds; for objects with nothing to do. */
  resyncMs: number;
  /** Failed attempts in a row, after this round. */
  attempts: number;
}

/**
 * The one write of a round, as a pure function: the newest document and what the round found give the fields to set and the notifications
 * to append. An operation that was accepted while the round ran is left alone, and wakes the object at once.
 *
 * @param current the newest document
 * @param handled the document that the round was given
 */
export function settle<T extends StoredObject>(
  current: T,
  handled: T,
  outcome: Outcome<T>,
  options: SettleOptions,
): CommitFields<T> {
  const now = transitionTime(current, options.now);
  const { conditions, changed } = mergeConditions(current.status.conditions, outcome.conditions ?? [], now);
  const status: T['status'] = { ...current.status, ...outcome.status, conditions };
  let operation = current.operation;
  const mine =
    operation?.state === 'IN_PROGRESS' && operation.uuid === handled.operation?.uuid ? operation : null;
  const before = stateOf(current);
  const transitions: { what: string; previousState: ObjectState; operation: Operation | null }[] = [];

  if (mine !== null && outcome.ended !== undefined) {
    const failure = outcome.ended.state === 'FAILED' ? outcome.ended.failure : null;
    operation = { ...mine, state: outcome.ended.state, finished_at: now, progress: null, error: failure };
    status.state = stateFor(mine.action, outcome.ended.state);
    status.state_reason = failure?.message ?? null;
    status.failure = failure;
    if (failure === null) status.observed_generation = mine.generation;
    transitions.push({
      what: `${mine.action}.${failure === null ? 'end' : 'error'}`,
      previousState: before,
      operation,
    });
  } else if (mine !== null) {
    operation = { ...mine, progress: outcome.progress ?? null };
  } else if (
    operation?.state !== 'IN_PROGRESS' &&
    outcome.drifted !== undefined &&
    outcome.drifted.state !== status.state
  ) {
    status.state = outcome.drifted.state;
    status.state_reason = outcome.drifted.failure?.message ?? null;
    status.failure = outcome.drifted.failure;
    transitions.push({ what: 'state.changed', previousState: before, operation: null });
  }

  const next = { ...current, status, operation };
  const state = stateOf(next);
  const events = [
    ...transitions.map((transition) => ({ ...transition, error: status.failure })),
    ...changed.map((condition) => ({
      what: 'condition.changed',
      previousState: state,
      operation: null,
      condition,
    })),
  ].map((transition, index) =>
    buildEvent(options.kind, current, current.sequence + index + 1, { state, ...transition }, now),
  );

  const deleted = status.state === 'DELETE_COMPLETE';
  const overtaken = current.generation !== handled.generation;
  const wakeUpAfterMs = overtaken ? 0 : (outcome.wakeUpAfterMs ?? options.resyncMs);
  const visible = !isDeepStrictEqual(shown(current), shown(next));
  return {
    events,
    visible,
    status,
    operation,
    lease: null,
    attempts: overtaken ? 0 : options.attempts,
    abandoned: 0,
    next_attempt_at: deleted ? null : wakeUpAt(options.now, wakeUpAfterMs, operation),
    ...(visible ? { updated_at: now } : {}),
    ...(deleted ? { deleted_at: now } : {}),
  };
}

/** Never later than the deadline of an operation that goes on: somebody must be there to enforce it. */
function wakeUpAt(now: Date, afterMs: number, operation: Operation | null): Date {
  const at = now.getTime() + afterMs;
  const deadline =
    operation?.state === 'IN_PROGRESS' ? operation.deadline_at.getTime() : Number.POSITIVE_INFINITY;
  return new Date(Math.max(now.getTime(), Math.min(at, deadline)));
}

/** What a reader sees: not when the back end last answered, nor what a driver remembers. */
function shown(object: Pick<StoredObject, 'status' | 'operation'>): unknown {
  return {
    status: { ...object.status, last_contact: null, driver_state: null },
    operation: object.operation,
  };
}
