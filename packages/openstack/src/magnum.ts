import { setTimeout as delay } from 'node:timers/promises';
import { hasStatus, isMagnumNotFound } from './errors.ts';
import type { KeystoneSession, SessionRequestOptions } from './keystone.ts';
import type {
  CaCertType,
  CreateMagnumCluster,
  CreateMagnumNodeGroup,
  CreateMagnumTemplate,
  ListMagnum,
  MagnumCertificate,
  MagnumCluster,
  MagnumClusterSummary,
  MagnumNodeGroup,
  MagnumNodeGroupSummary,
  MagnumPatch,
  MagnumQuota,
  MagnumService,
  MagnumStats,
  MagnumTemplate,
  ResizeMagnumCluster,
  UpgradeMagnumCluster,
} from './magnum-types.ts';
import { MagnumConnection, type MagnumPlace, type MagnumVersions } from './magnum-version.ts';

export * from './magnum-types.ts';
export {
  formatVersion,
  isAtLeast,
  type MagnumPlace,
  type MagnumVersions,
  type Microversion,
} from './magnum-version.ts';

/** How long to wait for a cluster that is half written, and between two looks at it. Milliseconds. */
const INCOMPLETE_MS = 3_000;
const INCOMPLETE_WAIT_MS = 100;

/** What a request goes with besides its content. */
interface CallOptions {
  signal?: AbortSignal | undefined;
}

/**
 * Magnum's v1 in the project of a session. Every method may throw OpenStackError (its message is Magnum's `detail`,
 * its `code` is `client` for nearly everything) and OpenStackUnreachableError.
 *
 * What Magnum answers is old for a moment: the conductor writes, not the API. A cluster that was accepted (202) may be
 * unknown (404) for a while; after a DELETE or a resize the status of before may still be read.
 *
 * With the role admin, Magnum looks at the clusters and templates of all projects: lists are of the whole cloud, a
 * name may be found in another project, or in several (409). `project_id` tells whose it is, except in a list of clusters.
 */
export class MagnumClient {
  readonly #connection: MagnumConnection;

  constructor(session: KeystoneSession, place: MagnumPlace = {}) {
    this.#connection = new MagnumConnection(session, place);
  }

  /** The microversions Magnum speaks and the one that is used, the highest both know. Asked for once. */
  async versions(): Promise<MagnumVersions> {
    return this.#connection.versions();
  }

  /**
   * @throws OpenStackError 400 for a flavor, image or network that does not exist, an image without `os_distro`, an
   *   operating system no driver serves; 404 for a key pair; 403 for `public` or `hidden` without the policy.
   */
  async createTemplate(template: CreateMagnumTemplate, options: CallOptions = {}): Promise<MagnumTemplate> {
    return this.#json('POST', '/clustertemplates', { json: template, ...options });
  }

  /**
   * @param ident uuid or name.
   * @returns null when there is none.
   * @throws OpenStackError 409 for a name that several have.
   */
  async getTemplate(ident: string, options: CallOptions = {}): Promise<MagnumTemplate | null> {
    return this.#found(`/clustertemplates/${encodeURIComponent(ident)}`, options);
  }

  /** Pages of the project's templates and the public ones, oldest first. */
  listTemplates(options: ListMagnum = {}): AsyncGenerator<MagnumTemplate[], void, undefined> {
    return this.#pages<MagnumTemplate>('/clustertemplates', 'clustertemplates', options);
  }

