import type { KeyPair } from '@cetus/shared/pki';

/** Names of fields are those of Magnum's API, so that what is stored is what is shown, patched and sorted by. */
export type Labels = Record<string, string>;

interface Row {
  /** Order of creation; shown for node groups, quotas and services only. */
  id: number;
  project_id: string;
  /** Milliseconds since 1970. */
  created_at: number;
  updated_at: number | null;
}

/** What a user may say of a cluster template. */
export interface TemplateFields {
  name: string | null;
  coe: string;
  image_id: string;
  flavor_id: string | null;
  master_flavor_id: string | null;
  dns_nameserver: string | null;
  keypair_id: string | null;
  external_network_id: string | null;
  fixed_network: string | null;
  fixed_subnet: string | null;
  network_driver: string | null;
  apiserver_port: number | null;
  docker_volume_size: number | null;
  cluster_distro: string | null;
  http_proxy: string | null;
  https_proxy: string | null;
  no_proxy: string | null;
  volume_driver: string | null;
  registry_enabled: boolean;
  labels: Labels | null;
  tls_disabled: boolean;
  public: boolean;
  server_type: string;
  insecure_registry: string | null;
  docker_storage_driver: string | null;
  master_lb_enabled: boolean;
  floating_ip_enabled: boolean;
  hidden: boolean;
  tags: string | null;
}

export interface TemplateRecord extends Row, TemplateFields {
  uuid: string;
  user_id: string;
}

export type HealthStatus = 'HEALTHY' | 'UNHEALTHY' | 'UNKNOWN';

export interface ClusterRecord extends Row {
  uuid: string;
  name: string;
  user_id: string;
  cluster_template_id: string;
  keypair: string | null;
  docker_volume_size: number | null;
  labels: Labels;
  master_flavor_id: string | null;
  flavor_id: string | null;
  create_timeout: number;
  stack_id: string | null;
  /** `CREATE_IN_PROGRESS` and the like. */
  status: string;
  status_reason: string | null;
  health_status: HealthStatus | null;
  health_status_reason: Labels;
  discovery_url: string | null;
  api_address: string | null;
  coe_version: string | null;
  container_version: string | null;
  fixed_network: string | null;
  fixed_subnet: string | null;
  floating_ip_enabled: boolean;
  master_lb_enabled: boolean;
}

export interface NodeGroupRecord extends Row {
  uuid: string;
  name: string;
  cluster_id: string;
  docker_volume_size: number | null;
  labels: Labels;
  flavor_id: string | null;
  image_id: string | null;
  node_addresses: string[];
  node_count: number;
  role: string;
  min_node_count: number;
  max_node_count: number | null;
  is_default: boolean;
  stack_id: string | null;
  status: string;
  status_reason: string | null;
  version: string | null;
}

/** The certificate authorities of a cluster. */
export interface Authorities {
  kubernetes: KeyPair;
  etcd: KeyPair;
  frontProxy: KeyPair;
}

/** A cluster with all that belongs to it, as kept in one file. */
export interface ClusterFamily {
  cluster: ClusterRecord;
  nodegroups: NodeGroupRecord[];
  /** Null until the conductor has made them. */
  authorities: Authorities | null;
  /** The authority that the nodes work with; after a rotation the old one until the stack is complete. */
  served: KeyPair | null;
}

export interface QuotaRecord extends Row {
  resource: string;
  hard_limit: number;
}

export const isInProgress = (status: string): boolean => status.endsWith('_IN_PROGRESS');
export const isFailed = (status: string): boolean => status.endsWith('_FAILED');
export const isComplete = (status: string): boolean => status.endsWith('_COMPLETE');
