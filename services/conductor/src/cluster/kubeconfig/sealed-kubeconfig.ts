import { CetusError } from '@cetus/shared/errors';
import type { SealedSecret, StoredCluster } from '@cetus/shared/schemas';
import type { SecretBox } from '@cetus/shared/secrets';

const FIELD = 'status.kubeconfig';

/** The administrator's kubeconfig as it is kept in a cluster's status: whatever driver made it, this is how the cluster is reached. */
export function sealKubeconfig(box: SecretBox, clusterId: string, kubeconfig: string): SealedSecret {
  return box.seal(kubeconfig, { id: clusterId, field: FIELD });
}

/** @throws CetusError `conflict` when there is none: the cluster is not made yet, or gone. */
export function openKubeconfig(box: SecretBox, cluster: Pick<StoredCluster, '_id' | 'status'>): string {
  const { kubeconfig } = cluster.status;
  if (kubeconfig === null) throw new CetusError('conflict', 'The cluster has no kubeconfig now');
  return box.open(kubeconfig, { id: cluster._id, field: FIELD });
}
