import {
  failureOf,
  stateOf,
  stateReasonOf,
  type ClusterBrief,
  type ClusterView,
  type StoredCluster,
} from '@cetus/shared/schemas';
import type { LinkBuilder } from '../http/links.ts';
import { VERSION, type Microversion } from '../http/microversion.ts';
import { labelDifference } from '../labels.ts';
import { magnumTime, magnumUpdated } from '../time.ts';

/** What {@link ClusterPresenter.brief} reads. */
export const BRIEF_FIELDS: readonly string[] = [
  'name',
  'operation.action',
  'operation.state',
  ...['state', 'stack_id', 'health_status'].map((field) => `status.${field}`),
  ...[
    'cluster_template_id',
    'keypair',
    'node_count',
    'master_count',
    'docker_volume_size',
    'labels',
    'master_flavor_id',
    'flavor_id',
    'create_timeout',
    'merge_labels',
  ].map((field) => `spec.${field}`),
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
    const { spec, status } = cluster;
    const view: ClusterBrief = {
      uuid: cluster._id,
      name: cluster.name,
      cluster_template_id: spec.cluster_template_id,
      keypair: spec.keypair,
      node_count: spec.node_count,
      master_count: spec.master_count,
      docker_volume_size: spec.docker_volume_size,
      labels: spec.labels,
      master_flavor_id: spec.master_flavor_id,
      flavor_id: spec.flavor_id,
      create_timeout: spec.create_timeout,
      links: this.links.object(this.base, 'clusters', cluster._id),
      status: stateOf(cluster),
      health_status: status.health_status,
      merge_labels: spec.merge_labels,
    };
    if (this.version >= VERSION.clusterIdForStackId) view.cluster_id = status.stack_id;
    else view.stack_id = status.stack_id;
    return view;
  }

  full(cluster: StoredCluster): ClusterView {
    const { spec, status, operation } = cluster;
    const labels = labelDifference(spec.template_labels, spec.labels);
    const brief = this.brief(cluster);
    const view: ClusterView = {
      ...brief,
      status_reason: stateReasonOf(cluster),
      health_status_reason: status.health_status_reason,
      discovery_url: spec.discovery_url,
      api_address: status.api_address,
      coe_version: status.coe_version,
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
      conditions: status.conditions,
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
