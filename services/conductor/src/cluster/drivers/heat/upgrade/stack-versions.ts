import {
  isMaster,
  nodeGroupsOf,
  type NodeGroupFacts,
  type NodeGroupSpec,
  type StoredCluster,
} from '@cetus/shared/schemas';
import { readGroupOutputs, readStackOutputs, type StackOutput } from '../read-outputs.ts';
import { groupKey } from '../worker-groups.ts';
import type { UpgradeGroup } from './upgrade-node.ts';

type State = StoredCluster['status']['driver_state'];

/** Set before the first node is touched, until all are as asked: whether marks may be left on nodes. */
const UPGRADING = 'upgrading';

export function announceUpgrade(state: State): State {
  return { ...state, [UPGRADING]: true };
}

export function isUpgrading(state: State): boolean {
  return state[UPGRADING] === true;
}

export function upgradeEnded({ [UPGRADING]: _, ...state }: State): State {
  return state;
}

/** The groups whose nodes the stack makes with another version than is asked for. What names no version takes any. */
export function outdatedGroups(
  spec: { node_groups: readonly NodeGroupSpec[] },
  outputs: readonly StackOutput[] | undefined,
): NodeGroupSpec[] {
  return nodeGroupsOf(spec).filter((group) => {
    const wanted = group.labels['kube_tag'];
    const made = isMaster(group)
      ? readStackOutputs(outputs).masterVersion
      : readGroupOutputs(outputs, groupKey(group)).version;
    return wanted !== undefined && made !== null && made !== wanted;
  });
}

/** What is known of the groups while they are upgraded: their nodes say it, not the stack. */
export function withRollouts(
  facts: readonly NodeGroupFacts[],
  groups: readonly UpgradeGroup[],
  outdated: readonly NodeGroupSpec[],
  goesOn: boolean,
): NodeGroupFacts[] {
  const changing = new Set(outdated.map(({ uuid }) => uuid));
  return facts.map((fact) => {
    const group = groups.find(({ uuid }) => uuid === fact.uuid);
    if (group === undefined) return fact;
    const { nodes, wanted } = group;
    const versions = new Set(nodes.map(({ version }) => version));
    const [only = null] = versions;
    const updated = nodes.filter(({ version }) => version === wanted).length;
    return {
      ...fact,
      version: versions.size === 1 ? only : versions.size === 0 ? fact.version : null,
      rollout: goesOn && changing.has(fact.uuid) ? { updated, total: nodes.length } : null,
    };
  });
}