  /** @throws OpenStackError 400 for a template in use (except its `public` and `hidden`), or a patch that cannot be applied. */
  async patchTemplate(ident: string, patch: MagnumPatch, options: CallOptions = {}): Promise<MagnumTemplate> {
    return this.#json('PATCH', `/clustertemplates/${encodeURIComponent(ident)}`, {
      json: patch.map(asText),
      ...options,
    });
  }

  /** No template is fine. @throws OpenStackError 400 while a cluster refers to it. */
  async deleteTemplate(ident: string, options: CallOptions = {}): Promise<void> {
    await this.#delete(`/clustertemplates/${encodeURIComponent(ident)}`, options);
  }

  /**
   * Starts a cluster. Not repeated by itself when the answer is lost: look for the name before trying again; Magnum
   * would make a second one of the same name.
   * @throws OpenStackError 400 for what does not exist or does not fit together; 403 when the quota is reached;
   *   404 for the template (400 below microversion 1.10) and the key pair.
   */
  async createCluster(cluster: CreateMagnumCluster, options: CallOptions = {}): Promise<{ uuid: string }> {
    return this.#json('POST', '/clusters', { json: cluster, ...options });
  }

  /**
   * @param ident uuid or name.
   * @returns null when there is none, or none yet.
   * @throws OpenStackError 409 for a name that several have.
   */
  async getCluster(ident: string, options: CallOptions = {}): Promise<MagnumCluster | null> {
    const cluster = await this.#found<MagnumCluster>(`/clusters/${encodeURIComponent(ident)}`, options);
    return cluster === null ? null : withStackId(cluster);
  }

  /**
   * Pages of clusters, oldest first. Magnum computes about 25 ms for each cluster in a list, so a page should be small.
   */
  async *listClusters(options: ListMagnum = {}): AsyncGenerator<MagnumClusterSummary[], void, undefined> {
    for await (const page of this.#pages<MagnumClusterSummary>('/clusters', 'clusters', options))
      yield page.map(withStackId);
  }

  /** As {@link listClusters}, with everything but `faults`. */
  async *listClustersInDetail(options: ListMagnum = {}): AsyncGenerator<MagnumCluster[], void, undefined> {
    for await (const page of this.#pages<MagnumCluster>('/clusters/detail', 'clusters', options))
      yield page.map(withStackId);
  }

  /**
   * Sets the number of workers in the default group; legal only in a `*_COMPLETE` state, though Magnum answers 202 in
   * any. A {@link resizeCluster} is legal in more.
   * @param options.rollback when the update fails, go back to the number of before.
   */
  async setNodeCount(
    ident: string,
    nodeCount: number,
    options: CallOptions & { rollback?: boolean } = {},
  ): Promise<void> {
    const { rollback, signal } = options;
    await this.#connection.request('PATCH', `/clusters/${encodeURIComponent(ident)}`, {
      json: [{ op: 'replace', path: '/node_count', value: nodeCount }],
      query: { rollback },
      signal,
    });
  }

  /** Starts a cluster's deletion, legal in every state. None is fine. */
  async deleteCluster(ident: string, options: CallOptions = {}): Promise<void> {
    await this.#delete(`/clusters/${encodeURIComponent(ident)}`, options);
  }

  /**
   * Starts a change of a group's size; legal in `*_COMPLETE`, `UPDATE_FAILED` and `UPDATE_IN_PROGRESS`. In another
   * state Magnum answers 202 all the same, and nothing happens.
   * @throws OpenStackError 400 for the master group, or a number outside the group's bounds.
   */
  async resizeCluster(ident: string, resize: ResizeMagnumCluster, options: CallOptions = {}): Promise<void> {
    await this.#action(
      ident,
      'resize',
      { ...resize, nodes_to_remove: resize.nodes_to_remove ?? [] },
      options,
    );
  }

  /**
   * Starts an upgrade to the versions in a template's labels. Magnum's API waits for its conductor, so the answer takes long.
   * @throws OpenStackError 400 in a state that is not `*_COMPLETE`, for a version that is lower, for a template
   *   without version labels; 409 for a template that is not the cluster's with a group that is no default one.
   */
  async upgradeCluster(
    ident: string,
    upgrade: UpgradeMagnumCluster,
    options: CallOptions = {},
  ): Promise<void> {
    await this.#action(
      ident,
      'upgrade',
      { ...upgrade, max_batch_size: upgrade.max_batch_size ?? 1 },
      options,
    );
  }

  /** Pages of a cluster's node groups, the default ones first. @throws OpenStackError 404 when there is no such cluster. */
  listNodeGroups(
    cluster: string,
    options: ListMagnum & { role?: string } = {},
  ): AsyncGenerator<MagnumNodeGroupSummary[], void, undefined> {
    return this.#pages<MagnumNodeGroupSummary>(groupsPath(cluster), 'nodegroups', options);
  }

  /** @returns null when there is no such group, or no such cluster. */
  async getNodeGroup(
    cluster: string,
    group: string,
    options: CallOptions = {},
  ): Promise<MagnumNodeGroup | null> {
    return this.#found(groupPath(cluster, group), options);
  }

  /**
   * Starts a node group. As with a cluster, it is unknown for a moment after it was accepted.
   * @throws OpenStackError 400 while the cluster has no address yet, for the role `master`, for bounds that exclude
   *   the number; 409 when the cluster has a group of that name.
   */
  async createNodeGroup(
    cluster: string,
    group: CreateMagnumNodeGroup,
    options: CallOptions = {},
  ): Promise<MagnumNodeGroup> {
    return this.#json('POST', groupsPath(cluster), { json: group, ...options });
  }

  /** Changes `min_node_count` and `max_node_count`; nothing else can be. @throws OpenStackError 400. */
  async patchNodeGroup(
    cluster: string,
    group: string,
    patch: MagnumPatch,
    options: CallOptions = {},
  ): Promise<MagnumNodeGroup> {
    return this.#json('PATCH', groupPath(cluster, group), { json: patch.map(asText), ...options });
  }

  /** Starts a group's deletion. None is fine. @throws OpenStackError 400 for a default group. */
  async deleteNodeGroup(cluster: string, group: string, options: CallOptions = {}): Promise<void> {
    await this.#delete(groupPath(cluster, group), options);
  }

  /** The certificate of one of a cluster's authorities. @throws OpenStackError 404, 403 for who did not make the cluster. */
  async getCaCertificate(
    cluster: string,
    options: CallOptions & { type?: CaCertType } = {},
  ): Promise<MagnumCertificate> {
    const { type, signal } = options;
    const path = `/certificates/${encodeURIComponent(cluster)}`;
    return this.#json('GET', path, { query: { ca_cert_type: type }, signal });
  }

  /**
   * Has a request (PKCS#10, PEM) signed by a cluster's authority. May be sent twice: it makes another certificate.
   * @throws OpenStackError 400 when there is no such cluster.
   */
  async signCertificate(
    request: { cluster_uuid: string; csr: string; ca_cert_type?: CaCertType },
    options: CallOptions = {},
  ): Promise<MagnumCertificate> {
    return this.#json('POST', '/certificates', { json: request, idempotent: true, ...options });
  }

  /** Replaces a cluster's authority. The answer takes long. @throws OpenStackError 400 in a state that is not `*_COMPLETE`. */
  async rotateCa(cluster: string, options: CallOptions = {}): Promise<void> {
    await this.#connection.request('PATCH', `/certificates/${encodeURIComponent(cluster)}`, options);
  }

  /** Pages of quotas that were set. Administrators only. */
  listQuotas(
    options: ListMagnum & { allTenants?: boolean } = {},
  ): AsyncGenerator<MagnumQuota[], void, undefined> {
    return this.#pages<MagnumQuota>('/quotas', 'quotas', options);
  }

  /** A project's limit of clusters; the cloud's default where none was set. */
  async getQuota(projectId: string, options: CallOptions = {}): Promise<MagnumQuota> {
    return this.#json('GET', quotaPath(projectId), options);
  }

  /** @throws OpenStackError 409 when the project has one, 404 when there is no such project. */
  async createQuota(projectId: string, hardLimit: number, options: CallOptions = {}): Promise<MagnumQuota> {
    const json = { project_id: projectId, resource: 'Cluster', hard_limit: hardLimit };
    return this.#json('POST', '/quotas', { json, ...options });
  }

  /** @throws OpenStackError 404 when none was set. */
  async setQuota(projectId: string, hardLimit: number, options: CallOptions = {}): Promise<MagnumQuota> {
    const json = { project_id: projectId, resource: 'Cluster', hard_limit: hardLimit };
    return this.#json('PATCH', quotaPath(projectId), { json, idempotent: true, ...options });
  }

  /** Back to the cloud's default. None is fine. */
  async deleteQuota(projectId: string, options: CallOptions = {}): Promise<void> {
    await this.#delete(quotaPath(projectId), options);
  }

  /** Clusters and nodes of a project. @throws OpenStackError 403 for another's. */
  async stats(options: CallOptions & { projectId?: string } = {}): Promise<MagnumStats> {
    return this.#json('GET', '/stats', { query: { project_id: options.projectId }, signal: options.signal });
  }

  /** Magnum's own processes. Administrators only. */
  async listServices(options: CallOptions = {}): Promise<MagnumService[]> {
    return (await this.#json<{ mservices: MagnumService[] }>('GET', '/mservices', options)).mservices;
  }

  async #json<T>(method: string, path: string, options: SessionRequestOptions): Promise<T> {
    for (let waited = 0; ; waited += INCOMPLETE_WAIT_MS) {
      try {
        return (await this.#connection.request(method, path, options)).body as T;
      } catch (error) {
        if (method !== 'GET' || waited >= INCOMPLETE_MS || !isIncomplete(error)) throw error;
        await delay(INCOMPLETE_WAIT_MS, undefined, options.signal ? { signal: options.signal } : {});
      }
    }
  }

  async #found<T>(path: string, options: CallOptions): Promise<T | null> {
    try {
      return await this.#json<T>('GET', path, options);
    } catch (error) {
      if (isMagnumNotFound(error)) return null;
      throw error;
    }
  }

  async #delete(path: string, options: CallOptions): Promise<void> {
    try {
      await this.#connection.request('DELETE', path, { idempotent: true, ...options });
    } catch (error) {
      if (!isMagnumNotFound(error)) throw error;
    }
  }

  async #action(cluster: string, action: string, json: unknown, { signal }: CallOptions): Promise<void> {
    const path = `/clusters/${encodeURIComponent(cluster)}/actions/${action}`;
    await this.#connection.request('POST', path, { json, signal });
  }

  async *#pages<T extends { uuid: string } | MagnumQuota>(
    path: string,
    key: string,
    options: ListMagnum & { role?: string; allTenants?: boolean },
  ): AsyncGenerator<T[], void, undefined> {
    const limit = options.limit ?? 100;
    let marker = options.marker;
    for (;;) {
      const query = {
        limit,
        marker,
        sort_key: options.sortKey,
        sort_dir: options.sortDir,
        role: options.role,
        all_tenants: options.allTenants,
      };
      const body = await this.#json<Record<string, T[]> & { next?: string }>('GET', path, {
        query,
        signal: options.signal,
      });
      const page = body[key] ?? [];
      if (page.length > 0) yield page;
      const last = page.at(-1);
      // Magnum gives fewer than asked for when its own limit is lower; `next` is there whenever there may be more.
      if (last === undefined || typeof body.next !== 'string') return;
      marker = 'uuid' in last ? last.uuid : String(last.id);
    }
  }
}

