import { KubernetesConnection } from '@cetus/kubernetes/connection';
import type { StoredCluster } from '@cetus/shared/schemas';
import type { SecretBox } from '@cetus/shared/secrets';
import { identify } from '../../health/identity.ts';
import { openKubeconfig } from './sealed-kubeconfig.ts';

/** How long one request of what is done in a cluster may take, in milliseconds. */
const REQUEST_MS = 10_000;

/**
 * Does something in a cluster as its administrator, once it is known that nothing of another cluster is touched that came to its address.
 * @throws DifferentClusterError, KubernetesError, KubernetesUnreachableError, CetusError `conflict`, `invalid_field`; what `run` throws
 */
export async function inCluster<T>(
  secrets: SecretBox,
  cluster: StoredCluster,
  signal: AbortSignal,
  run: (connection: KubernetesConnection) => Promise<T>,
): Promise<T> {
  const connection = KubernetesConnection.fromKubeconfig(openKubeconfig(secrets, cluster), {
    requestTimeoutMs: REQUEST_MS,
  });
  try {
    const { health, status } = cluster;
    const options = { signal, timeoutMs: REQUEST_MS };
    await identify(connection, health?.identity, status.kubeconfig?.nonce ?? '', options);
    return await run(connection);
  } finally {
    await connection.close();
  }
}
