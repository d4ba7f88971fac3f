import assert from 'node:assert/strict';
import { waitFor } from '@cetus/test-kit';
import type { CloudEvent } from '@cetus/shared/schemas';

export interface Answer {
  status: number;
  headers: Headers;
  /** Checked by what is asserted of it. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  body: any;
}

export interface Cluster {
  uuid: string;
  status: string;
  status_reason: string | null;
  node_count: number;
  actual_node_count: number | null;
  actual_master_count: number | null;
  /** The answer's `cluster_id`, as Magnum calls it since 1.13. */
  stack_id: string | null;
  api_address: string | null;
  failure: { code: string; message: string; resource?: { type: string; name: string; id?: string } } | null;
  faults?: Record<string, string>;
  conditions: { type: string; status: string; reason: string; message: string }[];
}

const REQUEST_MS = 20_000;
const SETTLED = /^[A-Z]+_(COMPLETE|FAILED)$/;

/** A user's REST client: plain HTTP with a token. */
export class CetusClient {
  readonly url: string;
  private readonly token: () => Promise<string>;
  private readonly onCreated: (uuid: string) => void;

  constructor(
    url: string,
    token: () => Promise<string>,
    onCreated: (uuid: string) => void = () => undefined,
  ) {
    this.url = url;
    this.token = token;
    this.onCreated = onCreated;
  }

  /** For requests that are no plain JSON. */
  freshToken(): Promise<string> {
    return this.token();
  }

  async send(
    method: string,
    path: string,
    json?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const response = await fetch(this.url + path, {
      method,
      headers: {
        'x-auth-token': await this.token(),
        'openstack-api-version': 'container-infra latest',
        ...(json === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
      signal: AbortSignal.timeout(REQUEST_MS),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: text === '' ? undefined : JSON.parse(text),
    };
  }

  /** A template from names that exist in the lab, with the given fields instead. */
  template(name: string, fields: Record<string, unknown> = {}): Promise<Answer> {
    return this.send('POST', '/v1/clustertemplates', {
      name,
      coe: 'kubernetes',
      image_id: 'ubuntu-22.04',
      flavor_id: 'm1.small',
      master_flavor_id: 'm1.medium',
      keypair_id: 'mine',
      external_network_id: 'public',
      floating_ip_enabled: false,
      ...fields,
    });
  }

  /** Asks for a cluster, and answers its uuid. */
  async create(fields: Record<string, unknown>): Promise<string> {
    const answer = await this.send('POST', '/v1/clusters', fields);
    assert.equal(answer.status, 202, JSON.stringify(answer.body));
    const { uuid } = answer.body as { uuid: string };
    this.onCreated(uuid);
    return uuid;
  }

  async cluster(uuid: string): Promise<Cluster> {
    const answer = await this.send('GET', `/v1/clusters/${uuid}`);
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    const { cluster_id: stack_id, ...cluster } = answer.body as Cluster & { cluster_id: string | null };
    return { ...cluster, stack_id };
  }

  scale(uuid: string, nodeCount: number): Promise<Answer> {
    return this.send('PATCH', `/v1/clusters/${uuid}`, [
      { op: 'replace', path: '/node_count', value: nodeCount },
    ]);
  }

  /** The cluster once nothing goes on with it. */
  settled(uuid: string, timeoutMs = 90_000): Promise<Cluster> {
    return waitFor(
      async () => {
        const cluster = await this.cluster(uuid);
        return SETTLED.test(cluster.status) && cluster;
      },
      { timeoutMs, what: `cluster ${uuid} settles` },
    );
  }

  /** Deletes a cluster and waits until it is gone. */
  async remove(uuid: string): Promise<void> {
    const answer = await this.send('DELETE', `/v1/clusters/${uuid}`);
    assert.equal(answer.status, 204, JSON.stringify(answer.body));
    await this.gone(uuid);
  }

  async gone(uuid: string): Promise<void> {
    const end = await waitFor(
      async () => {
        const answer = await this.send('GET', `/v1/clusters/${uuid}`);
        return (answer.status === 404 || answer.body.status !== 'DELETE_IN_PROGRESS') && answer;
      },
      { timeoutMs: 90_000, what: `cluster ${uuid} is gone` },
    );
    assert.equal(end.status, 404, JSON.stringify(end.body));
  }

  /** The notifications of an object, in the order of the list. */
  async events(uuid: string): Promise<CloudEvent[]> {
    const answer = await this.send('GET', `/v1/events?object=${uuid}&limit=1000`);
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    return (answer.body as { events: CloudEvent[] }).events;
  }

  /** Follows notifications as they happen. Resolves once the stream is open. */
  async follow(query = ''): Promise<EventReader> {
    const abort = new AbortController();
    const response = await fetch(`${this.url}/v1/events${query}`, {
      headers: { 'x-auth-token': await this.token(), accept: 'text/event-stream' },
      signal: abort.signal,
    });
    assert.equal(response.status, 200);
    assert.ok(response.body);
    const reader = new EventReader(abort);
    reader.read(response.body);
    await reader.opened;
    return reader;
  }
}

/** A stream of server-sent events: what has come so far. */
export class EventReader {
  readonly events: (CloudEvent & { arrivedAt: number })[] = [];
  readonly opened: Promise<void>;
  private readonly abort: AbortController;
  private open: () => void = () => undefined;

  constructor(abort: AbortController) {
    this.abort = abort;
    this.opened = new Promise((resolve) => {
      this.open = resolve;
    });
  }

  read(body: ReadableStream<Uint8Array>): void {
    void this.pump(body);
  }

  of(uuid: string): (CloudEvent & { arrivedAt: number })[] {
    return this.events.filter(({ subject }) => subject === uuid);
  }

  close(): void {
    this.abort.abort();
  }

  private async pump(body: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let text = '';
    try {
      for await (const chunk of body) {
        this.open();
        text += decoder.decode(chunk, { stream: true });
        const blocks = text.split('\n\n');
        text = blocks.pop() ?? '';
        for (const block of blocks) this.take(block);
      }
    } catch (error) {
      if (!this.abort.signal.aborted) throw error;
    }
  }

  private take(block: string): void {
    const fields = new Map(
      block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
    );
    const data = fields.get('data');
    if (data === undefined) return;
    const event = JSON.parse(data) as CloudEvent;
    assert.equal(fields.get('id'), event.id);
    assert.equal(fields.get('event'), event.type);
    this.events.push({ ...event, arrivedAt: Date.now() });
  }
}
