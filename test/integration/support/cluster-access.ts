import { KubernetesConnection } from '@cetus/kubernetes/connection';
import { createSigningRequest } from '@cetus/shared/pki';
import type { CetusClient } from './cetus-client.ts';

/** What a user does to get into a cluster: a key of one's own, signed by the cluster's authority. */
export async function kubeconfigOf(client: CetusClient, uuid: string): Promise<string> {
  const { request, key } = createSigningRequest({ commonName: 'me', organizations: ['system:masters'] });
  const { api_address } = await client.cluster(uuid);
  const authority = await client.ok<{ pem: string }>(`/v1/certificates/${uuid}`);
  const body = { cluster_uuid: uuid, csr: request };
  const signed = await client.ok<{ pem: string }>('/v1/certificates', { method: 'POST', body });
  return kubeconfigWith(String(api_address), { authority: authority.pem, certificate: signed.pem, key });
}

function kubeconfigWith(
  server: string,
  { authority, certificate, key }: { authority: string; certificate: string; key: string },
): string {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const user = { 'client-certificate-data': base64(certificate), 'client-key-data': base64(key) };
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'c',
    clusters: [{ name: 'c', cluster: { server, 'certificate-authority-data': base64(authority) } }],
    users: [{ name: 'me', user }],
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'me' } }],
  });
}

/** Does something in a cluster. */
export async function inCluster<T>(
  kubeconfig: string,
  run: (connection: KubernetesConnection) => Promise<T>,
): Promise<T> {
  const connection = KubernetesConnection.fromKubeconfig(kubeconfig);
  try {
    return await run(connection);
  } finally {
    await connection.close();
  }
}

export async function nodesOf(kubeconfig: string): Promise<string[]> {
  type Nodes = { items: { metadata: { name: string } }[] };
  const { items } = await inCluster(kubeconfig, (connection) => connection.get<Nodes>('/api/v1/nodes'));
  return items.map(({ metadata }) => metadata.name);
}
