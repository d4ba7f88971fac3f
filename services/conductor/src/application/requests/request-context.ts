import type { PlacementStatus, StoredApplication, StoredCluster } from '@cetus/shared/schemas';
import type { PlacementStore } from '@cetus/shared/store';
import type { ClusterApi, ClusterConnections } from '../cluster-connections.ts';
import { inParallel } from '@cetus/kubernetes/in-parallel';
import { troubleIn } from '../placement/trouble-in.ts';

/** What answers to requests about applications need. */
export interface RequestContext {
  places: Pick<PlacementStore, 'clustersById'>;
  connections: Pick<ClusterConnections, 'use' | 'hold'>;
}

/** A cluster that could not be asked. */
export interface ClusterProblem {
  cluster_id: string;
  code: string;
  message: string;
}

export interface PlacedCluster {
  placement: PlacementStatus;
  cluster: StoredCluster;
}

/** Clusters that one request asks at once. */
const AT_ONCE = 8;

/**
 * The clusters that an application is in, in the order of its placements, that can be asked: those that have a kubeconfig.
 * @param clusterId only this one
 */
export async function placedClusters(
  { places }: Pick<RequestContext, 'places'>,
  application: Pick<StoredApplication, 'project_id' | 'status'>,
  clusterId: string | undefined,
): Promise<PlacedCluster[]> {
  const placements = application.status.placements.filter(
    ({ cluster_id }) => clusterId === undefined || cluster_id === clusterId,
  );
  const ids = placements.map(({ cluster_id }) => cluster_id);
  const clusters = await places.clustersById(application.project_id, ids);
  return placements.flatMap((placement) => {
    const cluster = clusters.get(placement.cluster_id);
    return cluster?.status.kubeconfig == null ? [] : [{ placement, cluster }];
  });
}

/** Asks every one of some clusters; those that cannot be asked are named with what is wrong, and do not hide what the others answer. */
export async function askEverywhere<T>(
  { connections }: Pick<RequestContext, 'connections'>,
  placed: readonly PlacedCluster[],
  signal: AbortSignal,
  ask: (api: ClusterApi, placed: PlacedCluster) => Promise<T>,
): Promise<{ answers: T[]; problems: ClusterProblem[] }> {
  const problems: ClusterProblem[] = [];
  const answers = await inParallel(placed, AT_ONCE, async (one) => {
    try {
      return [await connections.use(one.cluster, signal, (api) => ask(api, one))];
    } catch (error) {
      signal.throwIfAborted();
      const { failure, message } = troubleIn(error, one.cluster);
      problems.push({ cluster_id: one.cluster._id, code: failure?.code ?? 'back_end_unavailable', message });
      return [];
    }
  });
  return { answers: answers.flat(), problems };
}
