import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CetusError } from '@cetus/shared/errors';
import { waitFor } from '@cetus/test-kit';
import { WebSocket, WebSocketServer } from 'ws';
import { expectError } from '../support/answers.ts';
import { startApi, type TestApi } from '../support/api.ts';

/** Serves what tickets are for, as conductors do: a text for every request, and what it is told back for every WebSocket. */
class TicketServer {
  readonly redeemed: string[] = [];
  private readonly server: Server;
  private readonly sockets = new WebSocketServer({ noServer: true });

  constructor() {
    this.server = createServer((request, response) => {
      this.redeem(request);
      response.writeHead(200, { 'content-type': 'text/plain' });
      response.write('first line\n');
      setImmediate(() => response.end('last line\n'));
    });
    this.server.on('upgrade', (request, socket, head) => {
      this.redeem(request);
      this.sockets.handleUpgrade(request, socket, head, (one) => {
        one.on('message', (data, binary) => one.send(data, { binary }));
      });
    });
  }

  async start(): Promise<void> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
  }

  ticket(): { url: string; token: string; expires_at: string } {
    const { port } = this.server.address() as AddressInfo;
    return {
      url: `http://127.0.0.1:${String(port)}/streams`,
      token: `t${String(this.redeemed.length)}`,
      expires_at: new Date(Date.now() + 30_000).toISOString(),
    };
  }

  async stop(): Promise<void> {
    for (const one of this.sockets.clients) one.terminate();
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }

  private redeem({ headers }: IncomingMessage): void {
    this.redeemed.push(String(headers.authorization));
  }
}

