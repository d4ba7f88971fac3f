import type { Action, Observation } from '@cetus/shared/schemas';
import type { ObservedApplication } from '@cetus/shared/store';
import { judge } from '../observe/judge.ts';

/** Why the reconciler is to look at an application: an operation may wait for what was seen, or it is not as it was left. */
export type LookReason = 'observed' | 'drifted';

/**
 * Whether the reconciler is to look at an application for what was just seen of it in a cluster: an operation waits for that, which ends with
 * it or is held up; or it is gone there; or its workload is not as it was applied last. Null: it is not.
 * @param resourceGeneration `metadata.generation` of the workload, where there is one that counts
 */
export function wantsLook(
  { operation, generation, status, observed }: ObservedApplication,
  clusterId: string,
  resourceGeneration: number | null,
): LookReason | null {
  const seen = observed[clusterId];
  // That something goes on as it should is told already.
  if (operation?.state === 'IN_PROGRESS')
    return isNews(operation.action, seen, generation) ? 'observed' : null;
  const placement = status.placements.find(({ cluster_id }) => cluster_id === clusterId);
  if (placement === undefined || placement.applied_generation === null || placement.state === 'REMOVING')
    return null;
  if (seen?.phase === 'Missing') return 'drifted';
  const { workload_generation: applied } = placement;
  const isSame = applied === null || resourceGeneration === null || applied === resourceGeneration;
  return isSame ? null : 'drifted';
}

function isNews(action: Action, seen: Observation | undefined, generation: number): boolean {
  if (seen === undefined || seen.phase === 'Missing') return true;
  if (action === 'delete') return false;
  return seen.cause !== null || judge(seen, generation).state !== 'progressing';
}
