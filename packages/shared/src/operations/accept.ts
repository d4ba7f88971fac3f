import { randomUUID } from 'node:crypto';
import { CetusError } from '../errors/index.ts';
import { buildEvent, transitionTime } from '../notifications/events.ts';
import type { ObjectStatus, StoredObject } from '../schemas/object.ts';
import { stateOf } from '../schemas/object.ts';
import type { Operation, OperationPart } from '../schemas/operation.ts';
import {
  LEGAL_FOR_REPLACEABLE,
  LEGAL_REQUESTS,
  REQUESTS,
  stateFor,
  type Action,
  type ObjectState,
  type Requested,
} from '../schemas/state.ts';

/** Who asks, as far as objects remember it. */
export interface Requester {
  userId: string;
  projectId: string;
  requestId: string;
  /** W3C trace context of the request. */
  traceparent?: string;
}

interface KindIdentity {
  name: string;
  path: string;
  /** See {@link LEGAL_FOR_REPLACEABLE}. */
  replaceable?: boolean;
}

/** How long the command of an accepted operation has before the sweep looks for itself, in milliseconds. */
export const COMMAND_GRACE_MS = 5_000;

export interface NewObjectOptions<Spec, Status extends ObjectStatus> {
  kind: KindIdentity;
  caller: Requester;
  name: string;
  spec: Spec;
  /** What is known before anything was found; its state is set by this function. */
  status: Omit<Status, keyof ObjectStatus>;
  /** Milliseconds that the creation may take; null when the kind has no work to do and is complete at once. */
  deadlineMs: number | null;
  /** Its id, where something had to know it beforehand. */
  uuid?: string;
  /** Default `create`. */
  requested?: 'create' | 'import';
  /** The parts that it begins with. */
  parts?: OperationPart[];
  now?: Date;
}

/** The document of a new object, with its operation and its first notification: one write accepts it. */
export function newObject<Spec, Status extends ObjectStatus>(
  options: NewObjectOptions<Spec, Status>,
): StoredObject<Spec, Status> {
  const { kind, caller, deadlineMs, requested = 'create', parts, now = new Date() } = options;
  const operation =
    deadlineMs === null
      ? null
      : {
          ...newOperation(caller, 'create', requested, 1, deadlineMs, now),
          ...(parts === undefined ? {} : { parts }),
        };
  const state: ObjectState = operation === null ? 'CREATE_COMPLETE' : 'CREATE_IN_PROGRESS';
  const status = {
    ...options.status,
    observed_generation: operation === null ? 1 : 0,
    state,
    state_reason: null,
    failure: null,
    conditions: [],
  } as unknown as Status;
  const object: StoredObject<Spec, Status> = {
    _id: options.uuid ?? randomUUID(),
    project_id: caller.projectId,
    user_id: caller.userId,
    name: options.name,
    spec: options.spec,
    generation: 1,
    revision: 1,
    status,
    operation,
    pending_events: [],
    sequence: 1,
    lease: null,
    lease_token: 0,
    next_attempt_at: operation === null ? null : new Date(now.getTime() + COMMAND_GRACE_MS),
    attempts: 0,
    abandoned: 0,
    created_at: now,
    updated_at: now,
    deleted_at: null,
  };
  const what = operation === null ? 'create.end' : 'create.start';
  const created = buildEvent(kind, object, 1, { what, state, previousState: null, operation }, now);
  const events = operation === null ? [] : partEvents(kind, object, 'start', operation, 1, now);
  object.pending_events = [created, ...events];
  object.sequence += events.length;
  return object;
}

export interface AcceptOptions<Spec> {
  kind: KindIdentity;
  caller: Requester;
  requested: Exclude<Requested, 'create' | 'import'>;
  /** The new specification, for an update. */
  spec?: Spec;
  /** The parts that it changes. This and what follows is for a retry as for what failed, when nothing is said. */
  parts?: OperationPart[];
  rollbackOnFailure?: boolean;
  /** For a delete: nothing is waited for that cannot be removed. */
  force?: boolean;
  /** Milliseconds that the operation may take. */
  deadlineMs: number;
  now?: Date;
}

/**
 * The object with one more operation accepted. An operation that was going on is cancelled by a delete, a rollback, or where the kind is
 * `replaceable` an update; a delete that is going on is simply answered again, unless it is to be forced from now on.
 * @throws CetusError `operation_in_progress` or `conflict` when the object's state does not allow it
 */
