import {
  nodeGroupStateOf,
  specOf,
  type NodeGroupBrief,
  type NodeGroupSpec,
  type NodeGroupView,
  type StoredCluster,
} from '@cetus/shared/schemas';
import { VERSION, type LinkBuilder, type Microversion } from '../http/index.ts';
import { labelDifference } from '../labels.ts';
import { magnumTime } from '../time.ts';

/** A node group in a list, in Magnum's words. */
export function presentBrief(cluster: StoredCluster, group: NodeGroupSpec): NodeGroupBrief {
  const { uuid, name, flavor_id, image_id, node_count, role, min_node_count, max_node_count, is_default } =
    group;
  const found = statusOf(cluster, group);
  return {
    uuid,
    name,
    flavor_id,
    image_id,
    node_count,
    role,
    min_node_count,
    max_node_count,
    is_default,
    // The default groups are in the stack of the cluster.
    stack_id: found?.stack_id ?? (is_default ? cluster.status.stack_id : null),
    status: nodeGroupStateOf(cluster, uuid),
    merge_labels: group.merge_labels,
  };
}

/** A node group in the words of one version of the API. */
export function presentNodeGroup(
  cluster: StoredCluster,
  group: NodeGroupSpec,
  { links, base, version }: { links: LinkBuilder; base: string; version: Microversion },
): NodeGroupView {
  const found = statusOf(cluster, group);
  const { operation } = cluster;
  const busy =
    operation?.state === 'IN_PROGRESS' && operation.parts?.some(({ uuid }) => uuid === group.uuid) === true;
  const labels = labelDifference(specOf(cluster).labels, group.labels);
  return {
    ...presentBrief(cluster, group),
    id: group.uuid,
    cluster_id: cluster._id,
    project_id: cluster.project_id,
    docker_volume_size: group.docker_volume_size,
    labels: group.labels,
    links: links.object(base, `clusters/${cluster._id}/nodegroups`, group.uuid),
    node_addresses: found?.node_addresses ?? [],
    status_reason: busy ? operation.progress : (found?.state_reason ?? null),
    version: found?.version ?? null,
    labels_overridden: labels.overridden,
    labels_added: labels.added,
    labels_skipped: labels.skipped,
    created_at: magnumTime(group.created_at),
    updated_at: group.updated_at === null ? null : magnumTime(group.updated_at),
    actual_node_count: found?.actual_node_count ?? null,
    rollout: found?.rollout ?? null,
    failure: busy ? null : (found?.failure ?? null),
    cluster_template_id: group.cluster_template_id,
    ...(version >= VERSION.nodeLabels
      ? { node_labels: group.node_labels, node_taints: group.node_taints }
      : {}),
  };
}

function statusOf(cluster: StoredCluster, { uuid }: NodeGroupSpec) {
  return cluster.status.node_groups.find((one) => one.uuid === uuid);
}
