import type { ClusterTemplateView, StoredClusterTemplate } from '@cetus/shared/schemas';
import type { LinkBuilder } from '../http/links.ts';
import { magnumTime, magnumUpdated } from '../time.ts';

/** A cluster template in Magnum's words; the same in every version of the API. */
export function presentTemplate(
  template: StoredClusterTemplate,
  links: LinkBuilder,
  base: string,
): ClusterTemplateView {
  const { spec } = template;
  return {
    uuid: template._id,
    name: template.name,
    coe: spec.coe,
    image_id: spec.image_id,
    flavor_id: spec.flavor_id,
    master_flavor_id: spec.master_flavor_id,
    dns_nameserver: spec.dns_nameserver,
    keypair_id: spec.keypair_id,
    external_network_id: spec.external_network_id,
    fixed_network: spec.fixed_network,
    fixed_subnet: spec.fixed_subnet,
    network_driver: spec.network_driver,
    apiserver_port: spec.apiserver_port,
    docker_volume_size: spec.docker_volume_size,
    cluster_distro: spec.cluster_distro,
    links: links.object(base, 'clustertemplates', template._id),
    http_proxy: spec.http_proxy,
    https_proxy: spec.https_proxy,
    no_proxy: spec.no_proxy,
    volume_driver: spec.volume_driver,
    registry_enabled: spec.registry_enabled,
    labels: spec.labels,
    tls_disabled: spec.tls_disabled,
    public: spec.public,
    server_type: spec.server_type,
    insecure_registry: spec.insecure_registry,
    docker_storage_driver: spec.docker_storage_driver,
    master_lb_enabled: spec.master_lb_enabled,
    floating_ip_enabled: spec.floating_ip_enabled,
    project_id: template.project_id,
    user_id: template.user_id,
    hidden: spec.hidden,
    tags: spec.tags,
    driver: spec.driver,
    created_at: magnumTime(template.created_at),
    updated_at: magnumUpdated(template),
  };
}
