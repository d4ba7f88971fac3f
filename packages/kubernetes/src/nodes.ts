import type { Blocker } from '@cetus/shared/schemas';
import { MERGE_PATCH, type KubernetesConnection } from './connection.ts';
import { hasStatus, isNotFound } from './errors.ts';
import { listAll } from './list.ts';
import type { Pod } from './objects.ts';
import { evict, evictionVersion, staysOnNode } from './pods.ts';

export interface NodeCallOptions {
  signal?: AbortSignal;
}

const nodePath = (name: string): string => `/api/v1/nodes/${name}`;

/**
 * Keeps new pods off a node, or lets them on it again. Nothing when it is so already.
 * @returns whether there is such a node
 * @throws KubernetesError, KubernetesUnreachableError
 */
export async function cordon(
  connection: KubernetesConnection,
  name: string,
  unschedulable = true,
  { signal }: NodeCallOptions = {},
): Promise<boolean> {
  const body = { spec: { unschedulable: unschedulable ? true : null } };
  return found(connection.request('PATCH', nodePath(name), { body, contentType: MERGE_PATCH, signal }));
}

/**
 * Changes a node. With `metadata.resourceVersion` in the patch only as long as it is what was seen.
 * @param patch a merge patch (RFC 7386)
 * @returns whether it was done: not when the node has changed, or is gone
 * @throws KubernetesError, KubernetesUnreachableError
 */
export async function patchNode(
  connection: KubernetesConnection,
  name: string,
  patch: object,
  { signal }: NodeCallOptions = {},
): Promise<boolean> {
  return unchanged(
    connection.request('PATCH', nodePath(name), { body: patch, contentType: MERGE_PATCH, signal }),
  );
}

/**
 * Asks every pod of a node to go elsewhere, once; to be called until nothing remains. Pods of daemon sets, pods that the node
 * runs by itself, and pods that have ended stay. The node should be cordoned before.
 * @returns the pods that are still there, and why
 * @throws KubernetesError, KubernetesUnreachableError
 */
export async function evictPods(
  connection: KubernetesConnection,
  name: string,
  { signal }: NodeCallOptions = {},
): Promise<{ remaining: Blocker[] }> {
  const { items } = await listAll<Pod>(connection, '/api/v1/pods', {
    query: { fieldSelector: `spec.nodeName=${name}` },
    signal,
    project: (pod) => (staysOnNode(pod) ? undefined : pod),
  });
  const remaining: Blocker[] = [];
  if (items.length === 0) return { remaining };
  const apiVersion = await evictionVersion(connection, signal);
  for (const pod of items) {
    const evicted = await evict(connection, pod, apiVersion, signal);
    if (evicted.gone) continue;
    const { namespace = '', name } = pod.metadata;
    remaining.push({ kind: 'Pod', namespace, name, reason: evicted.reason });
  }
  return { remaining };
}

/**
 * Takes a node out of the cluster's list; its machine is not touched.
 * @param seen the node as it was judged: it is deleted only as long as it is the same, and has not changed
 * @returns whether it was done: not when the node has changed, or is gone
 * @throws KubernetesError, KubernetesUnreachableError
 */
export async function deleteNode(
  connection: KubernetesConnection,
  name: string,
  seen: { uid: string; resourceVersion: string },
  { signal }: NodeCallOptions = {},
): Promise<boolean> {
  const { uid, resourceVersion } = seen;
  const body = { preconditions: { uid, resourceVersion } };
  return unchanged(connection.request('DELETE', nodePath(name), { body, signal }));
}

async function unchanged(request: Promise<unknown>): Promise<boolean> {
  try {
    return await found(request);
  } catch (error) {
    if (hasStatus(error, 409)) return false;
    throw error;
  }
}

async function found(request: Promise<unknown>): Promise<boolean> {
  try {
    await request;
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}
