import { randomUUID } from 'node:crypto';
import { CetusError } from '@cetus/shared/errors';
import {
  DEFAULT_MASTER,
  DEFAULT_WORKER,
  isMaster,
  MASTER_ROLE,
  MAX_NODE_COUNT,
  nodeCountOf,
  specOf,
  WORKER_ROLE,
  type Action,
  type ClusterCreate,
  type ClusterSpec,
  type NodeGroupSpec,
  type OperationPart,
  type StoredCluster,
} from '@cetus/shared/schemas';

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

type Seen = Pick<StoredCluster, 'spec' | 'status' | 'operation'>;

/** The node groups that a reader sees: those that shall be there, and those that shall not while something is left of them. */
export function nodeGroupsSeen(cluster: Seen): NodeGroupSpec[] {
  const { operation, status } = cluster;
  const left = new Set(status.node_groups.map(({ uuid }) => uuid));
  if (operation?.state === 'IN_PROGRESS') for (const { uuid } of operation.parts ?? []) left.add(uuid);
  return specOf(cluster).node_groups.filter(({ deleted, uuid }) => !deleted || left.has(uuid));
}

/** The group that a request names by uuid or name; undefined when there is none. */
function findNodeGroup(cluster: Seen, ref: string): NodeGroupSpec | undefined {
  const uuid = UUID.test(ref) ? ref.toLowerCase() : undefined;
  return nodeGroupsSeen(cluster).find((group) =>
    uuid === undefined ? group.name === ref : group.uuid === uuid,
  );
}

/** @throws CetusError `not_found` for a group that an address names */
export function nodeGroupAt(cluster: Seen & { name: string }, ref: string): NodeGroupSpec {
  const group = findNodeGroup(cluster, ref);
  if (group === undefined)
    throw new CetusError('not_found', `The cluster ${cluster.name} has no node group ${ref}`);
  return group;
}

/** @throws CetusError `node_group_not_found` for a group that a body names */
export function nodeGroupNamed(cluster: Seen & { name: string }, ref: string): NodeGroupSpec {
  const group = findNodeGroup(cluster, ref);
  if (group === undefined || group.deleted) {
    throw new CetusError('node_group_not_found', `The cluster ${cluster.name} has no node group ${ref}`, {
      field: 'nodegroup',
    });
  }
  return group;
}

/** The part of an operation that changes a group. */
export function partOf({ uuid, name }: NodeGroupSpec, action: Action): OperationPart {
  return { kind: 'nodegroup', uuid, name, action };
}

/** A group with something changed; nodes that were to go once are not named again. */
export function changed(group: NodeGroupSpec, change: Partial<NodeGroupSpec>): NodeGroupSpec {
  return { ...group, nodes_to_remove: [], updated_at: new Date(), ...change };
}

/** The groups that every cluster begins with. */
export function defaultNodeGroups(
  request: Pick<ClusterCreate, 'node_count' | 'master_count' | 'flavor_id' | 'master_flavor_id'>,
  template: { flavor_id: string | null; master_flavor_id: string | null },
  spec: Pick<ClusterSpec, 'cluster_template_id' | 'image_id' | 'docker_volume_size' | 'labels'>,
): NodeGroupSpec[] {
  const { cluster_template_id, image_id, docker_volume_size, labels } = spec;
  const common = {
    is_default: true,
    min_node_count: 0,
    max_node_count: null,
    cluster_template_id,
    image_id,
    docker_volume_size,
    labels,
    labels_requested: null,
    merge_labels: false,
    node_labels: {},
    node_taints: [],
    nodes_to_remove: [],
    deleted: false,
    created_at: new Date(),
    updated_at: null,
  };
  return [
    {
      ...common,
      uuid: randomUUID(),
      name: DEFAULT_MASTER,
      role: MASTER_ROLE,
      node_count: request.master_count ?? 1,
      flavor_id: request.master_flavor_id ?? template.master_flavor_id,
    },
    {
      ...common,
      uuid: randomUUID(),
      name: DEFAULT_WORKER,
      role: WORKER_ROLE,
      node_count: request.node_count ?? 1,
      flavor_id: request.flavor_id ?? template.flavor_id,
    },
  ];
}

/**
 * Checks the numbers of a group.
 * @throws CetusError `invalid_field`
 */
export function checkCounts(
  group: Pick<NodeGroupSpec, 'node_count' | 'min_node_count' | 'max_node_count'>,
): void {
  const { node_count, min_node_count, max_node_count } = group;
  const refuse = (field: string, detail: string): never => {
    throw new CetusError('invalid_field', detail, { field });
  };
  if (max_node_count !== null && max_node_count < min_node_count)
    refuse('max_node_count', `max_node_count must not be less than min_node_count, ${min_node_count}`);
  if (node_count < min_node_count)
    refuse(
      'node_count',
      `node_count is ${node_count} and must be at least min_node_count, ${min_node_count}`,
    );
  if (max_node_count !== null && node_count > max_node_count)
    refuse('node_count', `node_count is ${node_count} and must be at most max_node_count, ${max_node_count}`);
}

/**
 * Checks the number of workers of a whole cluster.
 * @throws CetusError `invalid_field`
 */
export function checkTotal(spec: ClusterSpec): ClusterSpec {
  if (nodeCountOf(spec) > MAX_NODE_COUNT) {
    throw new CetusError('invalid_field', `A cluster has at most ${MAX_NODE_COUNT} nodes in all`, {
      field: 'node_count',
    });
  }
  return spec;
}

/**
 * A group that is asked to have another number of nodes.
 * @throws CetusError `unsupported` for masters; `invalid_field`
 */
export function resized(
  group: NodeGroupSpec,
  node_count: number,
  nodes_to_remove: readonly string[] = [],
): NodeGroupSpec {
  if (isMaster(group)) {
    throw new CetusError('unsupported', 'The number of masters cannot be changed', { field: 'nodegroup' });
  }
  checkCounts({ ...group, node_count });
  const fewer = Math.max(group.node_count - node_count, 0);
  if (nodes_to_remove.length > fewer) {
    throw new CetusError(
      'invalid_field',
      `nodes_to_remove names ${nodes_to_remove.length} nodes; from ${group.node_count} to ${node_count}, ${fewer} go`,
      { field: 'nodes_to_remove' },
    );
  }
  return changed(group, { node_count, nodes_to_remove: [...nodes_to_remove] });
}
