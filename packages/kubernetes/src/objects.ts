import type * as models from '@kubernetes/client-node';

/**
 * A model of the client library as JSON carries it: times are strings. Only the library's types are used: loading it would cost
 * 85 MB of memory.
 */
export type Wire<T> = T extends Date
  ? string
  : T extends (infer Item)[]
    ? Wire<Item>[]
    : T extends object
      ? { [Key in keyof T]: Wire<T[Key]> }
      : T;

/** What every stored object has. */
export interface ObjectMeta extends Wire<models.V1ObjectMeta> {
  name: string;
  uid: string;
  resourceVersion: string;
  creationTimestamp: string;
}

/** An object of any kind. */
export interface KubernetesObject {
  apiVersion?: string;
  kind?: string;
  metadata: ObjectMeta;
}

type Stored<T> = Omit<Wire<T>, 'metadata'> & { metadata: ObjectMeta };

export type Node = Stored<models.V1Node>;
export type Pod = Stored<models.V1Pod>;
export type Service = Stored<models.V1Service>;
export type Ingress = Stored<models.V1Ingress>;
export type PersistentVolume = Stored<models.V1PersistentVolume>;
export type PersistentVolumeClaim = Stored<models.V1PersistentVolumeClaim>;
export type StorageClass = Stored<models.V1StorageClass>;
export type Event = Stored<models.CoreV1Event>;
export type OwnerReference = models.V1OwnerReference;

/** One page of a list. */
export interface ListPage<T> {
  metadata: { resourceVersion: string; continue?: string; remainingItemCount?: number };
  items: T[];
}

/** What `/api/v1` and `/apis/<group>/<version>` answer. */
export interface ResourceList {
  resources: {
    name: string;
    kind: string;
    namespaced: boolean;
    verbs: string[];
    /** Where they differ from the list's. */
    group?: string;
    version?: string;
  }[];
}
