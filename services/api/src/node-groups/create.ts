import { randomUUID } from 'node:crypto';
import { CetusError } from '@cetus/shared/errors';
import {
  defaultWorkerOf,
  MASTER_ROLE,
  MAX_NODE_GROUPS,
  WORKER_ROLE,
  type ClusterSpec,
  type NodeGroupCreate,
  type NodeGroupSpec,
} from '@cetus/shared/schemas';
import { checkIdempotency, type IdempotentRequest } from '@cetus/shared/store';
import { effectiveLabels, toLabels } from '../labels.ts';
import { checkCounts, checkTotal } from './node-groups.ts';

/**
 * A node group as a request asks for it, and the cluster for the rest.
 * @throws CetusError `invalid_field`
 */
export function newNodeGroup(
  request: NodeGroupCreate,
  spec: ClusterSpec,
  idempotency: IdempotentRequest | undefined,
): NodeGroupSpec {
  const role = request.role ?? WORKER_ROLE;
  if (role === MASTER_ROLE) {
    throw new CetusError('invalid_field', 'role must not be master: masters are in default-master', {
      field: 'role',
    });
  }
  const worker = defaultWorkerOf(spec);
  const requested = request.labels == null ? null : toLabels(request.labels);
  const merge = request.merge_labels ?? false;
  const group: NodeGroupSpec = {
    uuid: randomUUID(),
    name: request.name,
    role,
    is_default: false,
    node_count: request.node_count ?? 1,
    min_node_count: request.min_node_count ?? 0,
    max_node_count: request.max_node_count ?? null,
    cluster_template_id: spec.cluster_template_id,
    image_id: request.image_id ?? spec.image_id,
    flavor_id: request.flavor_id ?? worker?.flavor_id ?? null,
    docker_volume_size: request.docker_volume_size ?? spec.docker_volume_size,
    labels: effectiveLabels(spec.labels, requested, merge),
    labels_requested: requested,
    merge_labels: merge,
    node_labels: request.node_labels ?? {},
    node_taints: request.node_taints ?? [],
    nodes_to_remove: [],
    deleted: false,
    ...(idempotency === undefined ? {} : { idempotency: idempotency.record }),
    created_at: new Date(),
    updated_at: null,
  };
  checkCounts(group);
  return group;
}

/**
 * A cluster's spec with one more group.
 * @throws CetusError `conflict` when the name is taken, or there are too many; `invalid_field`
 */
export function withNewNodeGroup(spec: ClusterSpec, group: NodeGroupSpec): ClusterSpec {
  if (spec.node_groups.some(({ name }) => name === group.name)) {
    throw new CetusError('conflict', `The cluster has a node group ${group.name} already`, { field: 'name' });
  }
  if (spec.node_groups.length >= MAX_NODE_GROUPS) {
    throw new CetusError('conflict', `A cluster has at most ${MAX_NODE_GROUPS} node groups`);
  }
  return checkTotal({ ...spec, node_groups: [...spec.node_groups, group] });
}

/**
 * The group that the first request with an Idempotency-Key made; undefined when there was none.
 * @throws CetusError `idempotency_key_reused`
 */
export function firstNodeGroup(
  spec: ClusterSpec,
  idempotency: IdempotentRequest | undefined,
): NodeGroupSpec | undefined {
  if (idempotency === undefined) return undefined;
  const first = spec.node_groups.find((group) => group.idempotency?.key === idempotency.record.key);
  checkIdempotency(first?.idempotency, idempotency);
  return first;
}
