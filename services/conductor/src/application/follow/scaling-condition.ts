import { stateOf, type StoredApplication } from '@cetus/shared/schemas';
import { whereOf, type Conditioned, type Told } from './health-condition.ts';

/** Kubernetes' own word. */
export const SCALING_ACTIVE = 'ScalingActive';

/**
 * Whether the autoscalers of an application act, in all its clusters together. `False`: one of them cannot, and why. What is not known yet
 * changes nothing. The application may be well all the same: it has as many instances as it had. Null: there is nothing to tell, for it
 * has no autoscaler, or is going.
 */
export function scalingCondition(application: Conditioned): Told | null {
  if (stateOf(application as StoredApplication).startsWith('DELETE_')) return null;
  const said = application.status.placements.flatMap((placement) => {
    const { cluster_id, state } = placement;
    const autoscaler = state === 'REMOVING' ? undefined : application.observed[cluster_id]?.autoscaler;
    return autoscaler === undefined ? [] : [{ where: whereOf(placement), autoscaler }];
  });
  if (said.length === 0) return null;
  const telling =
    said.find(({ autoscaler }) => autoscaler.active === false) ??
    said.find(({ autoscaler }) => autoscaler.active === null);
  if (telling === undefined)
    return {
      type: SCALING_ACTIVE,
      status: 'True',
      reason: 'FollowsLoad',
      message: 'The number of instances follows their load in all its clusters',
    };
  const { where, autoscaler } = telling;
  const before = application.health_conditions?.find(({ type }) => type === SCALING_ACTIVE);
  return {
    type: SCALING_ACTIVE,
    status: autoscaler.active === false ? 'False' : (before?.status ?? 'Unknown'),
    reason: autoscaler.reason ?? 'NotYetKnown',
    message: `In cluster ${where}: ${autoscaler.message ?? 'the autoscaler has not said anything yet'}`,
  };
}
