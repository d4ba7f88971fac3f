import type { HeatClient, Stack, UpdateStack } from '@cetus/openstack/heat';
import { isMaster, type NodeGroupSpec, type StoredCluster } from '@cetus/shared/schemas';
import { addWorkerGroups, removeWorkerGroups, upgradeWorkerGroups } from './build-stack.ts';
import type { HotTemplate } from './hot.ts';
import type { ClusterSecrets } from './pki.ts';
import type { Leftovers } from './leftovers.ts';
import type { ClusterStackInput } from './stack-input.ts';
import { refOf } from './stack-reader.ts';
import { withMasterVersion } from './template/worker-group.ts';
import { countsOf, differenceOf, groupKey, scaleParameters, workerGroupsOf } from './worker-groups.ts';

/**
 * What Heat is to be told so that a stack becomes what is asked for. Numbers of nodes are parameters of the template that the stack has;
 * only when groups come or go, or new nodes shall have another version, there is a new one. What Heat is just taking away comes back when it is gone: Heat is to be told again then.
 * @param outdated groups that the stack makes nodes of another version for
 * @param build what groups that come are made of
 */
export async function stackUpdate(
  { spec }: StoredCluster,
  stack: Stack,
  heat: HeatClient,
  leftovers: Leftovers,
  outdated: readonly NodeGroupSpec[],
  build: (added: readonly NodeGroupSpec[]) => Promise<{ input: ClusterStackInput; secrets: ClusterSecrets }>,
  signal: AbortSignal,
): Promise<UpdateStack> {
  const wanted = workerGroupsOf(spec).filter((group) => !leftovers.isGroup(groupKey(group)));
  const counts = countsOf(stack.parameters);
  const isBusy = stack.stack_status.endsWith('_IN_PROGRESS');
  const parameters = scaleParameters(
    wanted.map((group) => ({
      ...group,
      // The members that an update which goes on takes away are not known before it takes them.
      node_count: isBusy
        ? Math.min(group.node_count, counts.get(groupKey(group)) ?? group.node_count)
        : group.node_count,
      nodes_to_remove: [...group.nodes_to_remove, ...leftovers.members(groupKey(group))],
    })),
  );
  if (differenceOf(spec, stack.parameters) !== 'groups' && outdated.length === 0) return { parameters };
  const present = new Set(counts.keys());
  const added = wanted.filter((group) => !present.has(groupKey(group)));
  for (const group of wanted) present.delete(groupKey(group));
  const before = (await heat.getTemplate(refOf(stack), signal)) as HotTemplate;
  const masters = outdated.find(isMaster)?.labels['kube_tag'];
  const rest = removeWorkerGroups(before, present);
  const template = masters === undefined ? rest : withMasterVersion(rest, masters);
  const upgraded = outdated.filter((group) => !isMaster(group));
  if (added.length + upgraded.length === 0) return { template, keep: true, parameters };
  const { input, secrets } = await build(added);
  const keysOf = (groups: readonly NodeGroupSpec[]): Set<string | null> => new Set(groups.map(groupKey));
  const newer = upgradeWorkerGroups(template, keysOf(upgraded), input, secrets);
  return { ...addWorkerGroups(newer, keysOf(added), input, secrets), keep: true, parameters };
}
