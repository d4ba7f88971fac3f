import { newObject } from '@cetus/shared/operations';
import type {
  ClusterSpec,
  ClusterStatus,
  NodeGroupSpec,
  OperationPart,
  StoredCluster,
} from '@cetus/shared/schemas';
import { CLUSTER } from '@cetus/shared/store';
import { storedCluster } from '../../stored-cluster.ts';

/** A cluster that a tenant has just asked for. */
export function newCluster(
  { projectId, userId }: { projectId: string; userId: string },
  spec: Pick<ClusterSpec, 'driver' | 'image_id' | 'node_groups'> & Partial<ClusterSpec>,
): StoredCluster {
  const made = newObject<ClusterSpec, ClusterStatus>({
    kind: CLUSTER,
    caller: { userId, projectId, requestId: 'req-1' },
    name: 'driver-test',
    spec: {
      cluster_template_id: 't1',
      coe: 'kubernetes',
      keypair: null,
      external_network_id: 'public',
      fixed_network: null,
      fixed_subnet: null,
      network_driver: 'flannel',
      dns_nameserver: '8.8.8.8',
      docker_volume_size: null,
      apiserver_port: null,
      http_proxy: null,
      https_proxy: null,
      no_proxy: null,
      insecure_registry: null,
      floating_ip_enabled: false,
      master_lb_enabled: false,
      labels: {},
      labels_requested: null,
      merge_labels: false,
      template_labels: {},
      max_batch_size: 1,
      ca_rotations: 0,
      imported: null,
      create_timeout: 5,
      discovery_url: null,
      ...spec,
    },
    status: storedCluster().status,
    deadlineMs: 240_000,
  });
  return { ...made, health: null, follow: null };
}

/** A node group that the API could have written. */
export function nodeGroup(name: string, overrides: Partial<NodeGroupSpec> = {}): NodeGroupSpec {
  return {
    uuid: crypto.randomUUID(),
    name,
    role: 'worker',
    is_default: false,
    node_count: 1,
    min_node_count: 0,
    max_node_count: null,
    cluster_template_id: 't1',
    image_id: 'ubuntu-22.04',
    flavor_id: 'm1.small',
    docker_volume_size: null,
    labels: {},
    labels_requested: null,
    merge_labels: false,
    node_labels: {},
    node_taints: [],
    nodes_to_remove: [],
    deleted: false,
    created_at: new Date(),
    updated_at: null,
    ...overrides,
  };
}

/** What the API adds to an operation on a node group. */
export function partOf({ uuid, name }: NodeGroupSpec, action: OperationPart['action']): OperationPart {
  return { kind: 'nodegroup', uuid, name, action };
}
