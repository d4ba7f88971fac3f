import assert from 'node:assert/strict';
import type { AutoscalerStatus } from '@cetus/shared/schemas';
import { waitFor } from '@cetus/test-kit';
import { WebSocket } from 'ws';
import type { Answer, CetusClient } from './client.ts';

/** What a test reads of an application. */
export interface Application {
  uuid: string;
  name: string;
  status: string;
  status_reason: string | null;
  phase: string;
  instances: { desired: number; updated: number; ready: number; available: number };
  cause: { reason: string; message: string; exit_code?: number; log?: string; image?: string } | null;
  failure: { code: string; message: string } | null;
  endpoints: { type: string; address: string; port: number; cluster_id: string }[];
  conditions: { type: string; status: string; reason: string; message: string }[];
  clusters: {
    cluster_id: string;
    namespace: string;
    phase: string;
    state: string;
    drift: string[];
    autoscaler: AutoscalerStatus | null;
  }[];
  revision: number | null;
  operation_id: string | null;
}

/** An instance, as far as a test reads it. */
export interface LiveInstance {
  name: string;
  ready: boolean;
  phase: string;
  uid: string;
  containers: { name: string; restarts: number }[];
}

const SETTLED = /^[A-Z]+_(COMPLETE|FAILED)$/;

/** How one command in a container ended. */
export interface ExecResult {
  stdout: string;
  stderr: string;
  /** Of the error channel. */
  status: { status: string; details?: { causes?: { reason: string; message: string }[] } };
}

/** A user's applications over REST. */
export class Applications {
  private readonly client: CetusClient;

  constructor(client: CetusClient) {
    this.client = client;
  }

  async create(form: Record<string, unknown>): Promise<string> {
    const answer = await this.client.send('POST', '/v1/applications', form);
    assert.equal(answer.status, 202, JSON.stringify(answer.body));
    return (answer.body as { uuid: string }).uuid;
  }

  async get(uuid: string): Promise<Application> {
    const answer = await this.client.send('GET', `/v1/applications/${uuid}`);
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    return answer.body as Application;
  }

  /** Changes a form: what GET shows, with changes, by JSON Patch. */
  async patch(uuid: string, patch: unknown[], query = ''): Promise<void> {
    const answer = await this.client.send('PATCH', `/v1/applications/${uuid}${query}`, patch);
    assert.equal(answer.status, 202, JSON.stringify(answer.body));
  }

  async act(uuid: string, action: string, body: unknown = {}): Promise<void> {
    const answer = await this.client.send('POST', `/v1/applications/${uuid}/actions/${action}`, body);
    assert.equal(answer.status, 202, JSON.stringify(answer.body));
  }

  /** The application once no operation goes on with it. */
  settled(uuid: string, timeoutMs = 120_000): Promise<Application> {
    return this.until(uuid, ({ status }) => SETTLED.test(status), `application ${uuid} settles`, timeoutMs);
  }

  /** The application when its last operation went well. */
  async complete(uuid: string, timeoutMs?: number): Promise<Application> {
    const settled = await this.settled(uuid, timeoutMs);
    assert.match(settled.status, /_COMPLETE$/, `${settled.status}: ${settled.status_reason ?? ''}`);
    return settled;
  }

  until(
    uuid: string,
    is: (application: Application) => boolean,
    what: string,
    timeoutMs = 90_000,
  ): Promise<Application> {
    return waitFor(
      async () => {
        const application = await this.get(uuid);
        return is(application) && application;
      },
      { timeoutMs, what },
    );
  }

  async instances(uuid: string): Promise<LiveInstance[]> {
    const answer = await this.client.send('GET', `/v1/applications/${uuid}/instances`);
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    return (answer.body as { instances: LiveInstance[] }).instances;
  }

  /** Deletes an application and waits until it is gone. */
  async remove(uuid: string): Promise<void> {
    const answer = await this.client.send('DELETE', `/v1/applications/${uuid}`);
    assert.equal(answer.status, 204, JSON.stringify(answer.body));
    const end = await waitFor(
      async (): Promise<Answer | false> => {
        const seen = await this.client.send('GET', `/v1/applications/${uuid}`);
        return (seen.status === 404 || seen.body.status !== 'DELETE_IN_PROGRESS') && seen;
      },
      { timeoutMs: 120_000, what: `application ${uuid} is gone` },
    );
    assert.equal(end.status, 404, JSON.stringify(end.body));
  }

  /** Removes all of the project. */
  async removeAll(): Promise<void> {
    const { body } = await this.client.send('GET', '/v1/applications');
    for (const { uuid } of (body as { applications: { uuid: string }[] }).applications)
      await this.remove(uuid);
  }

  /** What an application answers at its node port, once it does. */
  async page({ endpoints }: Pick<Application, 'endpoints'>): Promise<string> {
    const endpoint = endpoints.find(({ type }) => type === 'node_port');
    assert.ok(endpoint, JSON.stringify(endpoints));
    const url = `http://${endpoint.address}/`;
    return waitFor(
      async () => {
        try {
          return await (await fetch(url, { signal: AbortSignal.timeout(2_000) })).text();
        } catch {
          return false;
        }
      },
      { timeoutMs: 30_000, what: `${url} answers` },
    );
  }

  /** A log, as a stream of text. */
  async log(uuid: string, instance: string, query: string, signal?: AbortSignal): Promise<Response> {
    const response = await fetch(
      `${this.client.url}/v1/applications/${uuid}/instances/${instance}/logs?${query}`,
      {
        headers: { 'x-auth-token': await this.client.freshToken() },
        signal: signal ?? AbortSignal.timeout(30_000),
      },
    );
    assert.equal(response.status, 200, response.status === 200 ? '' : await response.text());
    return response;
  }

  /** Runs a command in an instance, as a client of Kubernetes' exec does. */
  async exec(uuid: string, instance: string, command: string[], input = ''): Promise<ExecResult> {
    const query = new URLSearchParams(command.map((word): [string, string] => ['command', word]));
    if (input !== '') query.set('stdin', 'true');
    const socket = new WebSocket(
      `${this.client.url.replace(/^http/, 'ws')}/v1/applications/${uuid}/instances/${instance}/exec?${query.toString()}`,
      ['v4.channel.k8s.io'],
      { headers: { 'x-auth-token': await this.client.freshToken() } },
    );
    const result = { stdout: '', stderr: '', error: '' };
    const names = [undefined, 'stdout', 'stderr', 'error'] as const;
    socket.on('message', (data: Buffer) => {
      const name = names[data[0] ?? 0];
      if (name !== undefined) result[name] += data.subarray(1).toString();
    });
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.once('unexpected-response', (_, response) =>
        reject(new Error(`answered ${String(response.statusCode)}`)),
      );
      socket.once('open', () => {
        if (input !== '') socket.send(Buffer.concat([Buffer.from([0]), Buffer.from(input)]));
      });
      socket.once('close', () => resolve());
    });
    const { stdout, stderr, error } = result;
    return { stdout, stderr, status: JSON.parse(error) as ExecResult['status'] };
  }
}
