import { CetusError } from '../errors/index.ts';
import type { StoredObject } from '../schemas/object.ts';
import { hasStarted, timeOf } from '../schemas/operation.ts';
import type { Failure } from '../schemas/state.ts';
import { backoff, type BackoffOptions } from './backoff.ts';
import type { Outcome, Reconciler } from './outcome.ts';

/** A mistake of ours may be of the moment; after so many attempts in a row the operation is failed. */
const MAX_INTERNAL_ERRORS = 5;

/** The longest that a back end may put us off, in milliseconds. */
const MAX_RETRY_AFTER_MS = 300_000;

/** Processes that may die over one object before it is taken for the cause. */
const MAX_ABANDONED = 5;

/** What a round came to: what to write, how many attempts have failed in a row, and what was thrown, for the log. */
export interface RoundResult<T extends StoredObject> {
  outcome: Outcome<T>;
  attempts: number;
  error?: unknown;
}

/** Runs one round, and makes an outcome of whatever happens in it, the end of the operation's time included. */
export async function runRound<T extends StoredObject>(
  reconciler: Reconciler<T>,
  object: T,
  signal: AbortSignal,
  options: { now: Date; backoff: BackoffOptions },
): Promise<RoundResult<T>> {
  const operation = object.operation?.state === 'IN_PROGRESS' ? object.operation : null;
  const deadlineExceeded = isOverdue(object, options.now);
  if (operation !== null && object.abandoned >= MAX_ABANDONED) {
    const message = `${String(object.abandoned)} processes in a row ended while they worked on it; their logs say more`;
    return {
      outcome: { ended: { state: 'FAILED', failure: { code: 'internal_error', message } } },
      attempts: 0,
    };
  }
  try {
    const outcome = await reconciler.reconcile(object, { signal, deadlineExceeded });
    if (!deadlineExceeded || outcome.ended !== undefined) return { outcome, attempts: 0 };
    return {
      outcome: { ...outcome, ended: { state: 'FAILED', failure: outOfTime(object, outcome.progress) } },
      attempts: 0,
    };
  } catch (thrown) {
    // Aborted because it took too long, it is tried again like any other silence of the back end; else nothing of it counts.
    if (signal.aborted && !(signal.reason instanceof CetusError)) throw signal.reason;
    const error: unknown = signal.aborted ? signal.reason : thrown;
    const attempts = object.attempts + 1;
    const failure = failureFrom(error);
    const conditions = reconciler.conditionsOnError?.(error) ?? [];
    const again = error instanceof CetusError ? error.retryable : attempts < MAX_INTERNAL_ERRORS;
    if (again && !deadlineExceeded) {
      const delay = backoff(attempts, options.backoff);
      const retryAfterMs = error instanceof CetusError ? (error.retryAfterMs ?? 0) : 0;
      const wakeUpAfterMs = Math.max(delay, Math.min(retryAfterMs, MAX_RETRY_AFTER_MS));
      return { outcome: { conditions, progress: failure.message, wakeUpAfterMs }, attempts, error };
    }
    const final = again ? outOfTime(object, failure.message) : failure;
    const ended = { state: 'FAILED' as const, failure: final };
    return { outcome: operation === null ? { conditions } : { conditions, ended }, attempts: 0, error };
  }
}

/** Whether the time of what goes on is over. It has not begun before the first round of it. */
export function isOverdue({ operation }: Pick<StoredObject, 'operation'>, now: Date): boolean {
  return operation?.state === 'IN_PROGRESS' && hasStarted(operation) && now >= operation.deadline_at;
}

/** A failure as a reader is told it. A mistake of ours is not shown in its own words, which may hold anything. */
export function failureFrom(error: unknown): Failure {
  if (!(error instanceof CetusError))
    return { code: 'internal_error', message: 'Cetus made a mistake; its log says more' };
  return {
    code: error.code,
    message: error.message,
    ...(error.resource === undefined ? {} : { resource: error.resource }),
  };
}

function outOfTime(object: StoredObject, last: string | undefined): Failure {
  const operation = object.operation;
  const minutes = operation === null ? 0 : timeOf(operation) / 60_000;
  const why = last === undefined ? '' : `; at the end: ${last}`;
  return {
    code: 'operation_deadline_exceeded',
    message: `The ${operation?.action ?? 'operation'} did not end within ${String(Math.round(minutes * 10) / 10)} minutes${why}`,
  };
}
