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
): Promise<Pick<ClusterFacts, 'kubeconfig' | 'certificates'>> {
  const { request: csr, key } = createSigningRequest(ADMINISTRATOR);
  const ca = await magnum.getCaCertificate(uuid, { signal });
  const { pem: certificate } = await magnum.signCertificate({ cluster_uuid: uuid, csr }, { signal });
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
