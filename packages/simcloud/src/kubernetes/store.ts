import { keyOf, type KubeObject } from './objects.ts';

export type ChangeType = 'ADDED' | 'MODIFIED' | 'DELETED';

/** One write. */
export interface Change {
  revision: number;
  /** Storage name of the resource, e.g. `deployments.apps`. */
  resource: string;
  key: string;
  type: ChangeType;
  object: KubeObject;
  previous: KubeObject | undefined;
}

/** What a store is made from again. */
export interface StoreDocument {
  revision: number;
  objects: Record<string, KubeObject[]>;
}

/** Changes kept for watches that begin in the past and for lists that go on. */
const MOST_CHANGES = 2000;

/** A revision older than the changes that are kept. */
export class CompactedError extends Error {
  readonly oldest: number;

  constructor(oldest: number) {
    super('the revision has been compacted');
    this.oldest = oldest;
  }
}

/** All objects of one cluster by resource and key, with a revision that every write raises and the last changes. */
export class ObjectStore {
  readonly #tables = new Map<string, Map<string, KubeObject>>();
  readonly #changes: Change[] = [];
  readonly #listeners = new Set<(change: Change) => void>();
  #revision: number;
  /** Changes up to this revision are no longer kept. */
  #compacted: number;
  /** What is asked for in any version is as it was then; undefined: as it is. */
  #frozen: number | undefined;

  constructor(document: StoreDocument = { revision: 1, objects: {} }) {
    this.#revision = document.revision;
    this.#compacted = document.revision;
    for (const [resource, objects] of Object.entries(document.objects)) {
      const table = this.#table(resource);
      for (const object of objects) table.set(keyOf(object.metadata.namespace, object.metadata.name), object);
    }
  }

  get revision(): number {
    return this.#revision;
  }

  /** The revision of what an API server has in its memory, from which it answers whoever takes any version. */
  get cachedRevision(): number {
    return Math.max(this.#frozen ?? this.#revision, this.#compacted);
  }

  /** Has the API server's memory stay as it is now, or (false) follow what is written, as it does a moment later in a real cluster. */
  freezeCache(frozen: boolean): void {
    this.#frozen = frozen ? this.#revision : undefined;
  }

  get(resource: string, namespace: string | undefined, name: string): KubeObject | undefined {
    return this.#tables.get(resource)?.get(keyOf(namespace, name));
  }

  /** Objects in no order. */
  values(resource: string): Iterable<KubeObject> {
    return this.#tables.get(resource)?.values() ?? [];
  }

  count(resource: string): number {
    return this.#tables.get(resource)?.size ?? 0;
  }

  /** Storage names of resources that have objects. */
  resources(): string[] {
    return [...this.#tables.keys()].filter((resource) => this.count(resource) > 0);
  }

  /** Objects of a namespace (all when undefined) with their keys, in the order of keys. */
  list(resource: string, namespace?: string): [string, KubeObject][] {
    return inOrder(this.#tables.get(resource)?.entries() ?? [], namespace);
  }

  /** The list as it was at a revision. @throws CompactedError when that is too long ago. */
  listAt(resource: string, namespace: string | undefined, revision: number): [string, KubeObject][] {
    if (revision >= this.#revision) return this.list(resource, namespace);
    const table = new Map(this.#tables.get(resource));
    for (const change of this.since(revision).reverse()) {
      if (change.resource !== resource) continue;
      if (change.previous === undefined) table.delete(change.key);
      else table.set(change.key, change.previous);
    }
    return inOrder(table.entries(), namespace);
  }

  /** Changes after a revision. @throws CompactedError */
  since(revision: number): Change[] {
    if (revision < this.#compacted) throw new CompactedError(this.#compacted + 1);
    const first = this.#changes.findIndex((change) => change.revision > revision);
    return first < 0 ? [] : this.#changes.slice(first);
  }

  /** Writes an object; sets its resource version. @returns what is stored */
  put(resource: string, object: KubeObject): KubeObject {
    const revision = ++this.#revision;
    const stored: KubeObject = {
      ...object,
      metadata: { ...object.metadata, resourceVersion: String(revision) },
    };
    const key = keyOf(stored.metadata.namespace, stored.metadata.name);
    const table = this.#table(resource);
    const previous = table.get(key);
    table.set(key, stored);
    const type = previous === undefined ? 'ADDED' : 'MODIFIED';
    this.#record({ revision, resource, key, type, object: stored, previous });
    return stored;
  }

  /** Takes an object out. @returns it, with the resource version of its removal */
  remove(resource: string, object: KubeObject): KubeObject {
    const key = keyOf(object.metadata.namespace, object.metadata.name);
    const table = this.#table(resource);
    const previous = table.get(key);
    if (previous === undefined) return object;
    const revision = ++this.#revision;
    const last: KubeObject = {
      ...previous,
      metadata: { ...previous.metadata, resourceVersion: String(revision) },
    };
    table.delete(key);
    this.#record({ revision, resource, key, type: 'DELETED', object: last, previous });
    return last;
  }

  /** Calls a function after every write, in order. @returns the function that ends it */
  listen(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Forgets all changes: a watch cannot go on from an older revision. */
  compact(): void {
    this.#changes.length = 0;
    this.#compacted = this.#revision;
  }

  toDocument(): StoreDocument {
    const objects = Object.fromEntries(
      [...this.#tables].map(([resource, table]) => [resource, [...table.values()]]),
    );
    return { revision: this.#revision, objects };
  }

  #record(change: Change): void {
    this.#changes.push(change);
    // In blocks, as taking one from the front moves all others.
    if (this.#changes.length > MOST_CHANGES * 1.25) {
      const dropped = this.#changes.splice(0, this.#changes.length - MOST_CHANGES);
      this.#compacted = dropped[dropped.length - 1]?.revision ?? this.#compacted;
    }
    for (const listener of this.#listeners) listener(change);
  }

  #table(resource: string): Map<string, KubeObject> {
    let table = this.#tables.get(resource);
    if (table === undefined) {
      table = new Map();
      this.#tables.set(resource, table);
    }
    return table;
  }
}

function inOrder(
  entries: Iterable<[string, KubeObject]>,
  namespace: string | undefined,
): [string, KubeObject][] {
  const found: [string, KubeObject][] = [];
  for (const entry of entries)
    if (namespace === undefined || entry[1].metadata.namespace === namespace) found.push(entry);
  return found.sort(([a], [b]) => (a < b ? -1 : 1));
}
