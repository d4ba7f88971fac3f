import type { ObjectStatus, StoredObject } from './object.ts';
import type { SealedSecret } from './secret.ts';

/**
 * What a cluster is asked to be. The values of its template are copied in when the cluster is accepted, so whoever makes
 * the cluster reads one document, and a later change of the template does not reach it.
 */
export interface ClusterSpec {
  cluster_template_id: string;
  driver: string;
  coe: 'kubernetes';
  image_id: string;
  flavor_id: string | null;
  master_flavor_id: string | null;
  keypair: string | null;
  external_network_id: string | null;
  fixed_network: string | null;
  fixed_subnet: string | null;
  network_driver: string | null;
  dns_nameserver: string | null;
  docker_volume_size: number | null;
  apiserver_port: number | null;
  http_proxy: string | null;
  https_proxy: string | null;
  no_proxy: string | null;
  insecure_registry: string | null;
  floating_ip_enabled: boolean;
  master_lb_enabled: boolean;
  /** What counts: the template's labels and the cluster's, put together as `merge_labels` says. */
  labels: Record<string, string>;
  /** What the request said of labels, for Magnum's `labels_overridden`, `labels_added`, `labels_skipped`. */
  labels_requested: Record<string, string> | null;
  merge_labels: boolean;
  /** The labels of the template when the cluster was accepted. */
  template_labels: Record<string, string>;
  master_count: number;
  node_count: number;
  /** Minutes until a create fails. */
  create_timeout: number;
  discovery_url: string | null;
}

/** What the conductor found. */
export interface ClusterStatus extends ObjectStatus {
  /** The id of the Heat stack (Magnum: `stack_id`, from 1.13 `cluster_id`). */
  stack_id: string | null;
  /** Workers that exist, as opposed to `spec.node_count`; null: not yet known. */
  actual_node_count: number | null;
  actual_master_count: number | null;
  api_address: string | null;
  master_addresses: string[];
  node_addresses: string[];
  coe_version: string | null;
  container_version: string | null;
  health_status: 'HEALTHY' | 'UNHEALTHY' | 'UNKNOWN' | null;
  health_status_reason: Record<string, string>;
  /** When the back end last answered about this cluster. */
  last_contact: Date | null;
  /** CA, keys and join token, sealed. */
  secrets: SealedSecret | null;
  /** The administrator's kubeconfig, sealed. */
  kubeconfig: SealedSecret | null;
  /** What the driver needs to remember between attempts; no other code reads it. */
  driver_state: Record<string, unknown>;
}

export type StoredCluster = StoredObject<ClusterSpec, ClusterStatus>;
