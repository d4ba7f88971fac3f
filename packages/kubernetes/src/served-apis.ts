import type { KubernetesConnection } from './connection.ts';
import { hasStatus } from './errors.ts';
import { MANAGED_KINDS, type ManagedKind, type ManagedKindName } from './managed-kinds.ts';
import { apiPath, type KindReference } from './object-path.ts';
import type { ResourceList } from './objects.ts';

export interface DiscoveryOptions {
  signal?: AbortSignal | undefined;
}

/** What `/apis` answers. */
interface GroupList {
  groups: { name: string; versions: { groupVersion: string }[] }[];
}

/**
 * What the API of one cluster serves, asked for when it is needed and then remembered. A cluster that is upgraded serves something
 * else: {@link forget}. What could not be read is asked for again the next time.
 */
export class ServedApis {
  readonly #connection: KubernetesConnection;
  #groupVersions: ReadonlySet<string> | undefined;
  #kinds = new Map<string, ReadonlySet<string>>();
  #minor: number | undefined;

  constructor(connection: KubernetesConnection) {
    this.#connection = connection;
  }

  /** Makes the next question go to the cluster. */
  forget(): void {
    this.#groupVersions = undefined;
    this.#kinds = new Map();
    this.#minor = undefined;
  }

  /**
   * The API version in which to write and read a kind: of those that Cetus knows ({@link MANAGED_KINDS}) the first that the cluster
   * serves; undefined when it serves none.
   * @throws KubernetesError, KubernetesUnreachableError
   */
  async apiVersionOf(kind: ManagedKindName, options: DiscoveryOptions = {}): Promise<string | undefined> {
    const { apiVersions }: ManagedKind = MANAGED_KINDS[kind];
    for (const apiVersion of apiVersions)
      if (await this.serves({ apiVersion, kind }, options)) return apiVersion;
    return undefined;
  }

  /**
   * Whether the cluster serves a kind in a version, whatever kind it is.
   * @throws KubernetesError, KubernetesUnreachableError
   */
  async serves({ apiVersion, kind }: KindReference, options: DiscoveryOptions = {}): Promise<boolean> {
    if (apiVersion.includes('/') && !(await this.#readGroupVersions(options)).has(apiVersion)) return false;
    return (await this.#readKinds(apiVersion, options)).has(kind);
  }

  /**
   * The minor version of the API server: 33 of 1.33. Some distributions append a `+`.
   * @returns undefined where the server says nothing that is a number
   * @throws KubernetesError, KubernetesUnreachableError
   */
  async minor({ signal }: DiscoveryOptions = {}): Promise<number | undefined> {
    if (this.#minor !== undefined) return this.#minor;
    const version = await this.#connection.get<{ minor?: string }>('/version', { signal });
    const minor = Number.parseInt(version.minor ?? '', 10);
    return Number.isNaN(minor) ? undefined : (this.#minor = minor);
  }

  async #readGroupVersions({ signal }: DiscoveryOptions): Promise<ReadonlySet<string>> {
    if (this.#groupVersions !== undefined) return this.#groupVersions;
    const { groups } = await this.#connection.get<GroupList>('/apis', { signal });
    const found = groups.flatMap(({ versions }) => versions.map(({ groupVersion }) => groupVersion));
    return (this.#groupVersions = new Set(found));
  }

  async #readKinds(apiVersion: string, { signal }: DiscoveryOptions): Promise<ReadonlySet<string>> {
    const known = this.#kinds.get(apiVersion);
    if (known !== undefined) return known;
    const kinds = new Set<string>();
    try {
      const { resources } = await this.#connection.get<ResourceList>(apiPath(apiVersion), { signal });
      // A part of a resource has a kind too: an Eviction is no object that one could apply.
      for (const { name, kind } of resources) if (!name.includes('/')) kinds.add(kind);
    } catch (error) {
      // An upgrade may have taken it out of service since the groups were read.
      if (!hasStatus(error, 404)) throw error;
    }
    this.#kinds.set(apiVersion, kinds);
    return kinds;
  }
}
