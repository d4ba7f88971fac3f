import type { KubernetesConnection } from '@cetus/kubernetes/connection';
import { listAll } from '@cetus/kubernetes/list';
import { patchNode } from '@cetus/kubernetes/nodes';
import type { Node } from '@cetus/kubernetes/objects';
import type { StoredCluster } from '@cetus/shared/schemas';
import type { SecretBox } from '@cetus/shared/secrets';
import { troubleWith } from '../../../../health/trouble.ts';
import { inCluster } from '../../../kubeconfig/in-cluster.ts';
import { REMOVAL_MARK, workerNodesOf, type WorkerNode } from './worker-nodes.ts';

export interface NodeRemovalOptions {
  secrets: SecretBox;
  /**
   * How long pods may take to go elsewhere, in milliseconds. This and the times below count as far as they leave what comes after it half of
   * the time that the operation still has.
   */
  drainMs: number;
  /** How long it tries to reach a cluster that does not answer, in milliseconds. */
  silenceMs: number;
  /** How long a cluster may take to notice that a machine has gone, in milliseconds. By default Kubernetes takes 40 to 50 seconds. */
  noticeMs: number;
  /** How long to wait before the nodes are looked at again, in milliseconds. */
  lookAgainMs: number;
}

export const REMOVAL_DEFAULTS: Omit<NodeRemovalOptions, 'secrets'> = {
  drainMs: 10 * 60_000,
  silenceMs: 60_000,
  noticeMs: 120_000,
  lookAgainMs: 2_000,
};

/** The cluster cannot be asked, or what answers is not the cluster. */
export class UnansweredError extends Error {
  override readonly name = 'UnansweredError';
}

/** {@link inCluster}. @throws UnansweredError whatever went wrong with the cluster */
export async function askCluster<T>(
  secrets: SecretBox,
  cluster: StoredCluster,
  signal: AbortSignal,
  run: (connection: KubernetesConnection) => Promise<T>,
): Promise<T> {
  try {
    return await inCluster(secrets, cluster, signal, run);
  } catch (cause) {
    if (signal.aborted) throw cause;
    throw new UnansweredError(troubleWith(cause as Error).message, { cause });
  }
}

/** Nothing runs in a cluster that was never reached, as far as anybody knows. */
export function wasReached({ health, status }: StoredCluster): boolean {
  return health?.last_contact != null && status.kubeconfig !== null;
}

/** Whether those who follow the cluster say so: it is not tried in vain then. */
export function isUnreachable({ health }: StoredCluster): boolean {
  return health?.conditions.some(({ type, status }) => type === 'Reachable' && status === 'False') === true;
}

/** The nodes of the cluster that are workers. */
export async function workersIn(
  { _id }: StoredCluster,
  connection: KubernetesConnection,
  signal: AbortSignal,
): Promise<WorkerNode[]> {
  return workerNodesOf(_id, (await listAll<Node>(connection, '/api/v1/nodes', { signal })).items);
}

/** Lets pods on a node again that they were kept off for its removal. @returns whether nothing of that is left */
export async function release(
  connection: KubernetesConnection,
  { name, resourceVersion, marked, upgrading }: WorkerNode,
  signal: AbortSignal,
): Promise<boolean> {
  if (!marked) return true;
  const metadata = { resourceVersion, annotations: { [REMOVAL_MARK]: null } };
  const patch = { metadata, ...(upgrading ? {} : { spec: { unschedulable: null } }) };
  return patchNode(connection, name, patch, { signal });
}
