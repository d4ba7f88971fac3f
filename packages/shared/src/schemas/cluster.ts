import type { ClusterHealth, FollowLease } from './health.ts';
import type { NodeGroupSpec, NodeGroupStatus } from './node-group.ts';
import { stateOf, type ObjectStatus, type StoredObject } from './object.ts';
import type { SealedSecret } from './secret.ts';
import { stateFor, type ObjectState } from './state.ts';

/**
 * What a cluster is asked to be. The values of its template are copied in when the cluster is accepted, so whoever makes
 * the cluster reads one document, and a later change of the template does not reach it.
 */
export interface ClusterSpec {
  cluster_template_id: string;
  driver: string;
  coe: 'kubernetes';
  image_id: string;
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
  /** Its nodes: `default-master`, `default-worker`, and what was added. A driver that takes clusters in has none here. */
  node_groups: NodeGroupSpec[];
  /** How many nodes of a group may be changed at once when it is upgraded. */
  max_batch_size: number;
  /** How often the authority was to be made anew. */
  ca_rotations: number;
  /** A cluster that others made: how to reach it. */
  imported: { kubeconfig: SealedSecret; server: string } | null;
  /** Minutes until a create fails. */
  create_timeout: number;
  discovery_url: string | null;
}

/** How far a delete is with what the cluster's own controllers made outside of it. */
export interface DrainState {
  /** The uuid of the delete. */
  operation: string;
  started_at: Date;
  /** Since when the cluster does not answer; null: it did when it was last asked. */
  silent_since: Date | null;
  /** It is gone, or given up: the cluster itself is next. */
  ended: boolean;
}

/** What the conductor found. */
export interface ClusterStatus extends ObjectStatus {
  /** The id that the back end gave: a Heat stack's (Magnum: `stack_id`, from 1.13 `cluster_id`). */
  stack_id: string | null;
  /** Workers that exist, as opposed to `spec.node_count`; null: not yet known. */
  actual_node_count: number | null;
  actual_master_count: number | null;
  api_address: string | null;
  master_addresses: string[];
  node_addresses: string[];
  coe_version: string | null;
  container_version: string | null;
  node_groups: NodeGroupStatus[];
  /** What the last create or update that succeeded brought about: what a rollback goes back to. */
  applied_spec: ClusterSpec | null;
  /** How often the authority was made anew. */
  ca_rotations: number;
  /** When the cluster's authority and the administrator's certificate run out; null: not known. */
  certificates: { ca_expires_at: Date | null; client_expires_at: Date | null };
  /** When the back end last answered about this cluster. */
  last_contact: Date | null;
  /** CA, keys and join token, sealed. */
  secrets: SealedSecret | null;
  /** The administrator's kubeconfig, sealed. */
  kubeconfig: SealedSecret | null;
  /** Of the newest delete. */
  drain?: DrainState;
  /** What the driver needs to remember between attempts; no other code reads it. */
  driver_state: Record<string, unknown>;
}

/** What is known of a cluster before anything was done. */
export function unknownStatus(): Omit<ClusterStatus, keyof ObjectStatus> {
  return {
    stack_id: null,
    actual_node_count: null,
    actual_master_count: null,
    api_address: null,
    master_addresses: [],
    node_addresses: [],
    coe_version: null,
    container_version: null,
    node_groups: [],
    applied_spec: null,
    ca_rotations: 0,
    certificates: { ca_expires_at: null, client_expires_at: null },
    last_contact: null,
    secrets: null,
    kubeconfig: null,
    driver_state: {},
  };
}

/** The document of a cluster. */
export interface StoredCluster extends StoredObject<ClusterSpec, ClusterStatus> {
  /** Written by the conductor that follows it; null until it was looked at. */
  health: ClusterHealth | null;
  follow: FollowLease | null;
}

/** What counts as asked for: the spec, or after a rollback what was applied before. */
export function specOf(cluster: Pick<StoredCluster, 'spec' | 'status' | 'operation'>): ClusterSpec {
  const { applied_spec } = cluster.status;
  return stateOf(cluster).startsWith('ROLLBACK_') && applied_spec != null ? applied_spec : cluster.spec;
}

/** The state of a node group that a reader is told: what goes on now comes before what ended last. */
export function nodeGroupStateOf(
  cluster: Pick<StoredCluster, 'status' | 'operation'>,
  uuid: string,
): ObjectState {
  const { operation, status } = cluster;
  const part = operation?.parts?.find((one) => one.uuid === uuid);
  if (operation?.state === 'IN_PROGRESS' && part !== undefined) return stateFor(part.action, 'IN_PROGRESS');
  return status.node_groups.find((one) => one.uuid === uuid)?.state ?? stateOf(cluster);
}
