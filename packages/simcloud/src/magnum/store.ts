import { setTimeout as delay } from 'node:timers/promises';
import type { Documents } from '../documents.ts';
import { clusterNotFound, conflict, nodeGroupNotFound, templateNotFound } from './errors.ts';
import { isUuid } from './fields.ts';
import type {
  ClusterFamily,
  ClusterRecord,
  NodeGroupRecord,
  QuotaRecord,
  TemplateRecord,
} from './records.ts';

/** Between the writes of a cluster and of its groups, which are not one. */
export const BETWEEN_ROWS_MS = 10;

/** Whose objects a request may find; all when there is no project. */
export interface Scope {
  projectId: string | undefined;
}

/** Where the parts of the store are kept. */
export interface MagnumDocuments {
  templates: Documents;
  clusters: Documents;
  quotas: Documents;
}

/** All of Magnum's objects, and their files. */
export class MagnumStore {
  readonly templates = new Map<string, TemplateRecord>();
  readonly families = new Map<string, ClusterFamily>();
  readonly quotas = new Map<string, QuotaRecord>();
  readonly #documents: MagnumDocuments;
  #lastId = 0;

  constructor(documents: MagnumDocuments) {
    this.#documents = documents;
  }

  /** Reads what a former run has written. */
  async load(): Promise<void> {
    const [templates, clusters, quotas] = (await Promise.all([
      this.#documents.templates.load(),
      this.#documents.clusters.load(),
      this.#documents.quotas.load(),
    ])) as [TemplateRecord[], ClusterFamily[], QuotaRecord[]];
    for (const template of inOrder(templates)) this.templates.set(template.uuid, template);
    clusters.sort((a, b) => a.cluster.id - b.cluster.id);
    for (const family of clusters) this.families.set(family.cluster.uuid, family);
    for (const quota of inOrder(quotas)) this.quotas.set(quota.project_id, quota);
    const groups = clusters.flatMap((family) => [family.cluster, ...family.nodegroups]);
    this.#lastId = Math.max(0, ...[...templates, ...groups, ...quotas].map(({ id }) => id));
  }

  nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  /** @throws MagnumError 404 (or the given status); 409 when several have the name. */
  template(scope: Scope, ident: string, missing?: number): TemplateRecord {
    const nameOf = (one: TemplateRecord): string | null | undefined =>
      mayFind(scope, one) || one.public ? one.name : undefined;
    const found = find(this.templates, nameOf, ident, 'ClusterTemplate');
    if (found === undefined) throw templateNotFound(ident, missing);
    return found;
  }

  /** @throws MagnumError 404 (or the given status); 409 when several have the name. */
  family(scope: Scope, ident: string, missing?: number): ClusterFamily {
    const nameOf = ({ cluster }: ClusterFamily): string | undefined =>
      mayFind(scope, cluster) ? cluster.name : undefined;
    const found = find(this.families, nameOf, ident, 'cluster');
    if (found === undefined) throw clusterNotFound(ident, missing);
    return found;
  }

  /** @throws MagnumError 404 */
  nodeGroup(family: ClusterFamily, ident: string): NodeGroupRecord {
    const key = isUuid(ident) ? 'uuid' : 'name';
    const found = family.nodegroups.find((group) => group[key] === ident);
    if (found === undefined) throw nodeGroupNotFound(ident);
    return found;
  }

  /** Clusters a request may list, oldest first. */
  clusters(scope: Scope): ClusterRecord[] {
    return [...this.families.values()]
      .map(({ cluster }) => cluster)
      .filter((cluster) => mayFind(scope, cluster));
  }

  async saveTemplate(template: TemplateRecord): Promise<void> {
    this.templates.set(template.uuid, template);
    await this.#documents.templates.save(template.uuid, () => template);
  }

  async removeTemplate(template: TemplateRecord): Promise<void> {
    this.templates.delete(template.uuid);
    await this.#documents.templates.remove(template.uuid);
  }

  /** Writes a cluster and what belongs to it. */
  async saveFamily(family: ClusterFamily): Promise<void> {
    const { uuid } = family.cluster;
    this.families.set(uuid, family);
    await this.#documents.clusters.save(uuid, () => family);
  }

  /** Removes a cluster; its groups go a moment before it. */
  async removeFamily(family: ClusterFamily): Promise<void> {
    family.nodegroups = [];
    await delay(BETWEEN_ROWS_MS);
    this.families.delete(family.cluster.uuid);
    await this.#documents.clusters.remove(family.cluster.uuid);
  }

  async saveQuota(quota: QuotaRecord): Promise<void> {
    this.quotas.set(quota.project_id, quota);
    await this.#documents.quotas.save(quota.project_id, () => quota);
  }

  async removeQuota(quota: QuotaRecord): Promise<void> {
    this.quotas.delete(quota.project_id);
    await this.#documents.quotas.remove(quota.project_id);
  }

  /** Resolves when nothing is waiting to be written. */
  async settled(): Promise<void> {
    await Promise.all(Object.values(this.#documents).map((documents: Documents) => documents.settled()));
  }
}

/** The default group of the role. */
export function defaultGroup(family: ClusterFamily, role: 'master' | 'worker'): NodeGroupRecord {
  const group = family.nodegroups.find(
    (one) => one.is_default && (one.role === 'master') === (role === 'master'),
  );
  if (group === undefined) throw new Error(`cluster ${family.cluster.uuid} has no default ${role} group`);
  return group;
}

function mayFind({ projectId }: Scope, record: { project_id: string }): boolean {
  return projectId === undefined || record.project_id === projectId;
}

/** By UUID or name; `nameOf` gives undefined for what may not be found. */
function find<T>(
  all: ReadonlyMap<string, T>,
  nameOf: (one: T) => string | null | undefined,
  ident: string,
  kind: string,
): T | undefined {
  if (isUuid(ident)) {
    const found = all.get(ident.toLowerCase());
    return found !== undefined && nameOf(found) !== undefined ? found : undefined;
  }
  const named = [...all.values()].filter((one) => nameOf(one) === ident);
  if (named.length > 1) {
    throw conflict(`Multiple ${kind}s exist with same name. Please use the ${kind} uuid instead.`);
  }
  return named[0];
}

function inOrder<T extends { id: number }>(rows: T[]): T[] {
  return rows.sort((a, b) => a.id - b.id);
}
