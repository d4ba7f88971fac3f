import assert from 'node:assert/strict';
import { createSigningRequest } from '@cetus/shared/pki';
import { waitFor } from '@cetus/test-kit';
import { KubernetesConnection, type Query } from '../../src/connection.ts';
import { hasStatus, KubernetesError } from '../../src/errors.ts';
import { readKubeconfig } from '../../src/kubeconfig.ts';
import type { ObjectMeta } from '../../src/objects.ts';
import { ServedApis } from '../../src/served-apis.ts';
import { targets, uniqueName, type Cluster } from './targets.ts';

/** An object as it comes, read by tests that know its kind. */
export interface Thing {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  [field: string]: any;
}

export interface Things {
  metadata: { resourceVersion: string; continue?: string; remainingItemCount?: number };
  items: Thing[];
}

interface SendOptions {
  query?: Query;
  type?: string;
}

export const SIGNING_REQUESTS = '/apis/certificates.k8s.io/v1/certificatesigningrequests';

/** A cluster as its administrator sees it, with a namespace of one's own that is deleted at the end. */
export class KubernetesBench {
  cluster!: Cluster;
  connection!: KubernetesConnection;
  namespace!: string;
  readonly #opened: KubernetesConnection[] = [];

  /** Path of a collection of the core API, or of another group, in the namespace of the bench. */
  path(resource: string, api = '/api/v1'): string {
    return `${api}/namespaces/${this.namespace}/${resource}`;
  }

  async get(path: string, query: Query = {}): Promise<Thing> {
    return this.connection.get<Thing>(path, { query });
  }

  async list(path: string, query: Query = {}): Promise<Things> {
    return this.connection.get<Things>(path, { query });
  }

  async post(path: string, body: unknown, query: Query = {}): Promise<Thing> {
    return (await this.connection.request<Thing>('POST', path, { body, query })).body;
  }

  async put(path: string, body: unknown, query: Query = {}): Promise<Thing> {
    return (await this.connection.request<Thing>('PUT', path, { body, query })).body;
  }

  async patch(path: string, body: unknown, { type, query = {} }: SendOptions): Promise<Thing> {
    const options = { body, query, contentType: type };
    return (await this.connection.request<Thing>('PATCH', path, options)).body;
  }

  async delete(path: string, body?: unknown, query: Query = {}): Promise<Thing> {
    return (await this.connection.request<Thing>('DELETE', path, { body, query })).body;
  }

  /** A connection as somebody else, closed with the bench. */
  connect(kubeconfig: string): KubernetesConnection {
    const connection = KubernetesConnection.fromKubeconfig(kubeconfig);
    this.#opened.push(connection);
    return connection;
  }

  /** Has the cluster sign a certificate for a user, as whom the connection is. */
  async connectAs(user: string): Promise<KubernetesConnection> {
    const { request, key } = createSigningRequest({ commonName: user });
    const made = await this.requestCertificate(request);
    const path = `${SIGNING_REQUESTS}/${made.metadata.name}`;
    await this.decide(made, 'Approved');
    const signed = await this.until(path, ({ status }) => status?.certificate);
    await this.delete(path);
    const connection = new KubernetesConnection({
      ...readKubeconfig(this.cluster.kubeconfig),
      user,
      clientCertificate: Buffer.from(signed['status'].certificate, 'base64').toString(),
      clientKey: key,
    });
    this.#opened.push(connection);
    return connection;
  }

  async requestCertificate(request: string): Promise<Thing> {
    return this.post(SIGNING_REQUESTS, {
      metadata: { name: uniqueName('csr') },
      spec: {
        request: Buffer.from(request).toString('base64'),
        signerName: 'kubernetes.io/kube-apiserver-client',
        usages: ['digital signature', 'client auth'],
      },
    });
  }

  /** Approves or denies a request for a certificate. */
  async decide(request: Thing, type: 'Approved' | 'Denied'): Promise<void> {
    const condition = { type, status: 'True', reason: 'Contract', message: 'as the test wants it' };
    const path = `${SIGNING_REQUESTS}/${request.metadata.name}/approval`;
    await this.put(path, { ...request, status: { conditions: [condition] } });
  }

