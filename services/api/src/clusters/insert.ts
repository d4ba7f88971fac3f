import { CetusError } from '@cetus/shared/errors';
import { newObject, type Requester } from '@cetus/shared/operations';
import { unknownStatus, type ClusterSpec, type StoredCluster } from '@cetus/shared/schemas';
import { CLUSTER, type IdempotentRequest } from '@cetus/shared/store';
import type { ApiDeps } from '../deps.ts';
import { firstAnswer } from '../http/index.ts';
import { partOf } from '../node-groups/node-groups.ts';
import { takePlace } from '../quotas/limit.ts';
import { createTimeoutMs } from './create.ts';

export interface NewCluster {
  uuid: string;
  caller: Requester;
  name: string;
  spec: ClusterSpec;
  requested: 'create' | 'import';
  idempotency: IdempotentRequest | undefined;
}

/**
 * Accepts a new cluster: its place in the quota, one write, one command. Of requests with one Idempotency-Key, all answer the cluster
 * of the first.
 * @throws CetusError `quota_exceeded`, `idempotency_key_reused`
 */
export async function insertCluster(deps: ApiDeps, asked: NewCluster): Promise<StoredCluster> {
  const { uuid, caller, name, spec, requested, idempotency } = asked;
  try {
    await takePlace(deps, caller.projectId, uuid);
  } catch (error) {
    // The last place may have gone to the same request, sent twice at once.
    const full = error instanceof CetusError && error.code === 'quota_exceeded';
    const first = full ? await firstAnswer(deps.clusters, caller, idempotency) : null;
    if (first === null) throw error;
    return first;
  }
  const { object, replayed } = await deps.clusters.create(
    {
      ...newObject<ClusterSpec, StoredCluster['status']>({
        kind: CLUSTER,
        uuid,
        caller,
        name,
        spec,
        status: unknownStatus(),
        requested,
        parts: spec.node_groups.map((group) => partOf(group, 'create')),
        deadlineMs: createTimeoutMs(spec),
      }),
      health: null,
      follow: null,
    },
    idempotency,
  );
  if (replayed) await deps.ledger.giveBack(caller.projectId, uuid);
  else await deps.dispatcher.dispatch(CLUSTER, object);
  return object;
}
