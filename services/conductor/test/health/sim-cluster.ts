import { issueCertificate, type KeyPair } from '@cetus/shared/pki';
import type { SimClusterSpec } from '@cetus/simcloud/kubernetes/kubernetes-host';
import { createKubeconfig } from '../../src/cluster/kubeconfig/create-kubeconfig.ts';

/** A simulated cluster with a master and a worker, on a free port. */
export function simSpec(id: string, authority: KeyPair): SimClusterSpec {
  const version = 'v1.33.2';
  return {
    id,
    address: '127.0.0.1',
    port: 0,
    authority,
    version,
    nodes: [
      { name: 'm1', role: 'master', address: '10.0.0.1', version },
      { name: 'w1', role: 'worker', address: '10.0.0.2', version },
    ],
  };
}

export function adminKubeconfig(server: string, authority: KeyPair): string {
  const client = issueCertificate(authority, {
    commonName: 'admin',
    organizations: ['system:masters'],
    usages: ['client'],
    days: 1,
  });
  return createKubeconfig({ clusterName: 'c', server, caCertificate: authority.certificate, client });
}
