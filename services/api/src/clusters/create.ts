import type { ClusterCreate, ClusterSpec, StoredClusterTemplate } from '@cetus/shared/schemas';
import { effectiveLabels, toLabels } from '../labels.ts';
import { defaultNodeGroups } from '../node-groups/node-groups.ts';

/** Minutes that a creation may take when the request says nothing. Magnum's default. */
const DEFAULT_TIMEOUT_MINUTES = 60;
/** Minutes that a creation may take at most: every operation ends. */
const MAX_TIMEOUT_MINUTES = 1_440;

/** What a cluster is asked to be: what the request says, and the template for the rest. */
export function clusterSpec(request: ClusterCreate, template: StoredClusterTemplate): ClusterSpec {
  const base = template.spec;
  const requested = request.labels == null ? null : toLabels(request.labels);
  const merge = request.merge_labels ?? false;
  const spec: ClusterSpec = {
    cluster_template_id: template._id,
    driver: base.driver,
    coe: base.coe,
    image_id: base.image_id,
    keypair: request.keypair ?? base.keypair_id,
    external_network_id: base.external_network_id,
    fixed_network: request.fixed_network ?? base.fixed_network,
    fixed_subnet: request.fixed_subnet ?? base.fixed_subnet,
    network_driver: base.network_driver,
    dns_nameserver: base.dns_nameserver,
    docker_volume_size: request.docker_volume_size ?? base.docker_volume_size,
    apiserver_port: base.apiserver_port,
    http_proxy: base.http_proxy,
    https_proxy: base.https_proxy,
    no_proxy: base.no_proxy,
    insecure_registry: base.insecure_registry,
    floating_ip_enabled: request.floating_ip_enabled ?? base.floating_ip_enabled,
    master_lb_enabled: request.master_lb_enabled ?? base.master_lb_enabled,
    labels: effectiveLabels(base.labels, requested, merge),
    labels_requested: requested,
    merge_labels: merge,
    template_labels: base.labels,
    node_groups: [],
    max_batch_size: 1,
    ca_rotations: 0,
    imported: null,
    create_timeout: timeoutMinutes(request.create_timeout),
    discovery_url: request.discovery_url ?? null,
  };
  return { ...spec, node_groups: defaultNodeGroups(request, base, spec) };
}

/** What a cluster has besides its template, whatever the template says. */
const OWN_FIELDS: ReadonlySet<string> = new Set<keyof ClusterCreate>([
  'name',
  'cluster_template_id',
  'node_count',
  'create_timeout',
]);

/** Whether a request says anything else than its template, so that a driver may not be able to do it. */
export function overridesTemplate(request: ClusterCreate): boolean {
  return Object.entries(request).some(([field, value]) => value !== null && !OWN_FIELDS.has(field));
}

function timeoutMinutes(requested: number | null | undefined): number {
  return requested === 0 ? MAX_TIMEOUT_MINUTES : (requested ?? DEFAULT_TIMEOUT_MINUTES);
}

/**
 * Milliseconds that making or changing a cluster may take: what its creator allowed for making it, for each batch of nodes that are
 * changed one after the other; a day at most.
 */
export function createTimeoutMs(spec: Pick<ClusterSpec, 'create_timeout'>, batches = 1): number {
  return Math.min(spec.create_timeout * batches, MAX_TIMEOUT_MINUTES) * 60_000;
}
