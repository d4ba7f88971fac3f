import type {
  ClusterCreate,
  ClusterSpec,
  ClusterStatus,
  ObjectStatus,
  StoredClusterTemplate,
} from '@cetus/shared/schemas';
import { toLabels } from '../labels.ts';

/** Minutes that a creation may take when the request says nothing. Magnum's default. */
const DEFAULT_TIMEOUT_MINUTES = 60;
/** Minutes that a creation may take at most: every operation ends. */
const MAX_TIMEOUT_MINUTES = 1_440;

/** What a cluster is asked to be: what the request says, and the template for the rest. */
export function clusterSpec(request: ClusterCreate, template: StoredClusterTemplate): ClusterSpec {
  const base = template.spec;
  const requested = request.labels == null ? null : toLabels(request.labels);
  const merge = request.merge_labels ?? false;
  return {
    cluster_template_id: template._id,
    driver: base.driver,
    coe: base.coe,
    image_id: base.image_id,
    flavor_id: request.flavor_id ?? base.flavor_id,
    master_flavor_id: request.master_flavor_id ?? base.master_flavor_id,
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
    master_count: request.master_count ?? 1,
    node_count: request.node_count ?? 1,
    create_timeout: timeoutMinutes(request.create_timeout),
    discovery_url: request.discovery_url ?? null,
  };
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

/** As in Magnum: no labels, or an empty map, means the template's. */
function effectiveLabels(
  template: Record<string, string>,
  requested: Record<string, string> | null,
  merge: boolean,
) {
  if (requested === null || Object.keys(requested).length === 0) return template;
  return merge ? { ...template, ...requested } : requested;
}

function timeoutMinutes(requested: number | null | undefined): number {
  return requested === 0 ? MAX_TIMEOUT_MINUTES : (requested ?? DEFAULT_TIMEOUT_MINUTES);
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
    health_status: null,
    health_status_reason: {},
    last_contact: null,
    secrets: null,
    kubeconfig: null,
    driver_state: {},
  };
}

/** Milliseconds that making or changing a cluster may take: what its creator allowed for making it. */
export function createTimeoutMs(spec: Pick<ClusterSpec, 'create_timeout'>): number {
  return spec.create_timeout * 60_000;
}
