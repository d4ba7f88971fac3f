import type { SecretBox } from '@cetus/shared/secrets';
import type { SealedSecret, StoredCluster } from '@cetus/shared/schemas';
import { createClusterSecrets, type ClusterSecrets } from './pki.ts';

/** A cluster's keys and its kubeconfig as they are kept: sealed, and bound to the cluster and the field that they are in. */
export class ClusterSecretStore {
  private readonly box: SecretBox;

  constructor(box: SecretBox) {
    this.box = box;
  }

  async create(cluster: Pick<StoredCluster, '_id'>): Promise<SealedSecret> {
    return this.box.seal(JSON.stringify(await createClusterSecrets()), {
      id: cluster._id,
      field: 'status.secrets',
    });
  }

  open(cluster: StoredCluster): ClusterSecrets {
    if (cluster.status.secrets === null) throw new Error(`cluster ${cluster._id} has no secrets yet`);
    return JSON.parse(
      this.box.open(cluster.status.secrets, { id: cluster._id, field: 'status.secrets' }),
    ) as ClusterSecrets;
  }

  sealKubeconfig(cluster: Pick<StoredCluster, '_id'>, kubeconfig: string): SealedSecret {
    return this.box.seal(kubeconfig, { id: cluster._id, field: 'status.kubeconfig' });
  }
}
