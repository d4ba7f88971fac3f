import { applyObject, deleteObject, isChanged, readObject, type Manifest } from '@cetus/kubernetes/apply';
import type { KubernetesConnection } from '@cetus/kubernetes/connection';
import { listAll } from '@cetus/kubernetes/list';
import { collectionPath } from '@cetus/kubernetes/object-path';
import type { KubernetesObject } from '@cetus/kubernetes/objects';
import { CetusError } from '@cetus/shared/errors';
import { MANAGED_BY, MANAGED_BY_LABEL, PROJECT_LABEL, USER_LABEL } from '@cetus/shared/schemas';
import {
  isolationOf,
  labelValue,
  namespaceManifest,
  RULES_ANNOTATION,
  rulesHash,
  type NamespaceOwner,
} from './isolation.ts';
import type { NamespacePolicy } from './policy.ts';

export interface EnsureOptions {
  /** What is put into it for the first time; undefined: nothing. */
  latest?: string | undefined;
  signal: AbortSignal;
}

/** How soon to look again at a namespace that is going, in milliseconds. */
const ENDING_MS = 2_000;

/**
 * Makes the namespace of a project's user with what keeps it apart; does nothing when all is there. A namespace that is going is waited
 * for.
 * @throws CetusError `namespace_not_owned`, `back_end_unavailable` while it is going; KubernetesError, KubernetesUnreachableError
 */
export async function ensureNamespace(
  connection: KubernetesConnection,
  owner: NamespaceOwner,
  policy: NamespacePolicy,
  { latest, signal }: EnsureOptions,
): Promise<void> {
  const reference = { apiVersion: 'v1', kind: 'Namespace', name: owner.namespace };
  const found = await readObject(connection, reference, { signal });
  if (found !== undefined) requireOwned(found, owner);
  if (found?.metadata.deletionTimestamp !== undefined) throw ending(owner);
  const wanted = rulesHash(owner, policy);
  if (found?.metadata.annotations?.[RULES_ANNOTATION] !== wanted) {
    // The rules come before the mark that they are there, and before anything that they are for.
    await apply(connection, withoutMark(namespaceManifest(owner, policy, latest)), signal);
    for (const manifest of isolationOf(owner, policy)) await apply(connection, manifest, signal);
  } else if (latest === undefined) return;
  const made = await apply(connection, namespaceManifest(owner, policy, latest), signal);
  if (made.metadata.deletionTimestamp !== undefined) throw ending(owner);
}

/**
 * Takes the namespace away when nothing is in it that anybody made, and nobody is about to put anything there.
 * @param isWanted asks whether another application is or comes there; asked after the namespace was looked at
 * @throws KubernetesError, KubernetesUnreachableError
 */
export async function removeNamespace(
  connection: KubernetesConnection,
  owner: NamespaceOwner,
  isWanted: () => Promise<boolean>,
  signal: AbortSignal,
): Promise<'gone' | 'ending' | 'kept'> {
  const reference = { apiVersion: 'v1', kind: 'Namespace', name: owner.namespace };
  const found = await readObject(connection, reference, { signal });
  if (found === undefined) return 'gone';
  if (!isOwned(found, owner)) return 'kept';
  if (found.metadata.deletionTimestamp !== undefined) return 'ending';
  if (await isWanted()) return 'kept';
  if (await hasForeignObjects(connection, owner.namespace, signal)) return 'kept';
  // Whoever comes meanwhile changes the namespace before anything is put into it: then it stays.
  const { uid, resourceVersion } = found.metadata;
  const deleted = await deleteObject(connection, reference, { uid, resourceVersion, signal });
  if (deleted === 'gone') return 'gone';
  return deleted === 'changed' ? 'kept' : 'ending';
}

async function apply(
  connection: KubernetesConnection,
  manifest: Manifest,
  signal: AbortSignal,
): Promise<KubernetesObject> {
  try {
    return (await applyObject(connection, manifest, { force: true, signal })).object;
  } catch (error) {
    if (!isChanged(error)) throw error;
    throw new CetusError('back_end_unavailable', `The namespace changes at this moment: ${error.message}`, {
      cause: error,
    });
  }
}

function withoutMark(manifest: Manifest): Manifest {
  const { [RULES_ANNOTATION]: _, ...annotations } = manifest.metadata.annotations ?? {};
  return { ...manifest, metadata: { ...manifest.metadata, annotations } };
}

function isOwned({ metadata: { labels } }: KubernetesObject, owner: NamespaceOwner): boolean {
  return (
    labels?.[MANAGED_BY_LABEL] === MANAGED_BY &&
    labels[PROJECT_LABEL] === labelValue(owner.projectId) &&
    labels[USER_LABEL] === labelValue(owner.userId)
  );
}

function requireOwned(found: KubernetesObject, owner: NamespaceOwner): void {
  if (isOwned(found, owner)) return;
  throw new CetusError(
    'namespace_not_owned',
    `The cluster has a namespace ${owner.namespace} that is not the application’s; remove it, or place the application elsewhere`,
    { resource: { type: 'Namespace', name: owner.namespace } },
  );
}

function ending({ namespace }: NamespaceOwner): CetusError {
  return new CetusError('back_end_unavailable', `The namespace ${namespace} is going; it is made anew`, {
    retryAfterMs: ENDING_MS,
  });
}

/** What people may make in a namespace: anything of it that Cetus has not made keeps the namespace. */
const KEEPING = [
  ['v1', 'Pod'],
  ['v1', 'Service'],
  ['v1', 'PersistentVolumeClaim'],
  ['v1', 'ConfigMap'],
  ['v1', 'Secret'],
  ['apps/v1', 'Deployment'],
  ['apps/v1', 'StatefulSet'],
  ['apps/v1', 'DaemonSet'],
  ['batch/v1', 'Job'],
] as const;

async function hasForeignObjects(
  connection: KubernetesConnection,
  namespace: string,
  signal: AbortSignal,
): Promise<boolean> {
  for (const [apiVersion, kind] of KEEPING) {
    const path = collectionPath({ apiVersion, kind, namespace });
    const { items } = await listAll<KubernetesObject & { type?: string }, true>(connection, path, {
      signal,
      project: (object) => (isOfTheCluster(kind, object) ? undefined : true),
    });
    if (items.length > 0) return true;
  }
  return false;
}

/** What the cluster itself puts into every namespace. */
function isOfTheCluster(kind: string, { metadata, type }: KubernetesObject & { type?: string }): boolean {
  if (kind === 'ConfigMap') return metadata.name === 'kube-root-ca.crt';
  return kind === 'Secret' && type === 'kubernetes.io/service-account-token';
}
