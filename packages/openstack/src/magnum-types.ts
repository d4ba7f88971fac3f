/** Types of the Container Infrastructure Management API v1 (Magnum); field names as Magnum writes them. */
import type { Link } from './heat-types.ts';

/** Labels as Magnum answers them: always text. */
export type Labels = Record<string, string>;

/** `<CREATE|UPDATE|DELETE|ROLLBACK>_<IN_PROGRESS|COMPLETE|FAILED>`, and rarer ones of Heat's. */
export type MagnumStatus = string;

/** A JSON Patch (RFC 6902) as Magnum takes it. */
export type MagnumPatch = readonly {
  op: 'add' | 'replace' | 'remove';
  path: string;
  value?: unknown;
}[];

/** What a cluster template is made of. Names or ids, as Magnum itself looks them up. */
export interface CreateMagnumTemplate {
  /** Need not be unique. */
  name?: string;
  /** `kubernetes`. */
  coe: string;
  /** An image that says its `os_distro`. */
  image_id: string;
  external_network_id: string;
  flavor_id?: string;
  master_flavor_id?: string;
  keypair_id?: string;
  dns_nameserver?: string;
  fixed_network?: string;
  fixed_subnet?: string;
  network_driver?: string;
  volume_driver?: string;
  /** GiB. */
  docker_volume_size?: number;
  docker_storage_driver?: string;
  server_type?: string;
  apiserver_port?: number;
  labels?: Labels;
  http_proxy?: string;
  https_proxy?: string;
  no_proxy?: string;
  insecure_registry?: string;
  floating_ip_enabled?: boolean;
  master_lb_enabled?: boolean;
  tls_disabled?: boolean;
  registry_enabled?: boolean;
  /** Needs the policy `clustertemplate:publish`. */
  public?: boolean;
  hidden?: boolean;
  tags?: string;
}

export interface MagnumTemplate {
  uuid: string;
  name: string;
  coe: string;
  image_id: string;
  external_network_id: string;
  flavor_id: string | null;
  master_flavor_id: string | null;
  keypair_id: string | null;
  dns_nameserver: string | null;
  fixed_network: string | null;
  fixed_subnet: string | null;
  network_driver: string | null;
  volume_driver: string | null;
  docker_volume_size: number | null;
  docker_storage_driver: string | null;
  server_type: string;
  /** Taken from the image. */
  cluster_distro: string | null;
  labels: Labels;
  http_proxy: string | null;
  https_proxy: string | null;
  no_proxy: string | null;
  floating_ip_enabled: boolean;
  master_lb_enabled: boolean;
  tls_disabled: boolean;
  registry_enabled: boolean;
  public: boolean;
  hidden: boolean;
  tags: string | null;
  project_id: string;
  user_id: string;
  created_at: string;
  updated_at: string | null;
  links: Link[];
}

export interface CreateMagnumCluster {
  /** Starts with a letter; letters, digits, `_`, `-`, `.`; at most 242. Magnum accepts a name that is taken. */
  name: string;
  /** Uuid or name. */
  cluster_template_id: string;
  keypair?: string;
  /** Of the default worker group. Default 1; 0 from microversion 1.10. */
  node_count?: number;
  /** Default 1; more only with master_lb_enabled. */
  master_count?: number;
  flavor_id?: string;
  master_flavor_id?: string;
  /** GiB. */
  docker_volume_size?: number;
  labels?: Labels;
  /** Labels are added to the template's instead of replacing them. */
  merge_labels?: boolean;
  /** Minutes. Default 60. */
  create_timeout?: number;
  discovery_url?: string;
  fixed_network?: string;
  fixed_subnet?: string;
  floating_ip_enabled?: boolean;
  master_lb_enabled?: boolean;
}

/** A cluster in a list. */
export interface MagnumClusterSummary {
  uuid: string;
  name: string;
  cluster_template_id: string;
  keypair: string | null;
  /** Workers of all groups together. */
  node_count: number;
  master_count: number;
  docker_volume_size: number | null;
  labels: Labels;
  flavor_id: string | null;
  master_flavor_id: string | null;
  create_timeout: number;
  /** Of the default groups' Heat stack (or what another driver calls its object); null until there is one. */
  stack_id: string | null;
  status: MagnumStatus | null;
  health_status: 'HEALTHY' | 'UNHEALTHY' | 'UNKNOWN' | null;
  merge_labels: boolean;
  links: Link[];
}

