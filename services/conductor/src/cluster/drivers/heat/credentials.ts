import { certificateInfo, signRequest } from '@cetus/shared/pki';
import type { SealedSecret, StoredCluster } from '@cetus/shared/schemas';
import type { ClusterFacts } from '../../cluster-driver.ts';
import type { ClusterSecretStore } from './cluster-secret-store.ts';
import { createKubeconfig } from '../../kubeconfig/create-kubeconfig.ts';
import { issueAdminCertificate, type ClusterSecrets } from './pki.ts';

/** How long a certificate that was asked for is valid. */
const CLIENT_DAYS = 365;

/** When the authority's and the administrator's certificate end. */
export function certificatesOf(
  cluster: StoredCluster,
  secrets: ClusterSecretStore,
): NonNullable<ClusterFacts['certificates']> {
  const { certificates } = cluster.status;
  return certificates.ca_expires_at !== null && certificates.client_expires_at !== null
    ? certificates
    : expiries(secrets.open(cluster));
}

function expiries({ ca, admin }: ClusterSecrets): NonNullable<ClusterFacts['certificates']> {
  return {
    ca_expires_at: certificateInfo(ca.certificate).notAfter,
    client_expires_at: certificateInfo(admin.certificate).notAfter,
  };
}

/** The administrator's kubeconfig, sealed. */
export function kubeconfigFor(
  cluster: StoredCluster,
  server: string,
  store: ClusterSecretStore,
  { ca, admin } = store.open(cluster),
): SealedSecret {
  const kubeconfig = createKubeconfig({
    clusterName: cluster.name,
    server,
    caCertificate: ca.certificate,
    client: admin,
  });
  return store.sealKubeconfig(cluster, kubeconfig);
}

/** A new certificate for the administrator, and the kubeconfig with it. The one before stays valid until its end. */
export function renewAdministrator(cluster: StoredCluster, store: ClusterSecretStore): ClusterFacts {
  const { api_address: server } = cluster.status;
  const before = store.open(cluster);
  const secrets = { ...before, admin: issueAdminCertificate(before.ca) };
  return {
    secrets: store.seal(cluster, secrets),
    certificates: expiries(secrets),
    ...(server === null ? {} : { kubeconfig: kubeconfigFor(cluster, server, store, secrets) }),
  };
}

/** Signs a client's request with the cluster's authority. @returns PEM */
export function signForClient(cluster: StoredCluster, request: string, store: ClusterSecretStore): string {
  const authority = store.authority(cluster, 'kubernetes');
  return signRequest(authority, request, { usages: ['client'], days: CLIENT_DAYS });
}
