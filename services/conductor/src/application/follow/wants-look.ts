import type { ObservedApplication } from '@cetus/shared/store';

/**
 * Whether the reconciler is to look at an application for what was just seen of it in a cluster: an operation waits for that; or it is
 * gone there; or its workload is not as it was applied last.
 * @param resourceGeneration `metadata.generation` of the workload, where there is one that counts
 */
export function wantsLook(
  { operation, status, observed }: ObservedApplication,
  clusterId: string,
  resourceGeneration: number | null,
): boolean {
  if (operation?.state === 'IN_PROGRESS') return true;
  const placement = status.placements.find(({ cluster_id }) => cluster_id === clusterId);
  if (placement === undefined || placement.applied_generation === null || placement.state === 'REMOVING')
    return false;
  if (observed[clusterId]?.phase === 'Missing') return true;
  const { workload_generation: applied } = placement;
  return applied !== null && resourceGeneration !== null && applied !== resourceGeneration;
}
