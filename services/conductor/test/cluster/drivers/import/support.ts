import { randomBytes, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createAuthority, issueCertificate, type KeyPair } from '@cetus/shared/pki';
import { KeyRing, SecretBox } from '@cetus/shared/secrets';
import type { StoredCluster } from '@cetus/shared/schemas';
import { freePort } from '@cetus/test-kit';
import type { ImportDriver } from '../../../../src/cluster/drivers/import/driver.ts';
import { storedCluster } from '../../stored-cluster.ts';

/** A cluster to import, and what made it. */
export interface Target {
  name: string;
  start(): Promise<{ kubeconfig: string; close(): Promise<void> }>;
}

const LAB = process.env['CETUS_LAB_KUBECONFIG'];

/** A simulated cluster always, a real one when a kubeconfig names it. */
export const targets: Target[] = [
  { name: 'a simulated cluster', start: startSimulated },
  ...(LAB === undefined
    ? []
    : [
        {
          name: 'the lab',
          start: async () => ({ kubeconfig: await readFile(LAB, 'utf8'), close: () => Promise.resolve() }),
        },
      ]),
];

async function startSimulated(): ReturnType<Target['start']> {
  const { KubernetesHost } = await import('@cetus/simcloud/kubernetes/kubernetes-host');
  const host = new KubernetesHost();
  const authority = createAuthority({ commonName: 'kubernetes', days: 100 });
  const port = await freePort();
  const version = 'v1.33.2';
  const address = (last: number): string => `10.0.0.${String(last)}`;
  await host.apply({
    id: 'import',
    address: '127.0.0.1',
    port,
    authority,
    version,
    nodes: [
      { name: 'master-0', role: 'master', address: address(4), version },
      { name: 'worker-0', role: 'worker', address: address(5), version },
    ],
  });
  const kubeconfig = kubeconfigOf(`https://127.0.0.1:${String(port)}`, authority);
  return { kubeconfig, close: () => host.close() };
}

/** A kubeconfig of a member of `system:masters`, with any field of its user replaced. */
export function kubeconfigOf(server: string, authority: KeyPair, user?: Record<string, unknown>): string {
  const admin = issueCertificate(authority, {
    commonName: 'admin',
    organizations: ['system:masters'],
    usages: ['client'],
    days: 10,
  });
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'c', cluster: { server, 'certificate-authority-data': base64(authority.certificate) } },
    ],
    users: [
      {
        name: 'admin',
        user: user ?? {
          'client-certificate-data': base64(admin.certificate),
          'client-key-data': base64(admin.key),
        },
      },
    ],
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'admin' } }],
    'current-context': 'c',
  });
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

export const secrets = new SecretBox(KeyRing.parse(`k1:${randomBytes(32).toString('base64')}`));
export const context = { signal: new AbortController().signal, deadlineExceeded: false };

/** A cluster that the API has accepted with what the driver answered about its kubeconfig. */
export async function accepted(driver: ImportDriver, kubeconfig: string): Promise<StoredCluster> {
  const clusterId = randomUUID();
  const question = { projectId: 'p', userId: 'u', references: {}, imported: { clusterId, kubeconfig } };
  const { imported, problems } = await driver.check(question, context.signal);
  if (imported === undefined) throw new Error(`not taken: ${JSON.stringify(problems)}`);
  return { ...storedCluster({ spec: { driver: 'import', imported }, creating: true }), _id: clusterId };
}

/** An answer of a fake API: JSON, or any text. */
export interface Reply {
  /** Default 200. */
  status?: number;
  body: unknown;
}

/** What a fake API answers to a request; undefined: never anything. */
export type Answers = (request: { method: string; path: string }) => Reply | undefined;

export interface FakeCluster {
  authority: KeyPair;
  server: string;
  kubeconfig: string;
  /** `METHOD /path`, as they came. */
  requests: string[];
  close(): Promise<void>;
}

/** An API server that answers as a test says: what no real one does. */
export async function fakeCluster(answers: Answers): Promise<FakeCluster> {
  const authority = createAuthority({ commonName: 'fake', days: 1 });
  const { certificate: cert, key } = issueCertificate(authority, {
    commonName: 'api',
    ipAddresses: ['127.0.0.1'],
    usages: ['server'],
    days: 1,
  });
  const requests: string[] = [];
  const https = createServer({ cert, key }, (request, response) => {
    const { method = '', url: path = '' } = request;
    requests.push(`${method} ${path}`);
    request.resume();
    const reply = answers({ method, path });
    if (reply === undefined) return;
    const { status = 200, body } = reply;
    const isText = typeof body === 'string';
    response.writeHead(status, { 'content-type': isText ? 'text/html' : 'application/json' });
    response.end(isText ? body : `${JSON.stringify(body)}\n`);
  });
  await new Promise<void>((resolve) => https.listen(0, '127.0.0.1', resolve));
  const { port } = https.address() as AddressInfo;
  const server = `https://127.0.0.1:${String(port)}`;
  return {
    authority,
    server,
    kubeconfig: kubeconfigOf(server, authority),
    requests,
    close: () =>
      new Promise((resolve) => {
        https.close(() => resolve());
        https.closeAllConnections();
      }),
  };
}
