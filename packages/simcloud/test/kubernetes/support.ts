import type { IncomingHttpHeaders } from 'node:http';
import { request } from 'node:https';
import { createAuthority, issueCertificate, type KeyPair } from '@cetus/shared/pki';
import { waitFor } from '@cetus/test-kit';
import {
  KubernetesHost,
  type KubernetesHostOptions,
  type SimCluster,
  type SimClusterSpec,
} from '../../src/kubernetes/kubernetes-host.ts';

export const VERSION = 'v1.33.2';
export const authority: KeyPair = createAuthority({ commonName: 'kubernetes', days: 1 });

/** A client's certificate of a cluster's authority. */
export function client(commonName: string, organizations: string[] = [], signer = authority): KeyPair {
  return issueCertificate(signer, { commonName, organizations, usages: ['client'], days: 1 });
}

const admin = client('admin', ['system:masters']);

/** A cluster with a master and two workers. */
export function specOf(change: Partial<SimClusterSpec> = {}): SimClusterSpec {
  return {
    id: 'one',
    address: '127.0.0.1',
    port: 0,
    authority,
    version: VERSION,
    nodes: [
      { name: 'master-0', role: 'master', address: '10.0.0.4', version: VERSION },
      { name: 'worker-0', role: 'worker', address: '10.0.0.5', version: VERSION },
      { name: 'worker-1', role: 'worker', address: '10.0.0.6', version: VERSION },
    ],
    ...change,
  };
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  body: any;
}

export interface AskOptions {
  method?: string;
  body?: unknown;
  type?: string;
  token?: string;
  /** Null: none. */
  certificate?: KeyPair | null;
  timeoutMs?: number;
  headers?: Record<string, string>;
}

/** One request to a cluster; the body is parsed when it is JSON. */
export function ask(cluster: SimCluster, path: string, options: AskOptions = {}): Promise<Answer> {
  const { method = 'GET', body, type = 'application/json', token, timeoutMs = 5000 } = options;
  const certificate = options.certificate === undefined ? admin : options.certificate;
  return new Promise((resolve, reject) => {
    const sent = request(
      `${cluster.url}${path}`,
      {
        method,
        ca: cluster.spec.authority.certificate,
        ...(certificate === null ? {} : { cert: certificate.certificate, key: certificate.key }),
        headers: {
          'content-type': type,
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...options.headers,
        },
        agent: false,
        timeout: timeoutMs,
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (text += chunk));
        response.on('end', () => {
          const isJson = response.headers['content-type'] === 'application/json';
          const { statusCode: status = 0, headers } = response;
          resolve({ status, headers, body: isJson ? JSON.parse(text) : text });
        });
        response.on('error', reject);
      },
    );
    sent.on('timeout', () => sent.destroy(new Error('no answer in time')));
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body));
  });
}

/** A host with one cluster, which is closed after each test. */
export class ClusterBench {
  host!: KubernetesHost;
  readonly errors: unknown[] = [];

  async open(change: Partial<SimClusterSpec> = {}, options: KubernetesHostOptions = {}): Promise<void> {
    this.host = new KubernetesHost({
      seconds: {
        podStart: 0.02,
        podStop: 0.02,
        jobRun: 0.02,
        loadBalancer: 0.02,
        volume: 0.02,
        crashBackOff: 0.02,
      },
      onError: (error) => this.errors.push(error),
      ...options,
    });
    await this.host.apply(specOf(change));
  }

  get cluster(): SimCluster {
    const cluster = this.host.get('one');
    if (cluster === undefined) throw new Error('the cluster is not there');
    return cluster;
  }

  /** Ends the cluster. @throws what has gone wrong behind the API */
  async close(): Promise<void> {
    await this.host.close();
    const [error] = this.errors.splice(0);
    if (error !== undefined) throw error as Error;
  }

  async get(path: string): Promise<Answer['body']> {
    return (await ask(this.cluster, path)).body;
  }

  /** Sends an object. @throws when it is refused */
  async send(method: string, path: string, body?: unknown, type?: string): Promise<Answer['body']> {
    const answer = await ask(this.cluster, path, { method, body, ...(type === undefined ? {} : { type }) });
    if (answer.status >= 300) throw new Error(`${String(answer.status)} ${String(answer.body.message)}`);
    return answer.body;
  }

  /** The object at a path, once it is as the probe wants it. */
  until(path: string, probe: (object: Answer['body']) => unknown): Promise<Answer['body']> {
    return waitFor(
      async () => {
        const object = await this.get(path);
        return probe(object) ? object : undefined;
      },
      { what: `${path}: ${String(probe)}` },
    );
  }
}

/** A Deployment of one container. */
export function deployment(name: string, replicas: number, image = 'web:1', more: object = {}): object {
  const labels = { app: name };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'web', image }] } },
      ...more,
    },
  };
}

/** A kubeconfig of the administrator, as JSON. */
export function kubeconfig(cluster: SimCluster): string {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'one',
        cluster: { server: cluster.url, 'certificate-authority-data': base64(authority.certificate) },
      },
    ],
    users: [
      {
        name: 'admin',
        user: { 'client-certificate-data': base64(admin.certificate), 'client-key-data': base64(admin.key) },
      },
    ],
    contexts: [{ name: 'one', context: { cluster: 'one', user: 'admin' } }],
    'current-context': 'one',
  });
}
