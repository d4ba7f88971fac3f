import { isMaster, nodeGroupsOf, type NodeGroupSpec } from '@cetus/shared/schemas';
import { groupName, PARAMETER } from './template/names.ts';

interface HasNodeGroups {
  node_groups: readonly NodeGroupSpec[];
}

/**
 * What the resources of a group of workers have in their names: nothing (null) for the workers that every cluster begins with, else the random
 * part of the group's id. Not its name, which may be given again while the group before it is still being deleted.
 */
export function groupKey({ uuid, is_default }: Pick<NodeGroupSpec, 'uuid' | 'is_default'>): string | null {
  return is_default ? null : uuid.slice(-12);
}

/** The groups of workers that shall be there. */
export function workerGroupsOf(spec: HasNodeGroups): NodeGroupSpec[] {
  return nodeGroupsOf(spec).filter((group) => !isMaster(group));
}

/** The groups of workers that a stack was told to have, by key, and how many nodes. */
export function countsOf(parameters: Readonly<Record<string, string>>): Map<string | null, number> {
  const prefix = `${PARAMETER.nodeCount}_`;
  const counts = new Map<string | null, number>();
  for (const [name, value] of Object.entries(parameters)) {
    if (name === PARAMETER.nodeCount) counts.set(null, Number(value));
    else if (name.startsWith(prefix)) counts.set(name.slice(prefix.length), Number(value));
  }
  return counts;
}

/** How what a stack was told differs from what it shall be: in its groups, in their numbers of nodes, or not at all. */
export function differenceOf(
  spec: HasNodeGroups,
  parameters: Readonly<Record<string, string>>,
): 'groups' | 'counts' | null {
  const counts = countsOf(parameters);
  const wanted = workerGroupsOf(spec);
  const same = wanted.length === counts.size && wanted.every((group) => counts.has(groupKey(group)));
  if (!same) return 'groups';
  return wanted.every((group) => counts.get(groupKey(group)) === group.node_count) ? null : 'counts';
}

/** The same for people; null when there is no difference. */
export function describeDrift(
  spec: HasNodeGroups,
  parameters: Readonly<Record<string, string>>,
): string | null {
  const counts = countsOf(parameters);
  const drifts = workerGroupsOf(spec).flatMap((group) => {
    const count = counts.get(groupKey(group));
    counts.delete(groupKey(group));
    if (count === group.node_count) return [];
    if (count === undefined) return [`The stack has no node group ${group.name}`];
    const nodes = `${String(count)} nodes instead of ${String(group.node_count)}`;
    return [`The stack has ${nodes} in the node group ${group.name}`];
  });
  const more = counts.size === 0 ? [] : ['The stack has a node group more than was asked for'];
  const all = [...drifts, ...more];
  return all.length === 0 ? null : all.join('; ');
}

/**
 * Parameters of an update that changes numbers of workers.
 * `nodes_to_remove` is set each time, so that an old list cannot act again on a group that has none now.
 */
export function scaleParameters(
  groups: readonly Pick<NodeGroupSpec, 'uuid' | 'is_default' | 'node_count' | 'nodes_to_remove'>[],
): Record<string, string | number> {
  return Object.fromEntries(
    groups.flatMap((group): [string, string | number][] => [
      [groupName(PARAMETER.nodeCount, groupKey(group)), group.node_count],
      [groupName(PARAMETER.nodesToRemove, groupKey(group)), group.nodes_to_remove.join(',')],
    ]),
  );
}
