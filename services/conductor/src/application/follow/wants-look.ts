import type { ObservedApplication } from '@cetus/shared/store';

/** Why the reconciler is to look at an application: an operation may wait for what was seen, or it is not as it was left. */
export type LookReason = 'observed' | 'drifted';

/**
 * Whether the reconciler is to look at an application for what was just seen of it in a cluster: an operation waits for that; or it is
 * gone there; or its workload is not as it was applied last. Null: it is not.
 * @param resourceGeneration `metadata.generation` of the workload, where there is one that counts
 */
export function wantsLook(
  { operation, status, observed }: ObservedApplication,
  clusterId: string,
  resourceGeneration: number | null,
): LookReason | null {
  if (operation?.state === 'IN_PROGRESS') return 'observed';
  const placement = status.placements.find(({ cluster_id }) => cluster_id === clusterId);
  if (placement === undefined || placement.applied_generation === null || placement.state === 'REMOVING')
    return null;
  if (observed[clusterId]?.phase === 'Missing') return 'drifted';
  const { workload_generation: applied } = placement;
  const isSame = applied === null || resourceGeneration === null || applied === resourceGeneration;
  return isSame ? null : 'drifted';
}