describe('api: logs and terminals of applications', () => {
  let api: TestApi;
  let streams: TicketServer;
  let base: string;
  let cluster: string;
  let uuid: string;
  before(async () => {
    api = await startApi();
    streams = new TicketServer();
    await streams.start();
    base = await api.app.listen({ host: '127.0.0.1', port: 0 });
    cluster = await api.cluster({ name: 'prod' });
    uuid = await api.application({ name: 'pods', placements: [{ cluster }] });
  });
  after(async () => {
    await api.close();
    await streams.stop();
  });

  const get = (path: string, token = 'member', headers: Record<string, string> = {}) =>
    api.request({ url: `/v1/applications/${uuid}/instances/pods-1/${path}`, token, headers });
  const open = (path: string, token = 'member') =>
    new WebSocket(`${base.replace('http', 'ws')}/v1/applications/${uuid}/instances/pods-1/${path}`, {
      headers: { 'x-auth-token': token },
    });
  const closed = async (socket: WebSocket): Promise<void> => {
    socket.close();
    await once(socket, 'close');
  };
  /** The answer to a WebSocket that was refused. */
  const refusal = async (
    path: string,
    token?: string,
  ): Promise<{ status: number; code: string; field?: string }> => {
    const socket = open(path, token);
    const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const [error] = (
      JSON.parse(Buffer.concat(chunks).toString()) as { errors: { code: string; field?: string }[] }
    ).errors;
    return { status: response.statusCode ?? 0, ...(error as { code: string }) };
  };

  it('give the text of a container as it comes', async () => {
    const restore = api.service.says('log', () => streams.ticket());
    const url = `${base}/v1/applications/pods/instances/pods-1/logs`;
    const query = 'container=web&tail_lines=10&since_seconds=60&previous=true&timestamps=true&follow=false';
    for (const accept of ['text/plain', '*/*', 'text/*;q=0.5, application/xml']) {
      const answer = await fetch(`${url}?${query}`, { headers: { 'x-auth-token': 'reader', accept } });
      assert.equal(answer.status, 200);
      assert.match(answer.headers.get('content-type') ?? '', /^text\/plain/);
      assert.equal(await answer.text(), 'first line\nlast line\n');
    }
    assert.deepEqual(api.service.of('log').at(-1), {
      id: uuid,
      project_id: 'a'.repeat(32),
      cluster_id: cluster,
      instance: 'pods-1',
      container: 'web',
      tail_lines: 10,
      since_seconds: 60,
      previous: true,
      timestamps: true,
      follow: false,
    });
    await (await fetch(url, { headers: { 'x-auth-token': 'reader' } })).text();
    // A log of any length is not asked for.
    assert.equal(api.service.of('log').at(-1)?.['tail_lines'], 5_000);
    assert.ok(streams.redeemed.every((header) => /^Bearer t\d+$/.test(header)));
    restore();
  });

  it('refuse what is wrong before anything is asked', async () => {
    const asked = api.service.asked.length;
    for (const [query, code, field] of [
      ['tail_lines=5001', 'invalid_field', 'tail_lines'],
      ['tail_lines=-1', 'invalid_field', 'tail_lines'],
      ['since_seconds=0', 'invalid_field', 'since_seconds'],
      ['follow=maybe', 'invalid_field', 'follow'],
      ['container=A%20B', 'invalid_field', 'container'],
      ['cluster=nope', 'cluster_not_found', 'cluster'],
      ['foo=1', 'unknown_field', 'foo'],
    ] as const)
      expectError(await get(`logs?${query}`), 400, code, field);
    expectError(await get('logs', 'other'), 404, 'not_found');
    expectError(await get('logs', 'nobody'), 403, 'forbidden');
    expectError(await get('logs', 'bad'), 401, 'unauthenticated');
    expectError(await get('logs', 'member', { accept: 'image/png' }), 406, 'not_acceptable');
    assert.equal(api.service.asked.length, asked);
    const restore = api.service.says('log', () => {
      throw new CetusError('invalid_field', 'no such container', { field: 'container' });
    });
    expectError(await get('logs'), 400, 'invalid_field', 'container');
    restore();
  });

  it('run a command over a WebSocket', async () => {
    const restore = api.service.says('exec', () => streams.ticket());
    const socket = open('exec?command=sh&command=-c&command=ls%20-l&container=web&stdin=true&tty=true');
    await once(socket, 'open');
    socket.send(Buffer.from([0, 1, 2]));
    const [data] = (await once(socket, 'message')) as [Buffer];
    assert.deepEqual([...data], [0, 1, 2]);
    assert.deepEqual(api.service.of('exec').at(-1), {
      id: uuid,
      project_id: 'a'.repeat(32),
      cluster_id: cluster,
      instance: 'pods-1',
      container: 'web',
      command: ['sh', '-c', 'ls -l'],
      stdin: true,
      tty: true,
    });
    await closed(socket);
    const single = open('exec?command=ls');
    await once(single, 'open');
    assert.deepEqual(api.service.of('exec').at(-1)?.['command'], ['ls']);
    await closed(single);
    const attached = open('attach');
    await once(attached, 'open');
    const { command, stdin, tty } = api.service.of('exec').at(-1) as Record<string, unknown>;
    assert.deepEqual([command, stdin, tty], [undefined, false, false]);
    await closed(attached);
    restore();
  });

  it('refuse a terminal with an answer that says why', async () => {
    const many = Array.from({ length: 65 }, () => 'command=x').join('&');
    for (const [path, status, code, field] of [
      ['exec', 400, 'missing_field', 'command'],
      ['exec?command=', 400, 'invalid_field', 'command'],
      [`exec?${many}`, 400, 'invalid_field', 'command'],
      ['exec?command=ls&tty=maybe', 400, 'invalid_field', 'tty'],
      ['attach?command=ls', 400, 'unknown_field', 'command'],
      ['attach?cluster=nope', 400, 'cluster_not_found', 'cluster'],
    ] as const) {
      const { status: found, ...error } = await refusal(path);
      assert.deepEqual([found, error.code, error.field], [status, code, field], path);
    }
    for (const path of ['exec?command=ls', 'attach']) {
      assert.equal((await refusal(path, 'reader')).code, 'forbidden');
      assert.equal((await refusal(path, 'other')).code, 'not_found');
      assert.equal((await refusal(path, 'bad')).code, 'unauthenticated');
      // What is no WebSocket is told so.
      expectError(await get(path), 400, 'invalid_field', 'Upgrade');
    }
    const restore = api.service.says('exec', () => {
      throw new CetusError('instance_not_running', 'it does not run');
    });
    const { status, code } = await refusal('exec?command=ls');
    assert.deepEqual([status, code], [409, 'instance_not_running']);
    restore();
    await waitFor(async () => api.app.websocketServer.clients.size === 0);
  });
});
