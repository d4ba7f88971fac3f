import { type Failure, type NodeGroupSpec, type StoredCluster } from '@cetus/shared/schemas';
import type { Stack } from '@cetus/openstack/heat';
import type { StackResourceState } from '../../openstack/stack-failure.ts';
import { belowResource, membersOf } from '../group-failures.ts';
import type { Leftovers } from '../leftovers.ts';
import type { StackReader } from '../stack-reader.ts';
import { clusterResourceName, RESOURCE } from '../template/names.ts';
import { countsOf, groupKey, workerGroupsOf } from '../worker-groups.ts';

/** A worker as Heat has it. */
export interface Member {
  /** The group's key; see {@link groupKey}. */
  key: string | null;
  index: number;
  /** The name of its Node. */
  node: string;
  /** The ids of its server: more than one while another takes its place, none before it is made. */
  serverIds: string[];
  /** `<ACTION>_<STATUS>`. */
  status: string;
}

const SERVER = 'OS::Nova::Server';

/**
 * The workers of a stack, those too that are being made or deleted, or failed; in the order of their numbers.
 * @param resources of the stack, with two levels of nested stacks
 */
export function workersOf(uuid: string, resources: readonly StackResourceState[]): Member[] {
  return resources
    .flatMap((group) => {
      const key = keyOf(group);
      return key === undefined ? [] : membersOf(group, resources).map((member) => ({ key, member }));
    })
    .filter(({ member }) => member.resource_status !== 'DELETE_COMPLETE')
    .map(({ key, member }) => ({
      key,
      index: Number(member.resource_name),
      node: clusterResourceName(uuid, `${key ?? 'worker'}-${member.resource_name}`),
      serverIds: [member, ...belowResource(member, resources)]
        .filter(({ resource_type }) => resource_type === SERVER)
        .flatMap(({ physical_resource_id: id }) => (id == null || id === '' ? [] : [id])),
      status: member.resource_status,
    }))
    .toSorted((a, b) => a.index - b.index);
}

/** The key of the group that a resource of the stack stands for; undefined for other resources. */
function keyOf({ resource_name, parent_resource }: StackResourceState): string | null | undefined {
  if (parent_resource != null) return undefined;
  if (resource_name === RESOURCE.workers) return null;
  const prefix = `${RESOURCE.workers}_`;
  return resource_name.startsWith(prefix) ? resource_name.slice(prefix.length) : undefined;
}

/** The names of the nodes that a stack has, or may have, a machine for. */
export async function presentNodes(reader: StackReader, uuid: string, stack: Stack): Promise<Set<string>> {
  return new Set(workersOf(uuid, await reader.resources(stack, 1)).map(({ node }) => node));
}

/** Whether an update to what is asked for may take workers away from the stack, as far as its parameters tell. */
export function mayRemoveWorkers(spec: StoredCluster['spec'], stack: Stack): boolean {
  const wanted = new Map(workerGroupsOf(spec).map((group) => [groupKey(group), group]));
  return [...countsOf(stack.parameters)].some(([key, count]) => {
    const group = wanted.get(key);
    return group === undefined || group.node_count < count || group.nodes_to_remove.length > 0;
  });
}

/**
 * The workers that Heat takes away when it is told what is asked for: those that are named and those that could not be deleted before, then the
 * highest numbers. Of what it is taking away already there is nothing to be saved.
 */
export function goingWorkers(
  spec: StoredCluster['spec'],
  members: readonly Member[],
  leftovers: Leftovers,
): Member[] {
  const groups = workerGroupsOf(spec).filter((group) => !leftovers.isGroup(groupKey(group)));
  const wanted = new Map(groups.map((group) => [groupKey(group), group]));
  return [...new Set(members.map(({ key }) => key))].flatMap((key) => {
    const there = members.filter((member) => member.key === key && member.status !== 'DELETE_IN_PROGRESS');
    const group = wanted.get(key);
    if (group === undefined) return there;
    const first = there.filter((member) => isNamed(member, group) || member.status.startsWith('DELETE_'));
    const rest = there.filter((member) => !first.includes(member));
    return [...first, ...rest.slice(group.node_count)];
  });
}

function isNamed({ serverIds }: Member, { nodes_to_remove }: NodeGroupSpec): boolean {
  return serverIds.some((id) => nodes_to_remove.includes(id));
}

/**
 * Says which of the nodes that are to go is none of its group: Heat passes over what it does not know, and another node would go.
 * Only groups that become smaller are looked at: afterwards the nodes are gone.
 */
export function nodeOfNoGroup(
  spec: StoredCluster['spec'],
  stack: Stack,
  members: readonly Member[],
): Failure | null {
  const counts = countsOf(stack.parameters);
  for (const group of workerGroupsOf(spec)) {
    const key = groupKey(group);
    if (group.node_count >= (counts.get(key) ?? 0)) continue;
    const known = new Set(members.flatMap((member) => (member.key === key ? member.serverIds : [])));
    const stranger = group.nodes_to_remove.find((id) => !known.has(id));
    if (stranger === undefined) continue;
    const message = `nodes_to_remove names ${stranger}, which is no server of the node group ${group.name}`;
    return { code: 'invalid_field', message };
  }
  return null;
}
