import { X509Certificate } from 'node:crypto';
import { certificateInfo, createSigningRequest } from '@cetus/shared/pki';
import type { StoredCluster } from '@cetus/shared/schemas';
import type { SecretBox } from '@cetus/shared/secrets';
import type { MagnumClient } from '@cetus/openstack/magnum';
import type { ClusterFacts } from '../../cluster-driver.ts';
import { sealKubeconfig } from '../../kubeconfig/sealed-kubeconfig.ts';
import { createKubeconfig } from '../../kubeconfig/create-kubeconfig.ts';

/** `system:masters` passes every authorisation, so it also repairs a broken RBAC. */
const ADMINISTRATOR = { commonName: 'cetus-admin', organizations: ['system:masters'] };

/** What reaches a cluster, sealed, and how long; empty when what there is serves on. */
export type Credentials = Pick<ClusterFacts, 'kubeconfig' | 'certificates'>;

/** The fingerprint of a cluster's authority. */
export async function authorityFingerprint(
  magnum: MagnumClient,
  uuid: string,
  signal: AbortSignal,
): Promise<string> {
  return new X509Certificate((await magnum.getCaCertificate(uuid, { signal })).pem).fingerprint256;
}

/**
 * A kubeconfig for the administrator: a new key, which never leaves Cetus, and a certificate for it, signed by the cluster's authority
 * through Magnum. What was made before stays valid until its end.
 */
export async function makeCredentials(
  magnum: MagnumClient,
  box: SecretBox,
  cluster: Pick<StoredCluster, '_id' | 'name'>,
  { uuid, server }: { uuid: string; server: string },
  signal: AbortSignal,
): Promise<Credentials> {
  const { request: csr, key } = createSigningRequest(ADMINISTRATOR);
  const [ca, { pem: certificate }] = await Promise.all([
    magnum.getCaCertificate(uuid, { signal }),
    magnum.signCertificate({ cluster_uuid: uuid, csr }, { signal }),
  ]);
  const kubeconfig = createKubeconfig({
    clusterName: cluster.name,
    server,
    caCertificate: ca.pem,
    client: { certificate, key },
  });
  return {
    kubeconfig: sealKubeconfig(box, cluster._id, kubeconfig),
    certificates: {
      ca_expires_at: certificateInfo(ca.pem).notAfter,
      client_expires_at: certificateInfo(certificate).notAfter,
    },
  };
}
