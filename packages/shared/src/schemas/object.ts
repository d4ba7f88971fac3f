import type { CloudEvent } from './event.ts';
import type { Operation } from './operation.ts';
import type { Condition, Failure, ObjectState } from './state.ts';
import { stateFor } from './state.ts';

/** Who works on an object now. Taken by compare-and-set; `token` rises with every holder and fences late writes. */
export interface Lease {
  owner: string;
  until: Date;
  token: number;
}

/** What was found, written only by the service that owns the kind. */
export interface ObjectStatus {
  /** The generation that the last ended operation brought about. */
  observed_generation: number;
  /** The state after the last ended operation or a noticed drift; see {@link stateOf} for what a reader is told. */
  state: ObjectState;
  state_reason: string | null;
  failure: Failure | null;
  conditions: Condition[];
}

/** A notification that is not yet known to be published, with the operation as it was then. */
export interface PendingEvent {
  event: CloudEvent;
  operation: Operation | null;
}

/** What is kept of a request that named an Idempotency-Key, to know it again. */
export interface IdempotencyRecord {
  key: string;
  /** Of what was asked for. */
  fingerprint: string;
  /** The secret key that the fingerprint was made with; absent: none. */
  key_id?: string;
}

/** The document of an object of any kind, as MongoDB holds it. */
export interface StoredObject<Spec = unknown, Status extends ObjectStatus = ObjectStatus> {
  _id: string;
  project_id: string;
  user_id: string;
  name: string;
  /** What is asked for, written only by the API. */
  spec: Spec;
  /** Rises with every accepted change of `spec` and every accepted operation, and with a rollback that begins by itself. */
  generation: number;
  /** Rises with every write that a reader can see: the entity tag, and the guard of compare-and-set. */
  revision: number;
  status: Status;
  operation: Operation | null;
  /** Notifications that are not yet known to be published, oldest first. */
  pending_events: PendingEvent[];
  /** The sequence number of the newest notification. */
  sequence: number;
  lease: Lease | null;
  /** The token of the newest lease. */
  lease_token: number;
  /** When the object wants to be looked at again; null: not by itself. */
  next_attempt_at: Date | null;
  /** Attempts in a row that ended in a retryable error. */
  attempts: number;
  /** Rounds in a row whose holder died before it wrote anything. */
  abandoned: number;
  /** Present when the object was created with an Idempotency-Key. */
  idempotency?: IdempotencyRecord;
  created_at: Date;
  updated_at: Date;
  /** Set when the object is gone; the document stays a while so that a repeated request finds its answer. */
  deleted_at: Date | null;
}

/** The state that a reader is told: what goes on now comes before what ended last, so an accepted request shows at once. */
export function stateOf(object: Pick<StoredObject, 'operation' | 'status'>): ObjectState {
  const { operation, status } = object;
  return operation?.state === 'IN_PROGRESS' ? stateFor(operation.action, 'IN_PROGRESS') : status.state;
}

/** Why the object is in its state: what goes on now waits for, or how the last operation ended. */
export function stateReasonOf(object: Pick<StoredObject, 'operation' | 'status'>): string | null {
  return object.operation?.state === 'IN_PROGRESS' ? object.operation.progress : object.status.state_reason;
}

/** The failure that a reader is told: none while an operation goes on. */
export function failureOf(object: Pick<StoredObject, 'operation' | 'status'>): Failure | null {
  return object.operation?.state === 'IN_PROGRESS' ? null : object.status.failure;
}