export function acceptOperation<T extends StoredObject>(object: T, options: AcceptOptions<T['spec']>): T {
  const { kind, caller, requested, deadlineMs } = options;
  const now = transitionTime(object, options.now);
  const state = stateOf(object);
  const action: Action = REQUESTS[requested] ?? actionToRetry(object);
  const words: readonly string[] = requested === 'retry' ? [requested] : [requested, action];
  const legal = [
    ...LEGAL_REQUESTS[state],
    ...(kind.replaceable === true ? (LEGAL_FOR_REPLACEABLE[state] ?? []) : []),
  ];
  if (!legal.some((word) => words.includes(word))) {
    throw new CetusError(
      state.endsWith('_IN_PROGRESS') ? 'operation_in_progress' : 'conflict',
      `The ${kind.name} is ${state}; ${requested} is not possible`,
    );
  }
  // What drifted did so after its last operation, which had ended well: that one is not repeated.
  const failed = requested === 'retry' && object.operation?.state === 'FAILED' ? object.operation : null;
  const parts = options.parts ?? failed?.parts;
  const rollbackOnFailure = options.rollbackOnFailure ?? failed?.rollback_on_failure ?? false;
  const force = options.force ?? failed?.force ?? false;
  const going = object.operation?.state === 'IN_PROGRESS' ? object.operation : null;
  if (going?.action === 'delete' && (going.force === true || !force)) return object;
  const generation = object.generation + 1;
  const operation: Operation = {
    ...newOperation(caller, action, requested, generation, deadlineMs, now),
    ...(parts === undefined ? {} : { parts }),
    ...(rollbackOnFailure ? { rollback_on_failure: true } : {}),
    ...(force ? { force } : {}),
  };
  const next: T = {
    ...object,
    spec: options.spec ?? object.spec,
    generation,
    operation,
    updated_at: now,
    // Failed attempts at what went before say nothing of this operation.
    attempts: 0,
    next_attempt_at: new Date(now.getTime() + COMMAND_GRACE_MS),
  };
  const events = [];
  if (going !== null) {
    const cancelled: Operation = { ...going, state: 'CANCELLED', finished_at: now };
    const error = {
      code: 'operation_superseded',
      message: `A later ${action} took the place of this ${going.action}`,
    };
    const transition = {
      what: `${going.action}.cancelled`,
      state,
      previousState: state,
      operation: cancelled,
      error,
    };
    events.push(buildEvent(kind, object, object.sequence + 1, transition, now));
    events.push(...partEvents(kind, object, 'cancelled', cancelled, object.sequence + events.length, now));
  }
  const started = { what: `${action}.start`, state: stateOf(next), previousState: state, operation };
  events.push(buildEvent(kind, next, object.sequence + events.length + 1, started, now));
  events.push(...partEvents(kind, next, 'start', operation, object.sequence + events.length, now));
  return withEvents(next, events);
}

/** The notifications of an operation's parts: they begin and are cancelled with it. */
function partEvents(
  kind: KindIdentity,
  object: StoredObject,
  phase: 'start' | 'cancelled',
  operation: Operation,
  sequence: number,
  now: Date,
) {
  return (operation.parts ?? []).map((part, index) => {
    const transition = {
      what: `${part.action}.${phase}`,
      state: stateFor(part.action, 'IN_PROGRESS'),
      previousState: null,
      operation,
      part,
    };
    return buildEvent(kind, object, sequence + index + 1, transition, now);
  });
}

/** A change of an object of a kind that has no work to do. */
export function updateAtOnce<T extends StoredObject>(
  object: T,
  options: { kind: KindIdentity; caller: Requester; name?: string; spec: T['spec']; now?: Date },
): T {
  const { kind } = options;
  const now = transitionTime(object, options.now);
  const generation = object.generation + 1;
  const status = { ...object.status, state: 'UPDATE_COMPLETE' as const, observed_generation: generation };
  const next: T = {
    ...object,
    name: options.name ?? object.name,
    spec: options.spec,
    generation,
    status,
    updated_at: now,
  };
  return withEvents(next, [atOnce(kind, next, options.caller, object, 'update', now)]);
}

/** The end of an object of a kind that has no work to do. */
export function deleteAtOnce<T extends StoredObject>(
  object: T,
  options: { kind: KindIdentity; caller: Requester; now?: Date },
): T {
  const { kind } = options;
  const now = transitionTime(object, options.now);
  const status = { ...object.status, state: 'DELETE_COMPLETE' as const };
  const next: T = { ...object, status, updated_at: now, deleted_at: now };
  return withEvents(next, [atOnce(kind, next, options.caller, object, 'delete', now)]);
}

function atOnce(
  kind: KindIdentity,
  next: StoredObject,
  caller: Requester,
  before: StoredObject,
  action: Action,
  now: Date,
) {
  const transition = {
    what: `${action}.end`,
    state: next.status.state,
    previousState: before.status.state,
    operation: null,
  };
  return buildEvent(kind, { ...next, user_id: caller.userId }, before.sequence + 1, transition, now);
}

function withEvents<T extends StoredObject>(object: T, events: T['pending_events']): T {
  return {
    ...object,
    pending_events: [...object.pending_events, ...events],
    sequence: object.sequence + events.length,
  };
}

/** A retry repeats what failed: the action of the failed state. */
function actionToRetry(object: StoredObject): Action {
  return object.status.state.split('_')[0]?.toLowerCase() as Action;
}

function newOperation(
  caller: Requester,
  action: Action,
  requested: Operation['requested'],
  generation: number,
  deadlineMs: number,
  now: Date,
): Operation {
  return {
    uuid: randomUUID(),
    action,
    requested,
    generation,
    state: 'IN_PROGRESS',
    user_id: caller.userId,
    request_id: caller.requestId,
    ...(caller.traceparent === undefined ? {} : { traceparent: caller.traceparent }),
    accepted_at: now,
    deadline_at: new Date(now.getTime() + deadlineMs),
    finished_at: null,
    progress: null,
    error: null,
  };
}
