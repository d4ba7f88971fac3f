import type { ClusterTemplateCreate, ClusterTemplateSpec } from '@cetus/shared/schemas';
import { toLabels } from '../labels.ts';

/** What a template says, with Magnum's defaults where the request says nothing. */
export function templateSpec(
  request: ClusterTemplateCreate,
  driver: string,
  clusterDistro: string | null,
): ClusterTemplateSpec {
  return {
    coe: request.coe,
    driver,
    image_id: request.image_id,
    keypair_id: request.keypair_id ?? null,
    external_network_id: request.external_network_id ?? null,
    fixed_network: request.fixed_network ?? null,
    fixed_subnet: request.fixed_subnet ?? null,
    network_driver: request.network_driver ?? 'flannel',
    volume_driver: request.volume_driver ?? null,
    flavor_id: request.flavor_id ?? null,
    master_flavor_id: request.master_flavor_id ?? null,
    dns_nameserver: request.dns_nameserver ?? null,
    docker_volume_size: request.docker_volume_size ?? null,
    docker_storage_driver: request.docker_storage_driver ?? null,
    apiserver_port: request.apiserver_port ?? null,
    cluster_distro: clusterDistro,
    server_type: request.server_type ?? 'vm',
    http_proxy: request.http_proxy ?? null,
    https_proxy: request.https_proxy ?? null,
    no_proxy: request.no_proxy ?? null,
    insecure_registry: request.insecure_registry ?? null,
    labels: toLabels(request.labels ?? {}),
    tls_disabled: request.tls_disabled ?? false,
    registry_enabled: request.registry_enabled ?? false,
    floating_ip_enabled: request.floating_ip_enabled ?? true,
    master_lb_enabled: request.master_lb_enabled ?? false,
    public: request.public ?? false,
    hidden: request.hidden ?? false,
    tags: request.tags ?? null,
  };
}
