import { deleteObject } from '@cetus/kubernetes/apply';
import type { Blocker } from '@cetus/shared/schemas';
import type { ClusterApi } from '../cluster-connections.ts';
import { ownedObjects, type OwnedObject } from './owned-objects.ts';

export interface WithdrawOptions {
  /** Pods get no time to end. */
  force: boolean;
  signal: AbortSignal;
}

/**
 * Takes an application out of a namespace, one step: everything with its mark, and nothing else. To be called until nothing remains.
 * @returns what is still there, and why
 * @throws KubernetesError, KubernetesUnreachableError
 */
export async function withdraw(
  api: ClusterApi,
  namespace: string,
  applicationId: string,
  { force, signal }: WithdrawOptions,
): Promise<Blocker[]> {
  const found = await ownedObjects(api, namespace, applicationId, signal);
  for (const object of found) {
    const atOnce = force && object.kind === 'Pod';
    // What another object makes goes with that one; on its own it would only be made anew.
    if (!atOnce && (object.ending || (object.controlled && isMakerThere(found, object)))) continue;
    await deleteObject(api.connection, object, {
      uid: object.uid,
      propagationPolicy: 'Background',
      ...(atOnce ? { gracePeriodSeconds: 0 } : {}),
      signal,
    });
  }
  return found.map(blockerOf);
}

const MAKERS = new Set(['CronJob', 'Job', 'Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet']);

/** Whether anything that could have made the object is there and stays for now; then it is not the object that must be deleted. */
function isMakerThere(found: readonly OwnedObject[], object: OwnedObject): boolean {
  return found.some(({ kind, uid }) => MAKERS.has(kind) && uid !== object.uid);
}

function blockerOf({ kind, namespace, name, ending, finalizers }: OwnedObject): Blocker {
  const reason = !ending
    ? 'its deletion was asked for'
    : finalizers.length > 0
      ? `it is ending, held by ${finalizers.join(', ')}`
      : 'it is ending';
  return { kind, namespace, name, reason };
}
