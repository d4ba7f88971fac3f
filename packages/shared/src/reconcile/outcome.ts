import type { StoredObject } from '../schemas/object.ts';
import type { Blocker } from '../schemas/operation.ts';
import type { Condition, Failure, ObjectState } from '../schemas/state.ts';

/** What one round of reconciling found and did. Written to the object in one write. */
export interface Outcome<T extends StoredObject> {
  /** Facts that were found. */
  status?: Partial<T['status']>;
  /** Conditions as they are now; those that are not named stay as they were. `since` is kept by the loop. */
  conditions?: readonly Omit<Condition, 'since'>[];
  /** The operation has ended. Absent: it goes on. */
  ended?:
    | {
        state: 'COMPLETE';
        /** What is so only if it was this operation that ended, and no other took its place meanwhile. */
        status?: Partial<T['status']>;
      }
    | {
        state: 'FAILED';
        failure: Failure;
        /** Which of the operation's parts failed, by uuid; the others are complete. Absent: all failed with it. */
        failedParts?: Readonly<Record<string, Failure>>;
      };
  /** What the operation waits for outside of Cetus, and what it did not wait for any longer; absent: as before. */
  blockedBy?: readonly Blocker[];
  leftBehind?: readonly Blocker[];
  /** What the operation waits for, for people. */
  progress?: string;
  /** Without an operation: the object is no longer in the state that it was in. */
  drifted?: { state: ObjectState; failure: Failure | null };
  /** Look again after so many milliseconds, 0: at once; absent: after the resync interval. */
  wakeUpAfterMs?: number;
}

/** What a round gets besides the object. */
export interface ReconcileContext {
  /** Aborted when the lease is lost or the process ends: stop as soon as possible, and write nothing. */
  signal: AbortSignal;
  /** The operation's deadline is over: this is the last round in which it can still end well. */
  deadlineExceeded: boolean;
}

/**
 * Brings one object from what is to what is asked for, one round at a time. Level-triggered: it gets the newest document, compares it
 * with the back end, and acts on the difference; doing it twice changes nothing.
 *
 * It throws CetusError: a retryable one is tried again with growing delays until the deadline, any other ends the operation.
 */
export interface Reconciler<T extends StoredObject> {
  reconcile(object: T, context: ReconcileContext): Promise<Outcome<T>>;
  /** What an error that `reconcile` threw says about the object. */
  conditionsOnError?(error: unknown): Outcome<T>['conditions'];
}
