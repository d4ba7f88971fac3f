import { boolean, labels, readonly, text, type Field, type Fields } from './fields.ts';

const STATUSES = [
  ...['CREATE', 'UPDATE', 'DELETE', 'ROLLBACK'].flatMap((action) =>
    ['IN_PROGRESS', 'FAILED', 'COMPLETE'].map((end) => `${action}_${end}`),
  ),
  'RESUME_COMPLETE',
  'RESUME_FAILED',
  'RESTORE_COMPLETE',
  'SNAPSHOT_COMPLETE',
  'CHECK_COMPLETE',
  'ADOPT_COMPLETE',
];
const anyText: Field = { kind: 'string' };
const status: Field = { kind: 'enum', values: STATUSES };
const number = (min: number): Field => ({ kind: 'integer', min });

/** What a request for a cluster may say. */
export const CLUSTER_FIELDS: Fields = {
  uuid: { kind: 'uuid' },
  name: { kind: 'string', min: 1, max: 242, pattern: /^[a-zA-Z][a-zA-Z0-9_.-]*$/ },
  cluster_template_id: { kind: 'string', required: true },
  keypair: text,
  node_count: number(0),
  master_count: number(1),
  docker_volume_size: number(1),
  labels,
  master_flavor_id: text,
  flavor_id: text,
  create_timeout: number(0),
  links: readonly,
  stack_id: readonly,
  status,
  status_reason: anyText,
  health_status: { kind: 'enum', values: ['UNKNOWN', 'UNHEALTHY', 'HEALTHY'] },
  health_status_reason: labels,
  discovery_url: anyText,
  api_address: readonly,
  coe_version: readonly,
  container_version: readonly,
  project_id: readonly,
  user_id: readonly,
  node_addresses: readonly,
  master_addresses: readonly,
  faults: labels,
  fixed_network: text,
  fixed_subnet: text,
  floating_ip_enabled: boolean,
  merge_labels: boolean,
  labels_overridden: labels,
  labels_added: labels,
  labels_skipped: labels,
  master_lb_enabled: boolean,
  created_at: readonly,
  updated_at: readonly,
};

export const RESIZE_FIELDS: Fields = {
  node_count: { kind: 'integer', min: 0, required: true },
  nodes_to_remove: { kind: 'list' },
  nodegroup: text,
};

export const UPGRADE_FIELDS: Fields = {
  max_batch_size: number(1),
  nodegroup: text,
  cluster_template: text,
};

export const NODE_GROUP_FIELDS: Fields = {
  id: number(1),
  uuid: { kind: 'uuid' },
  name: text,
  cluster_id: { kind: 'uuid' },
  project_id: readonly,
  docker_volume_size: number(1),
  labels,
  links: readonly,
  flavor_id: text,
  image_id: text,
  node_addresses: readonly,
  node_count: number(0),
  role: text,
  min_node_count: number(0),
  max_node_count: number(0),
  is_default: boolean,
  stack_id: readonly,
  status,
  status_reason: anyText,
  version: anyText,
  merge_labels: boolean,
  labels_overridden: labels,
  labels_added: labels,
  labels_skipped: labels,
  created_at: readonly,
  updated_at: readonly,
};
