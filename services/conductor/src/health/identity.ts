import type { KubernetesConnection } from '@cetus/kubernetes/connection';
import { KubernetesError } from '@cetus/kubernetes/errors';
import type { ClusterHealth } from '@cetus/shared/schemas';
import { word } from './brief.ts';
import { DifferentClusterError, troubleOf } from './trouble.ts';

type Options = { signal: AbortSignal; timeoutMs: number };

/**
 * Which cluster answers: the id of `kube-system`, which another cluster has not, even with the same address and authority.
 * @param known which one it was; it counts as long as the kubeconfig is the same
 * @returns what is known now
 * @throws DifferentClusterError, KubernetesError, KubernetesUnreachableError
 */
export async function identify(
  connection: KubernetesConnection,
  known: ClusterHealth['identity'],
  kubeconfig: string,
  options: Options,
): Promise<ClusterHealth['identity']> {
  const path = '/api/v1/namespaces/kube-system';
  const namespace = await answerOf<{ metadata?: { uid?: unknown } }>(connection, path, options);
  if (typeof namespace?.metadata?.uid !== 'string') return known;
  const uid = word(namespace.metadata.uid);
  if (known?.kubeconfig === kubeconfig && known.uid !== uid) {
    throw new DifferentClusterError(`Another cluster answers at ${connection.server}`);
  }
  return { uid, kubeconfig };
}

/**
 * An answer; undefined when the API server itself says why there is none, which is no trouble in reaching it.
 * @param refusals statuses that are thrown nevertheless
 */
export async function answerOf<T>(
  connection: KubernetesConnection,
  path: string,
  options: Options,
  refusals: readonly number[] = [401],
): Promise<T | undefined> {
  try {
    return await connection.get<T>(path, options);
  } catch (error) {
    if (!(error instanceof KubernetesError) || refusals.includes(error.status)) throw error;
    if (error.status !== 403 && troubleOf(error) !== null) throw error;
    return undefined;
  }
}
