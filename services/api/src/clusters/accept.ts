import { CetusError } from '@cetus/shared/errors';
import { acceptOperation } from '@cetus/shared/operations';
import { Ref, type ClusterSpec, type StoredCluster } from '@cetus/shared/schemas';
import { CLUSTER } from '@cetus/shared/store';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ApiDeps } from '../deps.ts';
import { requesterOf, scopeOfRequest } from '../http/caller.ts';
import { VERSION } from '../http/microversion.ts';
import { createTimeoutMs } from './create.ts';

/** What an accepted request about a cluster answers. */
export const ClusterIdRef = Ref<{ uuid: string }>('ClusterId');

type ClusterRequest = FastifyRequest<{ Params: { ref: string }; Querystring: { all_projects?: boolean } }>;

export interface ClusterChange {
  requested: 'update' | 'delete' | 'retry';
  /** The new specification, for an update; called again when another writer came first. */
  update?: (spec: ClusterSpec) => ClusterSpec;
  ifMatch?: string;
}

/** Accepts an operation on the cluster that a request names: one write, one command. */
export async function changeCluster(
  deps: ApiDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  { requested, update, ...options }: ClusterChange,
): Promise<{ uuid: string }> {
  const { params } = request as ClusterRequest;
  const caller = requesterOf(request);
  const cluster = await deps.clusters.change(
    scopeOfRequest(request as ClusterRequest),
    params.ref,
    (current) =>
      acceptOperation(current, {
        kind: CLUSTER,
        caller,
        requested,
        ...(update === undefined ? {} : { spec: update(current.spec) }),
        deadlineMs: deletes(requested, current)
          ? deps.config.CETUS_DELETE_TIMEOUT_MINUTES * 60_000
          : createTimeoutMs(current.spec),
      }),
    options,
  );
  await deps.dispatcher.dispatch(CLUSTER, cluster);
  if (cluster.operation !== null) reply.header('cetus-operation-id', cluster.operation.uuid);
  return { uuid: cluster._id };
}

function deletes(requested: ClusterChange['requested'], cluster: StoredCluster): boolean {
  return requested === 'delete' || (requested === 'retry' && cluster.status.state === 'DELETE_FAILED');
}

/**
 * Before version 1.10 a cluster has a worker.
 * @throws CetusError `invalid_field`
 */
export function refuseZeroNodes(request: FastifyRequest, nodeCount: number | null | undefined): void {
  if (nodeCount === 0 && request.microversion < VERSION.zeroNodes) {
    throw new CetusError(
      'invalid_field',
      `node_count must be at least 1 before version 1.${VERSION.zeroNodes}`,
      {
        field: 'node_count',
      },
    );
  }
}
