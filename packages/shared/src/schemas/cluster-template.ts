import type { ObjectStatus, StoredObject } from './object.ts';

/** What a cluster template says: Magnum's fields, with null where nothing was said. */
export interface ClusterTemplateSpec {
  coe: 'kubernetes';
  /** The driver folder that makes clusters of this template. */
  driver: string;
  image_id: string;
  keypair_id: string | null;
  external_network_id: string | null;
  fixed_network: string | null;
  fixed_subnet: string | null;
  network_driver: string | null;
  volume_driver: string | null;
  flavor_id: string | null;
  master_flavor_id: string | null;
  dns_nameserver: string | null;
  docker_volume_size: number | null;
  docker_storage_driver: string | null;
  apiserver_port: number | null;
  cluster_distro: string | null;
  server_type: 'vm' | 'bm';
  http_proxy: string | null;
  https_proxy: string | null;
  no_proxy: string | null;
  insecure_registry: string | null;
  labels: Record<string, string>;
  tls_disabled: boolean;
  registry_enabled: boolean;
  floating_ip_enabled: boolean;
  master_lb_enabled: boolean;
  public: boolean;
  hidden: boolean;
  tags: string | null;
}

/** The document of a cluster template. It has no work to do, so it is complete at once. */
export type StoredClusterTemplate = StoredObject<ClusterTemplateSpec, ObjectStatus>;
