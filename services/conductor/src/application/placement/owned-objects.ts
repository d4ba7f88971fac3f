import { listAll } from '@cetus/kubernetes/list';
import type { ManagedKindName } from '@cetus/kubernetes/managed-kinds';
import { collectionPath, type ObjectReference } from '@cetus/kubernetes/object-path';
import type { KubernetesObject } from '@cetus/kubernetes/objects';
import type { ClusterApi } from '../cluster-connections.ts';
import { selectorOf } from '../selector.ts';

/** The kinds that an application is made of, in the order in which they are taken away: what makes others comes before those. */
const KINDS = [
  'HorizontalPodAutoscaler',
  'Ingress',
  'CronJob',
  'Job',
  'Deployment',
  'StatefulSet',
  'DaemonSet',
  // Of Deployments: they have the labels of their pods.
  'ReplicaSet',
  'Pod',
  'Service',
  'NetworkPolicy',
  'PodDisruptionBudget',
  'ConfigMap',
  'Secret',
  'PersistentVolumeClaim',
] as const satisfies readonly ManagedKindName[];

/** An object with an application's mark. */
export interface OwnedObject extends ObjectReference {
  namespace: string;
  uid: string;
  /** Something else made it, and takes it away or makes it anew. */
  controlled: boolean;
  /** It is being deleted. */
  ending: boolean;
  /** What its deletion waits for. */
  finalizers: readonly string[];
}

/**
 * Everything in a namespace that has the mark of an application, whatever was noted when it was made: so nothing is forgotten that a
 * process made which did not live to note it.
 * @throws KubernetesError, KubernetesUnreachableError
 */
export async function ownedObjects(
  { connection, apis }: ClusterApi,
  namespace: string,
  applicationId: string,
  signal: AbortSignal,
): Promise<OwnedObject[]> {
  const lists = await Promise.all(
    KINDS.map(async (kind) => {
      const apiVersion = await apis.apiVersionOf(kind, { signal });
      if (apiVersion === undefined) return [];
      const { items } = await listAll<KubernetesObject, OwnedObject>(
        connection,
        collectionPath({ apiVersion, kind, namespace }),
        {
          query: { labelSelector: selectorOf(applicationId) },
          signal,
          project: ({ metadata }) => ({
            apiVersion,
            kind,
            namespace,
            name: metadata.name,
            uid: metadata.uid,
            controlled: metadata.ownerReferences?.some(({ controller }) => controller === true) === true,
            ending: metadata.deletionTimestamp !== undefined,
            finalizers: metadata.finalizers ?? [],
          }),
        },
      );
      return items;
    }),
  );
  return lists.flat();
}
