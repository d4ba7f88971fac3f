import { CetusError } from '@cetus/shared/errors';
import { acceptOperation, type AcceptOptions } from '@cetus/shared/operations';
import {
  Ref,
  specOf,
  timeOf,
  type ClusterSpec,
  type OperationPart,
  type StoredCluster,
} from '@cetus/shared/schemas';
import { CLUSTER } from '@cetus/shared/store';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ApiDeps } from '../deps.ts';
import { requesterOf, scopeOfRequest, VERSION, type LinkBuilder } from '../http/index.ts';
import { nodeGroupsSeen, partOf } from '../node-groups/node-groups.ts';
import { createTimeoutMs } from './create.ts';

/** What an accepted request about a cluster answers. */
export const ClusterIdRef = Ref<{ uuid: string }>('ClusterId');

type ClusterRequest = FastifyRequest<{ Params: { ref: string }; Querystring: { all_projects?: boolean } }>;

/** What an operation changes. */
export interface ClusterPlan {
  spec?: ClusterSpec;
  parts?: OperationPart[];
  rollbackOnFailure?: boolean;
  force?: boolean;
  /** How often nodes are changed one after the other: the operation may take so many times as long. */
  batches?: number;
}

export interface ClusterChange {
  requested: AcceptOptions<ClusterSpec>['requested'];
  /**
   * What a cluster shall be after the request, which it refuses by throwing; null when nothing is left to do. Called with the newest
   * document, again when another writer came first.
   */
  plan?: (cluster: StoredCluster) => ClusterPlan | null;
  ifMatch?: string;
}

/** Accepts an operation on the cluster that a request names: one write, one command. Answers its id. */
export async function changeCluster(
  deps: ApiDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  change: ClusterChange,
): Promise<{ uuid: string }> {
  const { cluster } = await changedCluster(deps, request, change);
  if (cluster.operation !== null) reply.header('cetus-operation-id', cluster.operation.uuid);
  return { uuid: cluster._id };
}

/** As {@link changeCluster}; answers the cluster, and whether an operation was accepted. */
export async function changedCluster(
  deps: ApiDeps,
  request: FastifyRequest,
  { requested, plan, ...options }: ClusterChange,
): Promise<{ cluster: StoredCluster; changed: boolean }> {
  const { params } = request as ClusterRequest;
  const caller = requesterOf(request);
  let changed = false;
  const cluster = await deps.clusters.change(
    scopeOfRequest(request as ClusterRequest),
    params.ref,
    (current) => {
      const planned = plan === undefined ? {} : plan(current);
      changed = planned !== null;
      if (planned === null) return current;
      const { batches = 1, ...what } = planned;
      return acceptOperation(current, {
        kind: CLUSTER,
        caller,
        requested,
        ...what,
        deadlineMs: deletes(requested, current)
          ? deps.config.CETUS_DELETE_TIMEOUT_MINUTES * 60_000
          : Math.max(createTimeoutMs(current.spec, batches), timeBefore(requested, current)),
      });
    },
    options,
  );
  if (changed) await deps.dispatcher.dispatch(CLUSTER, cluster);
  return { cluster, changed };
}

/** The answer to a request for a new cluster. */
export function accepted(
  reply: FastifyReply,
  links: LinkBuilder,
  base: string,
  cluster: StoredCluster,
): { uuid: string } {
  // A later operation is not what the request was answered with first.
  if (cluster.operation?.generation === 1) reply.header('cetus-operation-id', cluster.operation.uuid);
  reply.code(202).header('location', links.self(base, 'clusters', cluster._id));
  return { uuid: cluster._id };
}

/** What a change of a cluster begins with: what counts now, without the node groups that nothing is left of, nor the nodes that went. */
export function currentSpec(cluster: StoredCluster): ClusterSpec {
  const wentWell = cluster.operation?.state === 'COMPLETE';
  const node_groups = nodeGroupsSeen(cluster).map((group) =>
    wentWell && group.nodes_to_remove.length > 0 ? { ...group, nodes_to_remove: [] } : group,
  );
  return { ...specOf(cluster), node_groups };
}

/** A deletion: all node groups go with the cluster. */
export function planOfDelete(force: boolean): (cluster: StoredCluster) => ClusterPlan {
  return (cluster) => ({
    // After a rollback, what it went back to is what is there to be removed and to be shown.
    spec: specOf(cluster),
    force,
    parts: nodeGroupsSeen(cluster).map((group) => partOf(group, 'delete')),
  });
}

function deletes(requested: ClusterChange['requested'], cluster: StoredCluster): boolean {
  return requested === 'delete' || (requested === 'retry' && cluster.status.state === 'DELETE_FAILED');
}

/** What repeats a change, or undoes it, has as long as that had, in milliseconds: it may be one of many batches. */
function timeBefore(requested: ClusterChange['requested'], { operation }: StoredCluster): number {
  if (operation === null || (requested !== 'retry' && requested !== 'rollback')) return 0;
  return timeOf(operation);
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
