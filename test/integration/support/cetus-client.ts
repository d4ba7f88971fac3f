import type { ClusterView, CloudEvent, ObjectState } from '@cetus/shared/schemas';
import { waitFor } from '@cetus/test-kit';
import { httpJson, type HttpAnswer, type HttpRequest } from './json-http.ts';

const VERSION = 'container-infra 1.14';
const IMAGE = 'ubuntu-22.04';

/** What `GET /v1/clusters/{uuid}` answers, as far as the tests look. */
export type Cluster = ClusterView & { node_count: number };

/** A user of the REST API. */
export class CetusClient {
  /** May be moved to another process of the API. */
  url: string;
  readonly token: string;
  readonly projectId: string;

  constructor(url: string, { token, projectId }: { token: string; projectId: string }) {
    this.url = url;
    this.token = token;
    this.projectId = projectId;
  }

  get headers(): Record<string, string> {
    return { 'x-auth-token': this.token, 'openstack-api-version': VERSION };
  }

  request<T = unknown>(path: string, { headers, ...request }: HttpRequest = {}): Promise<HttpAnswer<T>> {
    return httpJson<T>(`${this.url}${path}`, { ...request, headers: { ...this.headers, ...headers } });
  }

  /** As `request`, for what must succeed. */
  async ok<T = unknown>(path: string, request: HttpRequest = {}): Promise<T> {
    const answer = await this.request<T>(path, request);
    if (answer.status >= 300) {
      throw new Error(`${request.method ?? 'GET'} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    }
    return answer.body;
  }

  async template(body: object = {}): Promise<string> {
    const given = {
      name: 'kubernetes',
      coe: 'kubernetes',
      image_id: IMAGE,
      flavor_id: 'm1.small',
      master_flavor_id: 'm1.small',
      external_network_id: 'public',
      ...body,
    };
    return (await this.ok<{ uuid: string }>('/v1/clustertemplates', { method: 'POST', body: given })).uuid;
  }

  async create(template: string, body: object = {}, headers: Record<string, string> = {}): Promise<string> {
    const given = { cluster_template_id: template, ...body };
    return (await this.ok<{ uuid: string }>('/v1/clusters', { method: 'POST', body: given, headers })).uuid;
  }

  resize(uuid: string, nodeCount: number): Promise<unknown> {
    return this.ok(`/v1/clusters/${uuid}/actions/resize`, {
      method: 'POST',
      body: { node_count: nodeCount },
    });
  }

  delete(uuid: string): Promise<unknown> {
    return this.ok(`/v1/clusters/${uuid}`, { method: 'DELETE' });
  }

  cluster(uuid: string): Promise<Cluster> {
    return this.ok<Cluster>(`/v1/clusters/${uuid}`);
  }

  /** Waits until the cluster is in a state; a failure that is not waited for ends the waiting. */
  async until(uuid: string, state: ObjectState, timeoutMs = 20_000): Promise<Cluster> {
    const found = await waitFor(
      async () => {
        const { status, body } = await this.request<Cluster>(`/v1/clusters/${uuid}`);
        if (status !== 200) return undefined;
        return body.status === state || body.status.endsWith('_FAILED') ? body : undefined;
      },
      { timeoutMs, what: `cluster ${uuid} is ${state}` },
    );
    if (found.status !== state) throw new Error(`${uuid} is ${found.status}: ${String(found.status_reason)}`);
    return found;
  }

  async untilGone(uuid: string, timeoutMs = 20_000): Promise<void> {
    await waitFor(async () => (await this.request(`/v1/clusters/${uuid}`)).status === 404, {
      timeoutMs,
      what: `cluster ${uuid} is gone`,
    });
  }

  /** Every notification of the project, oldest first; of one object when it is named. */
  async events(object?: string): Promise<CloudEvent[]> {
    const found: CloudEvent[] = [];
    const filter = object === undefined ? '' : `&object=${object}`;
    for (let marker = ''; ;) {
      const page = await this.ok<{ events: CloudEvent[]; next?: string }>(
        `/v1/events?limit=500${filter}${marker}`,
      );
      found.push(...page.events);
      if (page.next === undefined) return found;
      marker = `&marker=${encodeURIComponent(found.at(-1)?.id ?? '')}`;
    }
  }

  async clusters(): Promise<Cluster[]> {
    const found: Cluster[] = [];
    for (let marker = ''; ;) {
      const page = await this.ok<{ clusters: Cluster[]; next?: string }>(
        `/v1/clusters/detail?limit=500${marker}`,
      );
      found.push(...page.clusters);
      if (page.next === undefined) return found;
      marker = `&marker=${found.at(-1)?.uuid ?? ''}`;
    }
  }
}
