import { toCetusError } from '@cetus/kubernetes/errors';
import { CetusError } from '@cetus/shared/errors';
import { failureFrom } from '@cetus/shared/reconcile';
import type { Failure, StoredCluster } from '@cetus/shared/schemas';
import { DifferentClusterError } from '../../health/trouble.ts';

/** What a failed attempt in one cluster means: it is tried again, or it has failed. */
export interface TroubleIn {
  message: string;
  /** Null: it may go well later. */
  failure: Failure | null;
  retryAfterMs: number;
}

/** @throws the error, when it says nothing about the cluster: a mistake of ours, or the database */
export function troubleIn(thrown: unknown, cluster: Pick<StoredCluster, '_id' | 'name'>): TroubleIn {
  const error = meaningOf(thrown);
  if (!(error instanceof CetusError)) throw error;
  if (error.code === 'store_unavailable') throw error;
  const message = `${cluster.name}: ${error.message}`;
  if (error.retryable) return { message, failure: null, retryAfterMs: error.retryAfterMs ?? 0 };
  const { resource } = failureFrom(error);
  return {
    message,
    failure: { code: error.code, message, ...(resource === undefined ? {} : { resource }) },
    retryAfterMs: 0,
  };
}

function meaningOf(error: unknown): unknown {
  // Who answers now is somebody else; the cluster may come back, and what is asked for is not for whoever is there now.
  if (error instanceof DifferentClusterError)
    return new CetusError('back_end_unavailable', error.message, { cause: error });
  return toCetusError(error);
}
