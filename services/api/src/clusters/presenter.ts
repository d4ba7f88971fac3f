import {
  defaultMasterOf,
  defaultWorkerOf,
  failureOf,
  masterCountOf,
  nodeCountOf,
  specOf,
  stateOf,
  stateReasonOf,
  type ClusterBrief,
  type ClusterView,
  type StoredCluster,
} from '@cetus/shared/schemas';
import { VERSION, type LinkBuilder, type Microversion } from '../http/index.ts';
import { labelDifference } from '../labels.ts';
import { magnumTime, magnumUpdated } from '../time.ts';

const BRIEF_SPEC = [
  'cluster_template_id',
  'keypair',
  'docker_volume_size',
  'labels',
  'create_timeout',
  'merge_labels',
  'imported.server',
  ...['role', 'is_default', 'node_count', 'flavor_id', 'deleted'].map((field) => `node_groups.${field}`),
];

/** What {@link ClusterPresenter.brief} reads, except of a cluster that was rolled back: see {@link BRIEF_FIELDS_ROLLED_BACK}. */
export const BRIEF_FIELDS: readonly string[] = [
  'name',
  'operation.action',
  'operation.state',
  'health.status',
  ...['state', 'stack_id', 'actual_node_count', 'actual_master_count'].map((field) => `status.${field}`),
  ...BRIEF_SPEC.map((field) => `spec.${field}`),
];

/** With what a rollback goes back to, which is as much again, and seldom needed: see `specOf`. */
export const BRIEF_FIELDS_ROLLED_BACK: readonly string[] = [
  ...BRIEF_FIELDS,
  ...BRIEF_SPEC.map((field) => `status.applied_spec.${field}`),
];

/** The clusters of an answer in the words of one version of the API. Only what is named here ever leaves. */
export class ClusterPresenter {
  private readonly links: LinkBuilder;
  private readonly base: string;
  private readonly version: Microversion;

  /** @param base see {@link LinkBuilder.base} */
  constructor(links: LinkBuilder, base: string, version: Microversion) {
    this.links = links;
    this.base = base;
    this.version = version;
  }

  brief(cluster: StoredCluster): ClusterBrief {
    const { status } = cluster;
    const spec = specOf(cluster);
    // Of a cluster that others made nothing is asked: it has what it has.
    const found = cluster.spec.imported != null;
    const view: ClusterBrief = {
      uuid: cluster._id,
      name: cluster.name,
      cluster_template_id: spec.cluster_template_id,
      keypair: spec.keypair,
      node_count: found ? (status.actual_node_count ?? 0) : nodeCountOf(spec),
      master_count: found ? (status.actual_master_count ?? 0) : masterCountOf(spec),
      docker_volume_size: spec.docker_volume_size,
      labels: spec.labels,
      master_flavor_id: defaultMasterOf(spec)?.flavor_id ?? null,
      flavor_id: defaultWorkerOf(spec)?.flavor_id ?? null,
      create_timeout: spec.create_timeout,
      links: this.links.object(this.base, 'clusters', cluster._id),
      status: stateOf(cluster),
      health_status: cluster.health?.status ?? null,
      merge_labels: spec.merge_labels,
    };
    if (this.version >= VERSION.clusterIdForStackId) view.cluster_id = status.stack_id;
    else view.stack_id = status.stack_id;
    return view;
  }

  full(cluster: StoredCluster): ClusterView {
    const { status, operation, health } = cluster;
    const spec = specOf(cluster);
    const labels = labelDifference(spec.template_labels, spec.labels);
    const brief = this.brief(cluster);
    const view: ClusterView = {
      ...brief,
      status_reason: stateReasonOf(cluster),
      health_status_reason: health?.reasons ?? {},
      discovery_url: spec.discovery_url,
      api_address: status.api_address,
      coe_version: health?.version ?? status.coe_version,
      container_version: status.container_version,
      project_id: cluster.project_id,
      user_id: cluster.user_id,
      node_addresses: status.node_addresses,
      master_addresses: status.master_addresses,
      fixed_network: spec.fixed_network,
      fixed_subnet: spec.fixed_subnet,
      floating_ip_enabled: spec.floating_ip_enabled,
      labels_overridden: labels.overridden,
      labels_added: labels.added,
      labels_skipped: labels.skipped,
      master_lb_enabled: spec.master_lb_enabled,
      created_at: magnumTime(cluster.created_at),
      updated_at: magnumUpdated(cluster),
      operation_id: operation?.uuid ?? null,
      actual_node_count: status.actual_node_count,
      actual_master_count: status.actual_master_count,
      last_contact: status.last_contact?.toISOString() ?? null,
      nodes: health?.nodes ?? null,
      ca_expires_at: status.certificates.ca_expires_at?.toISOString() ?? null,
      imported: spec.imported === null ? null : { server: spec.imported.server },
      conditions: [...status.conditions, ...(health?.conditions ?? [])],
      failure: failureOf(cluster),
    };
    if (brief.status.endsWith('_FAILED')) view.faults = faults(cluster);
    return view;
  }
}

/** Magnum's map from what failed to why. */
function faults({ status }: StoredCluster): Record<string, string> {
  const { failure } = status;
  if (failure === null) return {};
  return { [failure.resource?.name ?? failure.code]: failure.message };
}