  /** A deployment of the image that can run, and its path. */
  async deploy(replicas: number, more: { name?: string; pod?: object } = {}): Promise<string> {
    const { name = uniqueName('web'), pod = {} } = more;
    const labels = { app: name };
    const path = this.path('deployments', '/apis/apps/v1');
    await this.post(path, {
      metadata: { name },
      spec: {
        replicas,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            terminationGracePeriodSeconds: 1,
            containers: [{ name: 'web', image: this.cluster.image }],
            ...pod,
          },
        },
      },
    });
    return `${path}/${name}`;
  }

  /** A pod of its own, in the phase, and its name. */
  async pod(spec: object, phase?: string): Promise<string> {
    const body = {
      metadata: { name: uniqueName('pod') },
      spec: { terminationGracePeriodSeconds: 0, ...spec },
    };
    const { metadata } = await waitFor(
      () =>
        this.post(this.path('pods'), body).catch((error: unknown) => {
          // Before 1.24 pods are refused until the service account has its token.
          if (hasStatus(error, 403) || hasStatus(error, 500)) return undefined;
          throw error;
        }),
      { what: 'a pod that is not refused' },
    );
    if (phase !== undefined)
      await this.until(`${this.path('pods')}/${metadata.name}`, ({ status }) => status?.phase === phase);
    return metadata.name;
  }

  /** The object when the probe likes it. */
  async until(path: string, probe: (thing: Thing) => unknown, timeoutMs = 60_000): Promise<Thing> {
    return waitFor(
      async () => {
        const thing = await this.get(path);
        return probe(thing) ? thing : undefined;
      },
      { timeoutMs, what: `${path}: ${String(probe)}` },
    );
  }

  /** When the object is not there any more. */
  async gone(path: string, timeoutMs = 60_000): Promise<void> {
    const probe = async (): Promise<boolean> => {
      try {
        await this.get(path);
        return false;
      } catch (error) {
        if (hasStatus(error, 404)) return true;
        throw error;
      }
    };
    await waitFor(probe, { timeoutMs, what: `${path} is gone` });
  }

  async open(cluster: Cluster): Promise<void> {
    this.cluster = cluster;
    this.connection = this.connect(cluster.kubeconfig);
    this.namespace = uniqueName('contract');
    await this.post('/api/v1/namespaces', { metadata: { name: this.namespace } });
    // Pods are refused until the namespace has its service account.
    await waitFor(async () => (await this.list(this.path('serviceaccounts'))).items.length > 0, {
      what: 'the service account',
    });
  }

  async close(): Promise<void> {
    await this.delete(`/api/v1/namespaces/${this.namespace}`);
    for (const connection of this.#opened) await connection.close();
    await this.cluster.close();
  }
}

/** The refusal that a promise must end with: its status and reason are as given. */
export async function refusal(
  promise: Promise<unknown>,
  status: number,
  reason: string,
): Promise<KubernetesError> {
  const error = await promise.then(
    () => assert.fail(`must be refused with ${String(status)} ${reason}`),
    (error: unknown) => error,
  );
  assert.ok(error instanceof KubernetesError, String(error));
  assert.deepEqual([error.status, error.reason], [status, reason], error.message);
  const { kind, apiVersion, status: word, code } = error.body as Record<string, unknown>;
  assert.deepEqual(
    { kind, apiVersion, word, code },
    { kind: 'Status', apiVersion: 'v1', word: 'Failure', code: status },
  );
  return error;
}

/** Skips the tests of a topic, which are then listed as pending, on servers older than a minor of Kubernetes 1. */
export function sinceMinor(bench: KubernetesBench, minor: number): void {
  before(async function () {
    if (((await new ServedApis(bench.connection).minor()) ?? 0) < minor) this.skip();
  });
}

/** One topic of what every Kubernetes is held to, for each of the clusters. */
export function kubernetesContract(topic: string, define: (bench: KubernetesBench) => void): void {
  for (const target of targets) {
    describe(`Kubernetes contract, ${topic}: ${target.name}`, function () {
      this.timeout(120_000);
      const bench = new KubernetesBench();
      before(async () => bench.open(await target.start()));
      define(bench);
      after(() => bench.close());
    });
  }
}
