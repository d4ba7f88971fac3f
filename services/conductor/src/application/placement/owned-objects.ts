import { inParallel } from '@cetus/kubernetes/in-parallel';
import { listAll } from '@cetus/kubernetes/list';
import type { ManagedKindName } from '@cetus/kubernetes/managed-kinds';
import { collectionPath, type ObjectReference } from '@cetus/kubernetes/object-path';
import type { KubernetesObject } from '@cetus/kubernetes/objects';
import type { PlacementStatus } from '@cetus/shared/schemas';
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

/** What objects of a kind make that has the mark of their application, too. */
const MADE_BY: Readonly<Record<string, readonly string[]>> = {
  Deployment: ['ReplicaSet', 'Pod'],
  StatefulSet: ['Pod', 'PersistentVolumeClaim'],
  DaemonSet: ['Pod'],
  Job: ['Pod'],
  CronJob: ['Job', 'Pod'],
};

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

/** Where to look for what is an application's. */
export interface WhereOwned {
  applicationId: string;
  namespace: string;
  /** As the placement has them. */
  kinds: PlacementStatus['kinds'] | undefined;
}

export interface OwnedObjectsOptions {
  /** As the API server has them in its memory, which costs it far less: how it was a moment ago. */
  cached?: boolean;
  signal: AbortSignal;
}

/** Lists that are asked for at once: each needs a socket, and every cluster has as many as it needs for one application. */
const AT_ONCE = 2;
/** As https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions has it. */
const ANY_VERSION = '0';

/** In the order in which they are taken away. */
export function makersFirst<T extends { kind: string }>(objects: readonly T[]): T[] {
  const place = ({ kind }: T): number => (KINDS as readonly string[]).indexOf(kind);
  return [...objects].sort((a, b) => place(a) - place(b));
}

/**
 * Everything in a namespace that has the mark of an application and is of the kinds that may be there, whatever objects were noted when they
 * were made: so nothing is forgotten that a process made which did not live to note it.
 * @throws KubernetesError, KubernetesUnreachableError
 */
export async function ownedObjects(
  { connection, apis }: ClusterApi,
  { namespace, applicationId, kinds }: WhereOwned,
  { cached = false, signal }: OwnedObjectsOptions,
): Promise<OwnedObject[]> {
  const lists = await inParallel(kindsAmong(kinds), AT_ONCE, async (kind) => {
    const apiVersion = await apis.apiVersionOf(kind, { signal });
    if (apiVersion === undefined) return [];
    const { items } = await listAll<KubernetesObject, OwnedObject>(
      connection,
      collectionPath({ apiVersion, kind, namespace }),
      {
        query: {
          labelSelector: selectorOf(applicationId),
          resourceVersion: cached ? ANY_VERSION : undefined,
        },
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
  });
  return lists.flat();
}

function kindsAmong(kinds: WhereOwned['kinds']): (typeof KINDS)[number][] {
  if (kinds == null) return [...KINDS];
  const wanted = new Set(kinds.flatMap((kind) => [kind, ...(MADE_BY[kind] ?? [])]));
  return KINDS.filter((kind) => wanted.has(kind));
}
