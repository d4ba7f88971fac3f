import type { Overrides, StoredCluster, StoredPlacement } from '@cetus/shared/schemas';
import type { PlacementStore } from '@cetus/shared/store';

/** A cluster that an application shall be in. */
export interface WantedPlacement {
  clusterId: string;
  /** Undefined: it is named, and is gone. */
  cluster: StoredCluster | undefined;
  overrides: Overrides;
}

/**
 * The clusters that an application's placements are now, each once: what names it comes before what its labels say, and what is said
 * first before what is said later.
 * @throws CetusError `store_unavailable`
 */
export async function wantedPlacements(
  store: Pick<PlacementStore, 'clustersById' | 'clustersByLabels'>,
  projectId: string,
  placements: readonly StoredPlacement[],
): Promise<WantedPlacement[]> {
  const wanted = new Map<string, WantedPlacement>();
  const named = placements.flatMap(({ cluster_id }) => (cluster_id === null ? [] : [cluster_id]));
  const clusters = await store.clustersById(projectId, named);
  for (const { cluster_id: clusterId, overrides } of placements) {
    if (clusterId === null || wanted.has(clusterId)) continue;
    wanted.set(clusterId, { clusterId, cluster: clusters.get(clusterId), overrides });
  }
  for (const { selector, overrides } of placements) {
    if (selector === null) continue;
    for (const cluster of await store.clustersByLabels(projectId, selector)) {
      if (!wanted.has(cluster._id)) wanted.set(cluster._id, { clusterId: cluster._id, cluster, overrides });
    }
  }
  return [...wanted.values()];
}
