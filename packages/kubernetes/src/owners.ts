import type { KubernetesConnection } from './connection.ts';
import { hasStatus, isNotFound } from './errors.ts';
import type { KubernetesObject, OwnerReference, ResourceList } from './objects.ts';

/** An object and where it is. */
export interface Located {
  path: string;
  kind: string;
  name: string;
  uid: string;
}

/** Longer chains of owners are not followed. */
const MAX_DEPTH = 10;

/**
 * Finds who made an object, and who made that one: the controller at the end of the chain brings back whatever is deleted below
 * it. Remembers what the API serves, so it is for one look only.
 */
export class Owners {
  readonly #connection: KubernetesConnection;
  readonly #signal: AbortSignal | undefined;
  readonly #resources = new Map<string, Promise<ResourceList['resources']>>();

  constructor(connection: KubernetesConnection, signal?: AbortSignal) {
    this.#connection = connection;
    this.#signal = signal;
  }

  /**
   * The controller at the end of the chain; undefined when nobody controls the object, or its controller is gone.
   * @throws KubernetesError, KubernetesUnreachableError
   */
  async topOf({ metadata }: KubernetesObject): Promise<Located | undefined> {
    const namespace = metadata.namespace;
    let top: Located | undefined;
    let references = metadata.ownerReferences;
    for (let depth = 0; depth < MAX_DEPTH; depth++) {
      const reference = references?.find(({ controller }) => controller === true);
      const path = reference && (await this.#pathOf(reference, namespace));
      if (reference === undefined || path === undefined) return top;
      const owner = await this.#read(path);
      if (owner?.metadata.uid !== reference.uid) return top;
      top = { path, kind: reference.kind, name: reference.name, uid: reference.uid };
      references = owner.metadata.ownerReferences;
    }
    return top;
  }

  async #read(path: string): Promise<KubernetesObject | undefined> {
    try {
      return await this.#connection.get<KubernetesObject>(path, { signal: this.#signal });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** Undefined when the API does not serve the owner's kind any more. */
  async #pathOf({ apiVersion, kind, name }: OwnerReference, namespace?: string): Promise<string | undefined> {
    const base = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    let resources = this.#resources.get(base);
    if (resources === undefined) this.#resources.set(base, (resources = this.#served(base)));
    const resource = (await resources).find((served) => served.kind === kind && !served.name.includes('/'));
    if (resource === undefined) return undefined;
    const scope = resource.namespaced ? `/namespaces/${namespace ?? ''}` : '';
    return `${base}${scope}/${resource.name}/${name}`;
  }

  async #served(base: string): Promise<ResourceList['resources']> {
    try {
      return (await this.#connection.get<ResourceList>(base, { signal: this.#signal })).resources;
    } catch (error) {
      if (hasStatus(error, 404)) return [];
      throw error;
    }
  }
}
