import { deleteObject, type Manifest } from '@cetus/kubernetes/apply';
import type { ClusterApi } from '../cluster-connections.ts';
import { ownedObjects, type OwnedObject, type WhereOwned } from './owned-objects.ts';

/**
 * Takes away what an application had in a namespace and has no more: what has its mark, is not among the manifests, and was not made by
 * something else that is there.
 * @returns what is there all the same: what is ending, and what is kept
 * @throws KubernetesError, KubernetesUnreachableError
 */
export async function prune(
  api: ClusterApi,
  where: WhereOwned,
  manifests: readonly Manifest[],
  signal: AbortSignal,
): Promise<OwnedObject[]> {
  const wanted = new Set(manifests.map(({ kind, metadata }) => `${kind}/${metadata.name}`));
  const found = await ownedObjects(api, where, { signal });
  const surplus = found.filter(({ kind, name, controlled }) => !controlled && !wanted.has(`${kind}/${name}`));
  for (const object of surplus) {
    if (object.ending || KEPT.has(object.kind)) continue;
    await deleteObject(api.connection, object, {
      uid: object.uid,
      propagationPolicy: 'Background',
      signal,
    });
  }
  return surplus;
}

/**
 * Claims that a StatefulSet made have no owner, and hold data: they go with the application, not with a change of it. Pods are looked
 * after by what made them.
 */
const KEPT: ReadonlySet<string> = new Set(['PersistentVolumeClaim', 'Pod']);
