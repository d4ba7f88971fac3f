import type {
  ClusterFamily,
  ClusterRecord,
  Labels,
  NodeGroupRecord,
  QuotaRecord,
  TemplateRecord,
} from './records.ts';
import { invalidField } from './errors.ts';
import { ROOT, V1 } from './paths.ts';
import { isFailed } from './records.ts';

type Link = Record<'href' | 'rel', string>;

/** Magnum's answers, as JSON values. */
export class MagnumViews {
  readonly #base: () => string;

  constructor(base: () => string) {
    this.#base = base;
  }

  /** Address of something below `/v1`. */
  href(path: string): string {
    return `${this.#base()}${V1}/${path}`;
  }

  links(path: string): Link[] {
    return [
      { href: this.href(path), rel: 'self' },
      { href: `${this.#base()}${ROOT}/${path}`, rel: 'bookmark' },
    ];
  }

  /** A template; `isNew`: in the answer to its creation, which shows what was given rather than what is stored. */
  template(template: TemplateRecord, isNew = false): unknown {
    const { id: _, created_at: created, updated_at: updated, ...shown } = template;
    return {
      ...shown,
      labels: isNew ? template.labels : (template.labels ?? {}),
      links: this.links(`clustertemplates/${template.uuid}`),
      created_at: isNew ? exactTime(created) : time(created),
      updated_at: time(updated),
    };
  }

  /** A cluster in a list. */
  clusterSummary(family: ClusterFamily, version: number): unknown {
    requireGroups(family);
    const { cluster } = family;
    return {
      uuid: cluster.uuid,
      name: cluster.name,
      cluster_template_id: cluster.cluster_template_id,
      keypair: cluster.keypair,
      ...counts(family),
      docker_volume_size: cluster.docker_volume_size,
      labels: cluster.labels,
      master_flavor_id: cluster.master_flavor_id,
      flavor_id: cluster.flavor_id,
      create_timeout: cluster.create_timeout,
      links: this.links(`clusters/${cluster.uuid}`),
      [stackField(version)]: cluster.stack_id,
      status: cluster.status,
      health_status: cluster.health_status,
      merge_labels: false,
    };
  }

  /** A cluster in full; `withFaults`: by itself, not in a list. */
  cluster(
    family: ClusterFamily,
    template: TemplateRecord | undefined,
    version: number,
    withFaults: boolean,
  ): unknown {
    requireGroups(family);
    const { cluster, nodegroups } = family;
    const { id: _, stack_id: stackId, created_at: created, updated_at: updated, ...shown } = cluster;
    const addresses = (isMaster: boolean): string[] =>
      nodegroups
        .filter(({ role }) => (role === 'master') === isMaster)
        .flatMap((group) => group.node_addresses);
    const faults = nodegroups.filter(({ status }) => isFailed(status));
    return {
      ...shown,
      ...counts(family),
      links: this.links(`clusters/${cluster.uuid}`),
      [stackField(version)]: stackId,
      node_addresses: addresses(false),
      master_addresses: addresses(true),
      ...(withFaults && isFailed(cluster.status)
        ? { faults: Object.fromEntries(faults.map((group) => [group.name, group.status_reason])) }
        : {}),
      merge_labels: false,
      ...labelsDiff(template?.labels ?? {}, cluster.labels),
      created_at: time(created),
      updated_at: time(updated),
    };
  }

  /** A node group in a list. */
  nodeGroupSummary(group: NodeGroupRecord): unknown {
    const { uuid, name, flavor_id, image_id, node_count, role, min_node_count, max_node_count } = group;
    const { is_default, stack_id, status } = group;
    return {
      uuid,
      name,
      flavor_id,
      image_id,
      node_count,
      role,
      min_node_count,
      max_node_count,
      is_default,
      stack_id,
      status,
      merge_labels: false,
    };
  }

  nodeGroup(group: NodeGroupRecord, cluster: ClusterRecord): unknown {
    return {
      ...group,
      links: this.links(`clusters/${group.cluster_id}/nodegroups/${group.uuid}`),
      merge_labels: false,
      ...labelsDiff(cluster.labels, group.labels),
      created_at: time(group.created_at),
      updated_at: time(group.updated_at),
    };
  }

  /** A group in the answer to the request for it: what was asked and inherited, and no more. */
  newNodeGroup(group: NodeGroupRecord, cluster: ClusterRecord): unknown {
    const { uuid, name, cluster_id, project_id, labels, flavor_id, image_id, node_count, role } = group;
    const { docker_volume_size: size, min_node_count, max_node_count } = group;
    return {
      uuid,
      name,
      cluster_id,
      project_id,
      ...(size === null ? {} : { docker_volume_size: size }),
      labels,
      links: this.links(`clusters/${cluster_id}/nodegroups/${uuid}`),
      flavor_id,
      image_id,
      node_count,
      role,
      min_node_count,
      max_node_count,
      merge_labels: false,
      ...labelsDiff(cluster.labels, labels),
    };
  }

  /** A quota; `change`: in the answer to what has just been done to it. */
  quota(
    { id, hard_limit, project_id, resource, ...times }: QuotaRecord,
    change?: 'create' | 'update',
  ): unknown {
    const { created_at: created, updated_at: updated } = times;
    return {
      id,
      hard_limit,
      project_id,
      resource,
      created_at: change === 'create' ? exactTime(created) : time(created),
      updated_at: change === 'update' && updated !== null ? exactTime(updated) : time(updated),
    };
  }
}

/** Magnum takes a cluster whose groups are not written yet, or not any more, for a wrong input. @throws MagnumError 400 */
function requireGroups({ nodegroups }: ClusterFamily): void {
  if (nodegroups.length === 0) throw invalidField('master_count', 0, 'Value should be greater or equal to 1');
}

/** The name of what stands behind a cluster, which version 1.13 has changed. */
function stackField(version: number): string {
  return version >= 13 ? 'cluster_id' : 'stack_id';
}

/** Nodes of all groups that are no masters, and masters. */
export function counts({ nodegroups }: ClusterFamily): { node_count: number; master_count: number } {
  const sum = (isMaster: boolean): number =>
    nodegroups
      .filter(({ role }) => (role === 'master') === isMaster)
      .reduce((total, { node_count }) => total + node_count, 0);
  return { node_count: sum(false), master_count: sum(true) };
}

function labelsDiff(parent: Labels, own: Labels): Record<string, Labels> {
  const pick = (labels: Labels, wanted: (key: string) => boolean): Labels =>
    Object.fromEntries(Object.entries(labels).filter(([key]) => wanted(key)));
  return {
    // The values of the parent, not those that count.
    labels_overridden: pick(parent, (key) => key in own && own[key] !== parent[key]),
    labels_added: pick(own, (key) => !(key in parent)),
    labels_skipped: pick(parent, (key) => !(key in own)),
  };
}

/** `2026-01-01T00:00:00+00:00`. */
function time(value: number | null): string | null {
  return value === null ? null : `${new Date(value).toISOString().slice(0, 19)}+00:00`;
}

/** With microseconds, as before the data base has cut them off. */
function exactTime(value: number): string {
  return `${new Date(value).toISOString().slice(0, -1)}000+00:00`;
}
