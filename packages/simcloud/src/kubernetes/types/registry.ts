import type { ResourceType } from './resource-type.ts';
import { RESOURCE_TYPES } from './table.ts';

/** The resources that one version of Kubernetes serves. Clusters of one version share it. */
export class Registry {
  /** Minor of Kubernetes 1. */
  readonly minor: number;
  readonly types: readonly ResourceType[];
  readonly #byPath = new Map<string, ResourceType>();
  readonly #byStorage = new Map<string, ResourceType>();

  constructor(minor: number) {
    this.minor = minor;
    this.types = RESOURCE_TYPES.filter((type) => type.since <= minor && minor <= type.until);
    for (const type of this.types) {
      this.#byPath.set(`${type.groupVersion}/${type.plural}`, type);
      if (!this.#byStorage.has(type.storage)) this.#byStorage.set(type.storage, type);
    }
  }

  /** @param groupVersion `v1` or `apps/v1` */
  find(groupVersion: string, plural: string): ResourceType | undefined {
    return this.#byPath.get(`${groupVersion}/${plural}`);
  }

  /** The preferred version of a resource by its storage name, e.g. `deployments.apps`. */
  preferred(storage: string): ResourceType | undefined {
    return this.#byStorage.get(storage);
  }

  /** The type of a kind as an owner reference or a role names it. */
  ofKind(groupVersion: string, kind: string): ResourceType | undefined {
    return this.types.find((type) => type.groupVersion === groupVersion && type.kind === kind);
  }

  hasGroup(group: string): boolean {
    return this.types.some((type) => type.group === group);
  }

  /** Group-versions in order, preferred first. */
  get groupVersions(): string[] {
    return [...new Set(this.types.map((type) => type.groupVersion))];
  }
}

const registries = new Map<number, Registry>();

/** The minor of a version, e.g. 33 of `v1.33.2`. */
export function minorOf(version: string): number {
  return Number(/^v?1\.(\d+)/.exec(version)?.[1] ?? 33);
}

/** The registry of a Kubernetes version such as `v1.33.2`. */
export function registryOf(version: string): Registry {
  const minor = minorOf(version);
  let registry = registries.get(minor);
  if (registry === undefined) {
    registry = new Registry(minor);
    registries.set(minor, registry);
  }
  return registry;
}
