import type {
  Failure,
  NodeGroupFacts,
  NodeGroupStatus,
  ObjectState,
  OperationPart,
  StoredCluster,
} from '@cetus/shared/schemas';
import { stateFor } from '@cetus/shared/schemas';
import type { DriverResult } from './cluster-driver.ts';

/**
 * The node groups of a cluster after a round: what the driver found of each, and how the operation ended for those that it touched.
 * @param facts all groups that the driver found; undefined when it did not look
 * @param result how far the driver is; undefined when nothing was asked of it
 */
export function nodeGroupStatuses(
  cluster: StoredCluster,
  facts: readonly NodeGroupFacts[] | undefined,
  result: DriverResult | undefined,
): NodeGroupStatus[] {
  const known = new Map(cluster.status.node_groups.map((group) => [group.uuid, group]));
  const found = facts ?? cluster.status.node_groups;
  const parts = new Map((cluster.operation?.parts ?? []).map((part) => [part.uuid, part]));
  return found.map((group) => {
    const part = parts.get(group.uuid);
    const ended = result === undefined || part === undefined ? undefined : endedState(part, result);
    return { ...stateBefore(known.get(group.uuid)), ...group, ...ended };
  });
}

type State = Pick<NodeGroupStatus, 'state' | 'state_reason' | 'failure'>;

function stateBefore(group: NodeGroupStatus | undefined): State {
  if (group === undefined) return { state: 'CREATE_COMPLETE', state_reason: null, failure: null };
  const { state, state_reason, failure } = group;
  return { state, state_reason, failure };
}

function endedState(part: OperationPart, result: DriverResult): State | undefined {
  if (result.phase === 'working') return undefined;
  const failure = failureOf(part, result);
  const state: ObjectState = stateFor(part.action, failure === null ? 'COMPLETE' : 'FAILED');
  return { state, state_reason: failure?.message ?? null, failure };
}

function failureOf(part: OperationPart, result: DriverResult): Failure | null {
  if (result.phase !== 'failed') return null;
  return result.failedGroups === undefined ? result.failure : (result.failedGroups[part.uuid] ?? null);
}
