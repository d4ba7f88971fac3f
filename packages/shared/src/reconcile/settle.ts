import { isDeepStrictEqual } from 'node:util';
import { randomUUID } from 'node:crypto';
import { buildEvent, transitionTime, type Transition } from '../notifications/events.ts';
import { hasStarted, timeOf, type Operation } from '../schemas/operation.ts';
import { stateOf, type StoredObject } from '../schemas/object.ts';
import { stateFor } from '../schemas/state.ts';
import type { CommitFields } from '../store/index.ts';
import { mergeConditions } from './conditions.ts';
import type { Outcome } from './outcome.ts';

/** What {@link settle} needs to know besides the objects. */
export interface SettleOptions {
  kind: { name: string; path: string };
  now: Date;
  /** When the round began; default: now. */
  begun?: Date;
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
  let { operation, generation } = current;
  const mine =
    operation?.state === 'IN_PROGRESS' && operation.uuid === handled.operation?.uuid
      ? started(operation, options.begun ?? options.now)
      : null;
  const before = stateOf(current);
  const transitions: Transition[] = [];

  if (mine !== null && outcome.ended !== undefined) {
    const { ended } = outcome;
    const failure = ended.state === 'FAILED' ? ended.failure : null;
    if (ended.state === 'COMPLETE') Object.assign(status, ended.status);
    operation = {
      ...withBlockers(mine, outcome),
      state: ended.state,
      finished_at: now,
      progress: null,
      error: failure,
    };
    const state = stateFor(mine.action, ended.state);
    status.state = state;
    status.state_reason = failure?.message ?? null;
    status.failure = failure;
    if (failure === null) status.observed_generation = mine.generation;
    transitions.push(
      {
        what: `${mine.action}.${failure === null ? 'end' : 'error'}`,
        state,
        previousState: before,
        operation,
        error: failure,
      },
      ...partTransitions(operation, ended),
    );
    if (failure !== null && mine.rollback_on_failure === true) {
      generation += 1;
      operation = rollbackOf(operation, generation, now);
      const start = { what: 'rollback.start', state: 'ROLLBACK_IN_PROGRESS' as const, operation };
      transitions.push(
        { ...start, previousState: state },
        ...(operation.parts ?? []).map((part) => ({ ...start, previousState: null, part })),
      );
    }
  } else if (mine !== null) {
    operation = { ...withBlockers(mine, outcome), progress: outcome.progress ?? null };
  } else if (
    operation?.state !== 'IN_PROGRESS' &&
    outcome.drifted !== undefined &&
    outcome.drifted.state !== status.state
  ) {
    status.state = outcome.drifted.state;
    status.state_reason = outcome.drifted.failure?.message ?? null;
    status.failure = outcome.drifted.failure;
    const { state, failure } = outcome.drifted;
    transitions.push({
      what: 'state.changed',
      state,
      previousState: before,
      operation: null,
      error: failure,
    });
  }

  const next = { ...current, generation, status, operation };
  const state = stateOf(next);
  const events = [
    ...transitions,
    ...changed.map((condition) => ({
      what: 'condition.changed',
      state,
      previousState: state,
      operation: null,
      condition,
    })),
  ].map((transition, index) =>
    buildEvent(options.kind, current, current.sequence + index + 1, transition, now),
  );

  const deleted = status.state === 'DELETE_COMPLETE';
  const overtaken = current.generation !== handled.generation;
  // A rollback begins at once.
  const another = operation?.state === 'IN_PROGRESS' && operation.uuid !== handled.operation?.uuid;
  const wakeUpAfterMs = overtaken || another ? 0 : (outcome.wakeUpAfterMs ?? options.resyncMs);
  const visible = !isDeepStrictEqual(shown(current), shown(next));
  return {
    events,
    visible,
    status,
    operation,
    // Rises with a rollback that begins by itself.
    ...(generation === current.generation ? {} : { generation }),
    lease: null,
    attempts: overtaken ? 0 : options.attempts,
    abandoned: 0,
    next_attempt_at: deleted ? null : wakeUpAt(options.now, wakeUpAfterMs, operation),
    ...(visible ? { updated_at: now } : {}),
    ...(deleted ? { deleted_at: now } : {}),
  };
}

/** With its first round the time of an operation begins: it does not fail because others were before it. */
function started(operation: Operation, begun: Date): Operation {
  if (hasStarted(operation)) return operation;
  return { ...operation, started_at: begun, deadline_at: new Date(begun.getTime() + timeOf(operation)) };
}

/** What an operation waits for and leaves behind, as the round found it. */
function withBlockers(operation: Operation, { blockedBy, leftBehind }: Outcome<StoredObject>): Operation {
  return {
    ...operation,
    ...(blockedBy === undefined ? {} : { blocked_by: [...blockedBy] }),
    ...(leftBehind === undefined ? {} : { left_behind: [...leftBehind] }),
  };
}

/** The parts of an operation end with it, each in its own way. */
function partTransitions(
  operation: Operation,
  ended: NonNullable<Outcome<StoredObject>['ended']>,
): Transition[] {
  return (operation.parts ?? []).map((part) => {
    const error =
      ended.state === 'COMPLETE'
        ? null
        : ended.failedParts === undefined
          ? ended.failure
          : (ended.failedParts[part.uuid] ?? null);
    return {
      what: `${part.action}.${error === null ? 'end' : 'error'}`,
      state: stateFor(part.action, error === null ? 'COMPLETE' : 'FAILED'),
      previousState: stateFor(part.action, 'IN_PROGRESS'),
      operation,
      error,
      part,
    };
  });
}

/** The operation that undoes one that failed; it has as long as that had. */
function rollbackOf(failed: Operation, generation: number, now: Date): Operation {
  const { user_id, request_id, traceparent, parts } = failed;
  return {
    uuid: randomUUID(),
    action: 'rollback',
    requested: 'rollback',
    generation,
    state: 'IN_PROGRESS',
    user_id,
    request_id,
    ...(traceparent === undefined ? {} : { traceparent }),
    accepted_at: now,
    deadline_at: new Date(now.getTime() + timeOf(failed)),
    finished_at: null,
    progress: null,
    error: null,
    ...(parts === undefined
      ? {}
      : { parts: parts.map((part) => ({ ...part, action: 'rollback' as const })) }),
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
