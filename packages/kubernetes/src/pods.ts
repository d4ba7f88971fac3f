import type { KubernetesConnection } from './connection.ts';
import { hasStatus, isNotFound } from './errors.ts';
import { objectPath } from './object-path.ts';
import type { Pod, ResourceList } from './objects.ts';

/** Mark of a pod that a kubelet runs from a file: the API cannot end it. */
const MIRROR = 'kubernetes.io/config.mirror';

export type Evicted = { gone: true } | { gone: false; reason: string };

/** What answers to an eviction: `policy/v1`, on servers before 1.22 `policy/v1beta1`. */
export async function evictionVersion(
  connection: KubernetesConnection,
  signal?: AbortSignal,
): Promise<string> {
  const { resources } = await connection.get<ResourceList>('/api/v1', { signal });
  const eviction = resources.find(({ name }) => name === 'pods/eviction');
  return `${eviction?.group ?? 'policy'}/${eviction?.version ?? 'v1'}`;
}

/**
 * Asks for the end of a pod, with respect for disruption budgets. Asking again does no harm.
 * @param apiVersion see {@link evictionVersion}
 * @throws KubernetesError, KubernetesUnreachableError
 */
export async function evict(
  connection: KubernetesConnection,
  pod: Pod,
  apiVersion: string,
  signal?: AbortSignal,
): Promise<Evicted> {
  const { namespace, name, uid, deletionTimestamp } = pod.metadata;
  if (deletionTimestamp !== undefined) return { gone: false, reason: ending(pod) };
  const body = {
    apiVersion,
    kind: 'Eviction',
    metadata: { name, namespace },
    // A pod of the same name that came afterwards is not meant.
    deleteOptions: { preconditions: { uid } },
  };
  try {
    await connection.request('POST', `${podPath(pod)}/eviction`, { body, signal });
    return { gone: false, reason: 'the pod is ending' };
  } catch (error) {
    if (isNotFound(error) || hasStatus(error, 409)) return { gone: true };
    // 429: a budget does not allow it now; 500: several budgets select the pod, which somebody has to mend.
    if (hasStatus(error, 429) || hasStatus(error, 500)) return { gone: false, reason: budget(error) };
    throw error;
  }
}

function budget({
  message,
  details,
}: {
  message: string;
  details?: { causes?: { message?: string }[] } | undefined;
}): string {
  const cause = details?.causes?.[0]?.message;
  return cause === undefined ? message : `${message} ${cause}`;
}

/** Why a pod that is being deleted is still there. */
export function ending({ metadata, spec }: Pod): string {
  const finalizers = metadata.finalizers ?? [];
  if (finalizers.length > 0) return `the pod is ending, held by ${finalizers.join(', ')}`;
  const node = spec?.nodeName;
  return node === undefined ? 'the pod is ending' : `the pod is ending; node ${node} has not confirmed it`;
}

export function podPath({ metadata: { namespace, name } }: Pod): string {
  return `/api/v1/namespaces/${namespace ?? ''}/pods/${name}`;
}

/** @throws TypeError for a name that is no part of a path */
export function podSubresource(
  { namespace, name }: { namespace: string; name: string },
  subresource: string,
): string {
  return `${objectPath({ apiVersion: 'v1', kind: 'Pod', namespace, name })}/${subresource}`;
}

/** Whether a node that is emptied keeps the pod: one of the node itself, or one that has ended. */
export function staysOnNode({ metadata, status }: Pod): boolean {
  if (status?.phase === 'Succeeded' || status?.phase === 'Failed') return true;
  if (metadata.annotations?.[MIRROR] !== undefined) return true;
  return (
    metadata.ownerReferences?.some(({ kind, controller }) => kind === 'DaemonSet' && controller === true) ===
    true
  );
}
