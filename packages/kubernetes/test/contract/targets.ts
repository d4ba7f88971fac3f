import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createAuthority, issueCertificate } from '@cetus/shared/pki';
import { KubernetesHost } from '@cetus/simcloud/kubernetes/kubernetes-host';
import { freePort } from '@cetus/test-kit';

/** A cluster under the contract. It has a node at least, on which pods run. */
export interface Cluster {
  /** For a user who may do everything. */
  kubeconfig: string;
  /** An image that serves HTTP on port 8080 and has a shell. */
  image: string;
  /** A watch that lasts so long gets a bookmark: newer servers send one 2 s before the end, older ones one a minute only. */
  bookmarkSeconds: number;
  close(): Promise<void>;
}

/** A cluster to hold to the contract: a simulated one always, a real one when a kubeconfig names it. */
export interface Target {
  name: string;
  start(): Promise<Cluster>;
}

const LAB = process.env['CETUS_LAB_KUBECONFIG'];
const IMAGE = process.env['CETUS_LAB_IMAGE'] ?? 'registry.local/web:1';

export const targets: Target[] = [
  { name: 'simulated cluster', start: startSimulated },
  ...(LAB === undefined
    ? []
    : [
        {
          name: 'lab',
          start: async () => ({
            kubeconfig: await readFile(LAB, 'utf8'),
            image: IMAGE,
            bookmarkSeconds: 130,
            close: () => Promise.resolve(),
          }),
        },
      ]),
];

/** A name nobody else uses. */
export function uniqueName(prefix: string): string {
  return `${prefix}-${randomBytes(4).toString('hex')}`;
}

async function startSimulated(): Promise<Cluster> {
  const host = new KubernetesHost();
  const authority = createAuthority({ commonName: 'kubernetes', days: 1 });
  const port = await freePort();
  const version = 'v1.33.2';
  await host.apply({
    id: 'contract',
    address: '127.0.0.1',
    port,
    authority,
    version,
    nodes: [
      { name: 'master-0', role: 'master', address: '10.0.0.4', version },
      { name: 'worker-0', role: 'worker', address: '10.0.0.5', version },
    ],
  });
  return {
    kubeconfig: kubeconfigOf(`https://127.0.0.1:${String(port)}`, authority),
    image: IMAGE,
    bookmarkSeconds: 1,
    close: () => host.close(),
  };
}

/** A kubeconfig for a member of `system:masters`. */
function kubeconfigOf(server: string, authority: { certificate: string; key: string }): string {
  const admin = issueCertificate(authority, {
    commonName: 'admin',
    organizations: ['system:masters'],
    usages: ['client'],
    days: 1,
  });
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'contract',
        cluster: { server, 'certificate-authority-data': base64(authority.certificate) },
      },
    ],
    users: [
      {
        name: 'admin',
        user: {
          'client-certificate-data': base64(admin.certificate),
          'client-key-data': base64(admin.key),
        },
      },
    ],
    contexts: [{ name: 'contract', context: { cluster: 'contract', user: 'admin' } }],
    'current-context': 'contract',
  });
}