/**
 * Magnum writes a cluster before its groups and removes it after them. In between it cannot answer for the cluster,
 * nor for any list that it is in, and says that its number of masters is invalid.
 */
const isIncomplete = (error: unknown): boolean =>
  hasStatus(error, 400) && error.message.includes('field/attribute master_count');

/** Magnum refuses an object as the value of a patch; it reads the text of one, a Python literal, which JSON of texts is. */
const asText = (change: MagnumPatch[number]): MagnumPatch[number] =>
  typeof change.value === 'object' && change.value !== null
    ? { ...change, value: JSON.stringify(change.value) }
    : change;

const groupsPath = (cluster: string): string => `/clusters/${encodeURIComponent(cluster)}/nodegroups`;
const groupPath = (cluster: string, group: string): string =>
  `${groupsPath(cluster)}/${encodeURIComponent(group)}`;
const quotaPath = (projectId: string): string => `/quotas/${encodeURIComponent(projectId)}/Cluster`;

/** `stack_id` is called `cluster_id` from microversion 1.13 on. */
function withStackId<T extends MagnumClusterSummary>(cluster: T): T {
  const { cluster_id: renamed, ...rest } = cluster as T & { cluster_id?: string | null };
  return { ...rest, stack_id: cluster.stack_id ?? renamed ?? null } as unknown as T;
}
