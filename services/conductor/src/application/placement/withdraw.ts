import { deleteObject } from '@cetus/kubernetes/apply';
import type { AppliedObject, Blocker } from '@cetus/shared/schemas';
import type { ClusterApi } from '../cluster-connections.ts';
import { makersFirst, ownedObjects, type OwnedObject, type WhereOwned } from './owned-objects.ts';

export interface WithdrawOptions {
  /** What was applied and not asked to go yet: as long as there is any, nothing else is looked for. */
  known: readonly AppliedObject[];
  /** Pods get no time to end. */
  force: boolean;
  /** The API server's memory may say that something is there. */
  cached: boolean;
  signal: AbortSignal;
}

/**
 * Takes an application out of a namespace, one step: everything with its mark, and nothing else. To be called until nothing remains.
 * @returns what is still there, and why
 * @throws KubernetesError, KubernetesUnreachableError
 */
export async function withdraw(
  api: ClusterApi,
  where: WhereOwned,
  { known, force, cached, signal }: WithdrawOptions,
): Promise<Blocker[]> {
  if (known.length > 0) return await withdrawKnown(api, where, known, signal);
  // While something is there it does not matter how long ago that was seen; that nothing is, does.
  const lately = cached ? await ownedObjects(api, where, { cached, signal }) : [];
  const found = lately.length > 0 ? lately : await ownedObjects(api, where, { signal });
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

async function withdrawKnown(
  { connection }: ClusterApi,
  { namespace }: WhereOwned,
  known: readonly AppliedObject[],
  signal: AbortSignal,
): Promise<Blocker[]> {
  for (const { api_version: apiVersion, kind, name, uid } of makersFirst(known))
    await deleteObject(
      connection,
      { apiVersion, kind, namespace, name },
      { uid, propagationPolicy: 'Background', signal },
    );
  return known.map(({ kind, name }) => ({ kind, namespace, name, reason: DELETION_ASKED }));
}

const DELETION_ASKED = 'its deletion was asked for';
const MAKERS = new Set(['CronJob', 'Job', 'Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet']);

/** Whether anything that could have made the object is there and stays for now; then it is not the object that must be deleted. */
function isMakerThere(found: readonly OwnedObject[], object: OwnedObject): boolean {
  return found.some(({ kind, uid }) => MAKERS.has(kind) && uid !== object.uid);
}

function blockerOf({ kind, namespace, name, ending, finalizers }: OwnedObject): Blocker {
  const reason = !ending
    ? DELETION_ASKED
    : finalizers.length > 0
      ? `it is ending, held by ${finalizers.join(', ')}`
      : 'it is ending';
  return { kind, namespace, name, reason };
}
