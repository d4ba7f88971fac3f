import { isMaster, type ClusterSpec, type NodeGroupFacts } from '@cetus/shared/schemas';
import type { MagnumNodeGroup } from '@cetus/openstack/magnum';
import type { ClusterFacts } from '../../cluster-driver.ts';
import type { FoundCluster } from './find-cluster.ts';
import { uuidOfGroup } from './groups.ts';

/** What Magnum says about a cluster that rests. */
export function factsOf(spec: ClusterSpec, { cluster, groups }: FoundCluster): ClusterFacts {
  const counted = groups.map((group) => ({ group, count: countOf(group) }));
  const sum = (masters: boolean): number | null =>
    counted
      .filter(({ group }) => isMaster(group) === masters)
      .reduce<number | null>(
        (total, { count }) => (total === null || count === null ? null : total + count),
        0,
      );
  return {
    stack_id: cluster.stack_id,
    api_address: cluster.api_address,
    master_addresses: cluster.master_addresses ?? [],
    node_addresses: cluster.node_addresses ?? [],
    actual_node_count: sum(false),
    actual_master_count: sum(true),
    // Magnum tells the version of the group that it looked at last.
    coe_version: groups.find(({ is_default }) => is_default)?.labels['kube_tag'] ?? cluster.coe_version,
    container_version: cluster.container_version,
    node_groups: counted.flatMap(({ group, count }) => {
      const uuid = uuidOfGroup(spec, group);
      return uuid === undefined ? [] : [groupFacts(uuid, group, count)];
    }),
  };
}

/** What there is: `node_count` is what was asked of Magnum, and counts only where Magnum tells no addresses. */
function countOf({ node_addresses, node_count, status }: MagnumNodeGroup): number | null {
  const addresses = node_addresses ?? [];
  if (addresses.length > 0) return addresses.length;
  return status?.endsWith('_COMPLETE') === true ? node_count : null;
}

function groupFacts(uuid: string, group: MagnumNodeGroup, count: number | null): NodeGroupFacts {
  return {
    uuid,
    stack_id: group.is_default ? null : group.stack_id,
    actual_node_count: count,
    node_addresses: group.node_addresses ?? [],
    version: group.status?.endsWith('_COMPLETE') === true ? (group.labels['kube_tag'] ?? null) : null,
    rollout: null,
  };
}
