import { keyOf, type KubeObject } from '../objects.ts';
import type { Change } from '../store.ts';
import { FOREGROUND, ORPHAN } from '../writes.ts';
import type { ControllerContext } from './controller-context.ts';

interface Place {
  storage: string;
  namespace: string | undefined;
  name: string;
}

/** Deletes what was owned by what has gone, or waits for it, or lets it be: the three policies of propagation. */
export class GarbageCollector {
  readonly #dependents = new Map<string, Map<string, Place>>();

  /** Notes who is owned by whom. */
  note({ resource, key, type, object, previous }: Change): void {
    const before = previous?.metadata.ownerReferences ?? [];
    const after = type === 'DELETED' ? [] : (object.metadata.ownerReferences ?? []);
    if (before === after) return;
    const id = `${resource}|${key}`;
    for (const { uid } of before) {
      const set = this.#dependents.get(uid);
      set?.delete(id);
      if (set?.size === 0) this.#dependents.delete(uid);
    }
    const { namespace, name } = object.metadata;
    for (const { uid } of after) {
      let set = this.#dependents.get(uid);
      if (set === undefined) {
        set = new Map();
        this.#dependents.set(uid, set);
      }
      set.set(id, { storage: resource, namespace, name });
    }
  }

  /** Notes an object that was there before. */
  noteExisting(storage: string, object: KubeObject): void {
    const key = keyOf(object.metadata.namespace, object.metadata.name);
    this.note({ revision: 0, resource: storage, key, type: 'ADDED', object, previous: undefined });
  }

  /** An owner has gone: what only it owned goes as well. */
  ownerGone(context: ControllerContext, owner: KubeObject): void {
    for (const [dependent, storage] of this.#dependentsOf(context, owner)) {
      const left = (dependent.metadata.ownerReferences ?? []).filter(({ uid }) => uid !== owner.metadata.uid);
      if (left.length > 0) {
        context.store.put(storage, {
          ...dependent,
          metadata: { ...dependent.metadata, ownerReferences: left },
        });
      } else if (dependent.metadata.deletionTimestamp === undefined) {
        context.delete(storage, dependent, { propagationPolicy: 'Background' });
      }
    }
  }

  /** True for an object that waits for its dependents. */
  isWaiting({ metadata }: KubeObject): boolean {
    const finalizers = metadata.finalizers ?? [];
    return (
      metadata.deletionTimestamp !== undefined &&
      (finalizers.includes(FOREGROUND) || finalizers.includes(ORPHAN))
    );
  }

  /** Does what an object that waits for its dependents waits for. */
  release(context: ControllerContext, storage: string, owner: KubeObject): void {
    const dependents = this.#dependentsOf(context, owner);
    if ((owner.metadata.finalizers ?? []).includes(ORPHAN)) {
      for (const [dependent, place] of dependents) {
        const ownerReferences = (dependent.metadata.ownerReferences ?? []).filter(
          ({ uid }) => uid !== owner.metadata.uid,
        );
        context.store.put(place, { ...dependent, metadata: { ...dependent.metadata, ownerReferences } });
      }
      context.removeFinalizer(storage, owner, ORPHAN);
      return;
    }
    let blocking = 0;
    for (const [dependent, place] of dependents) {
      const reference = dependent.metadata.ownerReferences?.find(({ uid }) => uid === owner.metadata.uid);
      if (dependent.metadata.deletionTimestamp === undefined)
        context.delete(place, dependent, {
          propagationPolicy: reference?.blockOwnerDeletion === true ? 'Foreground' : 'Background',
        });
      const isThere =
        context.store.get(place, dependent.metadata.namespace, dependent.metadata.name) !== undefined;
      if (isThere && reference?.blockOwnerDeletion === true) blocking += 1;
    }
    if (blocking === 0) context.removeFinalizer(storage, owner, FOREGROUND);
  }

  /** Owners, by storage and key, of an object that may wait for it. */
  ownersOf(context: ControllerContext, { metadata }: KubeObject): { storage: string; key: string }[] {
    return (metadata.ownerReferences ?? []).flatMap(({ apiVersion, kind, name }) => {
      const type = context.cluster.registry.ofKind(apiVersion, kind);
      return type === undefined
        ? []
        : [{ storage: type.storage, key: keyOf(type.namespaced ? metadata.namespace : undefined, name) }];
    });
  }

  /** True when all owners that an object names have gone, or are not the ones it means. */
  isOrphan(context: ControllerContext, object: KubeObject): boolean {
    const references = object.metadata.ownerReferences ?? [];
    return (
      references.length > 0 &&
      references.every(({ apiVersion, kind, name, uid }) => {
        const type = context.cluster.registry.ofKind(apiVersion, kind);
        if (type === undefined) return false;
        const owner = context.store.get(
          type.storage,
          type.namespaced ? object.metadata.namespace : undefined,
          name,
        );
        return owner?.metadata.uid !== uid;
      })
    );
  }

  #dependentsOf({ store }: ControllerContext, owner: KubeObject): [KubeObject, string][] {
    const places = [...(this.#dependents.get(owner.metadata.uid)?.values() ?? [])];
    return places.flatMap(({ storage, namespace, name }): [KubeObject, string][] => {
      const object = store.get(storage, namespace, name);
      return object === undefined ? [] : [[object, storage]];
    });
  }
}
