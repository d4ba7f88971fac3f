import { createHash } from 'node:crypto';
import {
  defaultMasterOf,
  defaultWorkerOf,
  masterCountOf,
  type ClusterSpec,
  type StoredCluster,
} from '@cetus/shared/schemas';
import { hasStatus } from '@cetus/openstack/errors';
import type { CreateMagnumTemplate, MagnumClient, MagnumTemplate } from '@cetus/openstack/magnum';

const PREFIX = 'cetus-';

/** The Kubernetes version of the default groups, which Magnum changes together; null: Magnum's own default. */
export function versionOf(spec: ClusterSpec): string | null {
  const { kube_tag } = (defaultWorkerOf(spec) ?? defaultMasterOf(spec))?.labels ?? {};
  return kube_tag ?? spec.labels['kube_tag'] ?? null;
}

/** The template that a cluster's spec needs in Magnum, without its name. */
export function templateBody(spec: ClusterSpec): Omit<CreateMagnumTemplate, 'name'> {
  const version = versionOf(spec);
  const given = {
    fixed_network: spec.fixed_network,
    fixed_subnet: spec.fixed_subnet,
    network_driver: spec.network_driver,
    dns_nameserver: spec.dns_nameserver,
    docker_volume_size: spec.docker_volume_size,
    apiserver_port: spec.apiserver_port,
    http_proxy: spec.http_proxy,
    https_proxy: spec.https_proxy,
    no_proxy: spec.no_proxy,
    insecure_registry: spec.insecure_registry,
  };
  return {
    coe: 'kubernetes',
    server_type: 'vm',
    image_id: defaultWorkerOf(spec)?.image_id ?? spec.image_id,
    external_network_id: spec.external_network_id ?? '',
    floating_ip_enabled: spec.floating_ip_enabled,
    // Magnum refuses more masters than one without it.
    master_lb_enabled: spec.master_lb_enabled || masterCountOf(spec) > 1,
    labels: { ...spec.labels, ...(version === null ? {} : { kube_tag: version }) },
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null)),
  };
}

/**
 * The name of a template: from what is in it and for whom, so that clusters of the same needs share one, and whoever looks for it
 * knows it, whatever crashed when. The project is part of it because an administrator finds templates of all projects by name.
 */
export function templateName(projectId: string, body: Omit<CreateMagnumTemplate, 'name'>): string {
  const sorted = (value: object): unknown =>
    Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  const text = JSON.stringify([projectId, sorted({ ...body, labels: sorted(body.labels ?? {}) })]);
  return PREFIX + createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/** Finds the template of a cluster's needs, or makes it. @returns its uuid */
export async function ensureTemplate(
  magnum: MagnumClient,
  { project_id, spec }: Pick<StoredCluster, 'project_id' | 'spec'>,
  signal: AbortSignal,
): Promise<string> {
  const body = templateBody(spec);
  const name = templateName(project_id, body);
  const found = await findTemplate(magnum, name, signal);
  return (found ?? (await magnum.createTemplate({ ...body, name }, { signal }))).uuid;
}

/** Two processes may have made the same one at the same time; the older one is everybody's. */
async function findTemplate(
  magnum: MagnumClient,
  name: string,
  signal: AbortSignal,
): Promise<MagnumTemplate | null> {
  try {
    return await magnum.getTemplate(name, { signal });
  } catch (error) {
    if (!hasStatus(error, 409)) throw error;
    for await (const page of magnum.listTemplates({ signal })) {
      const first = page.find((template) => template.name === name);
      if (first !== undefined) return first;
    }
    return null;
  }
}

/** Removes those templates that we made and no cluster refers to any more. @returns those that are still in use */
export async function dropTemplates(
  magnum: MagnumClient,
  uuids: readonly string[],
  signal: AbortSignal,
): Promise<string[]> {
  const kept: string[] = [];
  for (const uuid of uuids) {
    const template = await magnum.getTemplate(uuid, { signal });
    if (template?.name.startsWith(PREFIX) !== true) continue;
    try {
      await magnum.deleteTemplate(uuid, { signal });
    } catch (error) {
      if (!hasStatus(error, 400)) throw error;
      kept.push(uuid);
    }
  }
  return kept;
}
