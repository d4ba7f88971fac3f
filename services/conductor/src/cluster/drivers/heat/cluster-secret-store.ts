import { CetusError } from '@cetus/shared/errors';
import type { KeyPair } from '@cetus/shared/pki';
import type { SecretBox } from '@cetus/shared/secrets';
import type { SealedSecret, StoredCluster } from '@cetus/shared/schemas';
import type { AuthorityKind } from '../../cluster-driver.ts';
import { sealKubeconfig } from '../../kubeconfig/sealed-kubeconfig.ts';
import { createClusterSecrets, type ClusterSecrets } from './pki.ts';

const FIELD = 'status.secrets';

/** A cluster's keys and its kubeconfig as they are kept: sealed, and bound to the cluster and the field that they are in. */
export class ClusterSecretStore {
  private readonly box: SecretBox;

  constructor(box: SecretBox) {
    this.box = box;
  }

  async create(cluster: Pick<StoredCluster, '_id'>): Promise<SealedSecret> {
    return this.seal(cluster, await createClusterSecrets());
  }

  seal(cluster: Pick<StoredCluster, '_id'>, secrets: ClusterSecrets): SealedSecret {
    return this.box.seal(JSON.stringify(secrets), { id: cluster._id, field: FIELD });
  }

  /** @throws CetusError `conflict` when there are none: the cluster is not made yet, or gone. */
  open(cluster: StoredCluster): ClusterSecrets {
    const { secrets } = cluster.status;
    if (secrets === null) throw new CetusError('conflict', 'The cluster has no keys and certificates now');
    return JSON.parse(this.box.open(secrets, { id: cluster._id, field: FIELD })) as ClusterSecrets;
  }

  /** An authority of a cluster. @throws CetusError `unsupported` for one that it has not; `conflict` as {@link open} */
  authority(cluster: StoredCluster, kind: AuthorityKind): KeyPair {
    const { ca, etcdCa, frontProxyCa } = this.open(cluster);
    switch (kind) {
      case 'kubernetes':
        return ca;
      case 'etcd':
        return etcdCa;
      case 'front-proxy':
        return frontProxyCa;
      case 'kubelet':
        throw new CetusError(
          'unsupported',
          'The kubelets of this cluster have no authority of their own; they trust that of Kubernetes',
          { field: 'ca_cert_type' },
        );
    }
  }

  sealKubeconfig(cluster: Pick<StoredCluster, '_id'>, kubeconfig: string): SealedSecret {
    return sealKubeconfig(this.box, cluster._id, kubeconfig);
  }
}
