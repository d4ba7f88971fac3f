import type { KubernetesConnection } from '@cetus/kubernetes/connection';
import { missingPermissions, type Permission } from '@cetus/kubernetes/permissions';
import { CetusError } from '@cetus/shared/errors';

/** What is needed to look at a cluster and to follow it. */
const NEEDED: readonly Permission[] = [
  { verb: 'get', resource: 'namespaces' },
  ...['nodes', 'pods'].flatMap((resource) => ['list', 'watch'].map((verb) => ({ verb, resource }))),
];

/** @throws CetusError `cluster_permissions_missing` that lists all that is missing; what the connection throws */
export async function requirePermissions(
  connection: KubernetesConnection,
  signal: AbortSignal,
): Promise<void> {
  const missing = await missingPermissions(connection, NEEDED, { signal });
  if (missing.length === 0) return;
  const list = missing.map(({ verb, resource }) => `${verb} ${resource}`).join(', ');
  throw new CetusError(
    'cluster_permissions_missing',
    `The user of the kubeconfig must also be allowed to, in all namespaces: ${list}`,
  );
}
