import type { ClusterContext } from '../cluster-context.ts';
import type { Fields, KubeObject, OwnerReference } from '../objects.ts';
import type { ResourceType } from '../types/resource-type.ts';
import { createObject, deleteObject, replaceObject, type DeleteOptions } from '../writes.ts';
import { EventRecorder } from './event-recorder.ts';

/** How a node's upgrade goes wrong: it never ends, or it fails with these words. */
export type UpgradeFault = 'hang' | { fail: string };

/** What a cluster tells its controllers beside its objects. */
export interface ControllerHooks {
  onError: (error: unknown) => void;
  /** Whether a node's kubelet says anything. */
  isAlive: (node: string) => boolean;
  /** How a node's upgrade goes wrong; undefined: not at all. */
  upgradeFault: (node: string) => UpgradeFault | undefined;
  /** A node has brought itself to another version. */
  upgraded: (node: string, version: string) => void;
  /** The reason for which a pod is to fail; undefined for none. */
  podFailure: (pod: { namespace: string; name: string; image: string }) => string | undefined;
}

/** A wish to have an object looked at: by the resource's storage name. */
export type Wish = (storage: string, key: string) => void;

/** What controllers work with: the cluster, and writes that need no type. */
export class ControllerContext {
  readonly cluster: ClusterContext;
  readonly hooks: ControllerHooks;
  readonly events: EventRecorder;
  /** Looks at an object again soon. */
  readonly wish: Wish;
  /** Looks at an object again after a time in seconds; an earlier such wish is forgotten. */
  readonly wishLater: (storage: string, key: string, seconds: number) => void;

  constructor(
    cluster: ClusterContext,
    hooks: ControllerHooks,
    wish: Wish,
    wishLater: (storage: string, key: string, seconds: number) => void,
  ) {
    this.cluster = cluster;
    this.hooks = hooks;
    this.wish = wish;
    this.wishLater = wishLater;
    this.events = new EventRecorder(cluster);
  }

  get store(): ClusterContext['store'] {
    return this.cluster.store;
  }

  typeOf(storage: string): ResourceType {
    const type = this.cluster.registry.preferred(storage);
    if (type === undefined) throw new Error(`there is no resource ${storage} in this version`);
    return type;
  }

  /** @throws ApiError */
  create(storage: string, object: KubeObject): KubeObject {
    return createObject(this.cluster, this.typeOf(storage), object);
  }

  /** Changes an object's own fields. @throws ApiError */
  update(storage: string, old: KubeObject, object: KubeObject): KubeObject {
    return replaceObject(this.cluster, this.typeOf(storage), old, withoutVersion(object));
  }

  /** Sets fields of an object's status. @throws ApiError */
  setStatus(storage: string, old: KubeObject, status: Fields): KubeObject {
    const object = { ...withoutVersion(old), status: { ...old.status, ...status } };
    return replaceObject(this.cluster, this.typeOf(storage), old, object, { subresource: 'status' });
  }

  /** @throws ApiError */
  delete(storage: string, object: KubeObject, options: DeleteOptions = {}): void {
    deleteObject(this.cluster, this.typeOf(storage), object, options);
  }

  /** Takes a finalizer away. */
  removeFinalizer(storage: string, object: KubeObject, finalizer: string): KubeObject {
    const finalizers = (object.metadata.finalizers ?? []).filter((one) => one !== finalizer);
    const metadata = { ...object.metadata, finalizers };
    return this.update(storage, object, { ...object, metadata });
  }

  /** The objects that an object controls. */
  controlledBy(storage: string, owner: KubeObject): KubeObject[] {
    return this.store
      .list(storage, owner.metadata.namespace)
      .map(([, object]) => object)
      .filter((object) => controllerOf(object)?.uid === owner.metadata.uid);
  }

  /** A reference by which an object controls another. */
  ownerReference(storage: string, { metadata }: KubeObject): OwnerReference {
    const { groupVersion, kind } = this.typeOf(storage);
    const { name, uid } = metadata;
    return { apiVersion: groupVersion, kind, name, uid, controller: true, blockOwnerDeletion: true };
  }
}

/** The reference to what controls an object. */
export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((reference) => reference.controller === true);
}

function withoutVersion(object: KubeObject): KubeObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion: '' } };
}
