import { strict as assert } from 'node:assert';
import { KubernetesConnection } from '@cetus/kubernetes/connection';
import { namespaceOf } from '@cetus/shared/applications';
import { waitFor } from '@cetus/test-kit';
import { httpJson } from '../../integration/support/json-http.ts';
import { kubeconfigOf } from '../../integration/support/cluster-access.ts';
import { READY_MS, type Stage } from '../steps/step.ts';

/** What a simulated cluster says of its writes. */
interface ClusterView {
  id: string;
  url: string;
  writes: { passed: number; waiting: number };
}

/** An object as it is compared. */
interface Listed {
  metadata: { name: string; uid: string; resourceVersion: string; labels?: Record<string, string> };
}

/** The kinds that an application is made of here. */
const COLLECTIONS = {
  Deployment: '/apis/apps/v1/deployments',
  Service: '/api/v1/services',
  ConfigMap: '/api/v1/configmaps',
  Secret: '/api/v1/secrets',
  NetworkPolicy: '/apis/networking.k8s.io/v1/networkpolicies',
  PodDisruptionBudget: '/apis/policy/v1/poddisruptionbudgets',
  Pod: '/api/v1/pods',
};
const APPLICATION_LABEL = 'cetus.io/application';

/** One simulated cluster with its gate, and what is in it that is nobody's business. */
export class Site {
  readonly uuid: string;
  readonly name: string;
  private readonly cloudUrl: string;
  private readonly connection: KubernetesConnection;
  private id = '';
  private foreign: Record<string, string> = {};

  private constructor(uuid: string, name: string, cloudUrl: string, connection: KubernetesConnection) {
    this.uuid = uuid;
    this.name = name;
    this.cloudUrl = cloudUrl;
    this.connection = connection;
  }

  static async make({ client, cloud, templates }: Stage, index: number): Promise<Site> {
    const name = `site-${String(index)}`;
    const uuid = await client.create(templates.heat, { name, node_count: 1 });
    const { api_address } = await client.until(uuid, 'CREATE_COMPLETE', READY_MS);
    const kubeconfig = await waitFor(() => kubeconfigOf(client, uuid).catch(() => false as const), {
      timeoutMs: READY_MS,
      what: `${name} signs`,
    });
    const connection = KubernetesConnection.fromKubeconfig(kubeconfig);
    const site = new Site(uuid, name, cloud.url, connection);
    const { body } = await httpJson<ClusterView[]>(`${cloud.url}/_control/kubernetes`);
    const found = body.find(({ url }) => new URL(url).host === new URL(String(api_address)).host);
    assert.ok(found, `no simulated cluster is at ${String(api_address)}`);
    site.id = found.id;
    return site;
  }

  /** Things of others, with names and in places that are easily taken for ours. */
  async addForeign(projectId: string, userId: string): Promise<void> {
    const namespace = namespaceOf(projectId, userId);
    const there = await this.connection
      .get<Listed>(`/api/v1/namespaces/${namespace}`)
      .then(() => true)
      .catch(() => false);
    for (const where of [...(there ? [namespace] : []), 'default']) {
      const metadata = { name: 'theirs', labels: { 'app.kubernetes.io/managed-by': 'cetus' } };
      await this.connection.request('POST', `/api/v1/namespaces/${where}/configmaps`, {
        body: { metadata, data: { a: '1' } },
      });
    }
    this.foreign = await this.foreignNow();
  }

  /** What becomes of writes: after so many, those that come are held or swallowed. Null: nothing. */
  async gate(writes: { after: number; then: 'hold' | 'swallow' } | null): Promise<void> {
    const answer = await httpJson(`${this.cloudUrl}/_control/kubernetes/${this.id}`, {
      method: 'PUT',
      body: { writes },
    });
    assert.equal(answer.status, 200);
  }

  async writes(): Promise<ClusterView['writes']> {
    const { body } = await httpJson<ClusterView[]>(`${this.cloudUrl}/_control/kubernetes`);
    return body.find(({ id }) => id === this.id)?.writes ?? { passed: 0, waiting: 0 };
  }

  /** The objects with the mark of an application, as `Kind/name`, sorted; pods by their kind alone. */
  async marked(application: string): Promise<string[]> {
    const found: string[] = [];
    for (const [kind, path] of Object.entries(COLLECTIONS)) {
      const { items } = await this.connection.get<{ items: Listed[] }>(path);
      for (const { metadata } of items)
        if (metadata.labels?.[APPLICATION_LABEL] === application)
          found.push(kind === 'Pod' ? kind : `${kind}/${metadata.name}`);
    }
    return found.sort();
  }

  /** The marks of applications that there are. */
  async marks(): Promise<string[]> {
    const marks = new Set<string>();
    for (const path of Object.values(COLLECTIONS)) {
      const { items } = await this.connection.get<{ items: Listed[] }>(path);
      for (const { metadata } of items) marks.add(metadata.labels?.[APPLICATION_LABEL] ?? '');
    }
    marks.delete('');
    return [...marks];
  }

  async image(namespace: string, name: string): Promise<string | undefined> {
    const { spec } = await this.connection.get<{
      spec: { template: { spec: { containers: { image: string }[] } } };
    }>(`/apis/apps/v1/namespaces/${namespace}/deployments/${name}`);
    return spec.template.spec.containers[0]?.image;
  }

  /** What others have that is not as it was. */
  async foreignChanged(): Promise<string[]> {
    const now = await this.foreignNow();
    return Object.entries(this.foreign).flatMap(([what, version]) =>
      now[what] === version ? [] : [`${this.name}: ${what} was touched`],
    );
  }

  close(): Promise<void> {
    return this.connection.close();
  }

  private async foreignNow(): Promise<Record<string, string>> {
    const { items } = await this.connection.get<{
      items: (Listed & { metadata: { namespace: string } })[];
    }>('/api/v1/configmaps');
    return Object.fromEntries(
      items
        .filter(({ metadata }) => metadata.name === 'theirs')
        .map(({ metadata }) => [
          `ConfigMap ${metadata.namespace}/theirs`,
          `${metadata.uid}/${metadata.resourceVersion}`,
        ]),
    );
  }
}