/** A cluster by itself. Times are ISO 8601 with an offset. */
export interface MagnumCluster extends MagnumClusterSummary {
  status_reason: string | null;
  /** Only in a failed state: the reason of each failed node group, by its name. Not in a list. */
  faults?: Record<string, string>;
  health_status_reason: Record<string, string> | null;
  api_address: string | null;
  coe_version: string | null;
  container_version: string | null;
  discovery_url: string | null;
  node_addresses: string[];
  master_addresses: string[];
  fixed_network: string | null;
  fixed_subnet: string | null;
  floating_ip_enabled: boolean;
  master_lb_enabled: boolean;
  labels_overridden: Labels | null;
  labels_added: Labels | null;
  labels_skipped: Labels | null;
  project_id: string;
  user_id: string;
  created_at: string;
  updated_at: string | null;
}

export interface ResizeMagnumCluster {
  /** Workers the group is to have. 0 from microversion 1.10. */
  node_count: number;
  /** Members that are to go first: server ids, or numbers within the group. */
  nodes_to_remove?: readonly string[];
  /** Uuid or name. Default: the default worker group. A master group is refused. */
  nodegroup?: string;
}

export interface UpgradeMagnumCluster {
  /** Uuid or name. Only its version labels count; a group that is no default one takes the cluster's own only. */
  cluster_template: string;
  /** Nodes replaced at a time. Default 1. */
  max_batch_size?: number;
  /** Uuid or name. Default: the default worker group. */
  nodegroup?: string;
}

export interface CreateMagnumNodeGroup {
  /** Unique within the cluster. */
  name: string;
  /** Default 1. */
  node_count?: number;
  min_node_count?: number;
  max_node_count?: number | null;
  /** Anything but `master`. Default `worker`. */
  role?: string;
  /** Default: the cluster's. */
  flavor_id?: string;
  image_id?: string;
  docker_volume_size?: number;
  labels?: Labels;
  merge_labels?: boolean;
  /** From microversion 1.14. */
  node_labels?: Labels;
  node_taints?: readonly unknown[];
}

/** A node group in a list. */
export interface MagnumNodeGroupSummary {
  uuid: string;
  name: string;
  flavor_id: string | null;
  image_id: string | null;
  node_count: number;
  min_node_count: number;
  max_node_count: number | null;
  /** `master`, `worker`, or a word of the user's. */
  role: string;
  is_default: boolean;
  /** The default groups' is the cluster's; null until there is one. */
  stack_id: string | null;
  status: MagnumStatus | null;
  merge_labels: boolean;
}

/** A node group by itself. */
export interface MagnumNodeGroup extends MagnumNodeGroupSummary {
  id: number;
  cluster_id: string;
  project_id: string;
  docker_volume_size: number | null;
  labels: Labels;
  node_addresses: string[];
  status_reason: string | null;
  version: string | null;
  labels_overridden: Labels;
  labels_added: Labels;
  labels_skipped: Labels;
  created_at: string;
  updated_at: string | null;
  links: Link[];
}

/** The authorities of a cluster; which there are depends on the driver. */
export type CaCertType = 'kubernetes' | 'kubelet' | 'etcd' | 'front-proxy';

export interface MagnumCertificate {
  cluster_uuid: string;
  /** PEM. */
  pem: string;
  /** Only of a signed request. */
  csr?: string;
  links: Link[];
}

export interface MagnumQuota {
  id?: number;
  project_id: string;
  /** `Cluster`, the only one. Absent (or null) where the cloud's default is answered. */
  resource?: string | null;
  hard_limit: number;
  created_at?: string | null;
  updated_at?: string | null;
}

export interface MagnumStats {
  clusters: number;
  nodes: number;
}

export interface MagnumService {
  id: number;
  host: string | null;
  binary: string;
  state: 'up' | 'down';
  report_count: number;
  disabled: boolean;
  disabled_reason: string | null;
  created_at: string;
  updated_at: string | null;
}

export interface ListMagnum {
  /** Objects a page; Magnum gives at most 1000. Default 100. */
  limit?: number;
  /** Start after the object with this uuid. */
  marker?: string;
  sortKey?: string;
  sortDir?: 'asc' | 'desc';
  signal?: AbortSignal | undefined;
}
