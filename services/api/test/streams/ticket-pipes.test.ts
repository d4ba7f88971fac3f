import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import type { StreamTicket } from '@cetus/shared/streams';
import { waitFor } from '@cetus/test-kit';
import { WebSocket, WebSocketServer } from 'ws';
import { expectError } from '../support/answers.ts';
import { startApi, TOKENS, type TestApi } from '../support/api.ts';
import { listen, streamRoutes } from '../support/streams.ts';

describe('Streams that the API passes on', () => {
  let api: TestApi;
  let url: string;
  /** Stands for the process that serves the streams. */
  let server: Server;
  const webSockets = new WebSocketServer({ noServer: true });
  const connections = new Set<Socket>();
  let asked: IncomingMessage[] = [];
  let serve: (request: IncomingMessage, response: ServerResponse) => void;
  let upgrade: (request: IncomingMessage, socket: Socket, head: Buffer) => void;
  let ticket: StreamTicket;

  before(async () => {
    server = createServer((request, response) => {
      asked.push(request);
      serve(request, response);
    });
    server.on('upgrade', (request, socket: Socket, head) => {
      asked.push(request);
      upgrade(request, socket, head);
    });
    server.on('connection', (socket) => {
      connections.add(socket);
      socket.once('close', () => connections.delete(socket));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    ticket = {
      url: `http://127.0.0.1:${String(port)}`,
      token: 'the-ticket',
      expires_at: new Date().toISOString(),
    };
    api = await startApi({ CETUS_API_MAX_STREAMS_PER_PROJECT: 2 });
    await streamRoutes(api.app, () => ticket);
    url = await listen(api);
  });
  beforeEach(() => {
    asked = [];
    serve = (_request, response) => void response.end();
    upgrade = accept(() => undefined);
  });
  afterEach(() => waitFor(() => passing().then((number) => number === 0), { what: 'no stream passes' }));
  after(async () => {
    await api.close();
    for (const one of connections) one.destroy();
    server.close();
  });

  const member = { 'x-auth-token': 'member' };
  const log = (init: RequestInit = {}): Promise<Response> =>
    fetch(`${url}/log`, { headers: member, ...init });
  const passing = async (): Promise<number> => {
    const text = await (await fetch(`${url}/metrics`)).text();
    return Number(/^cetus_api_piped_streams\{.*\} (\d+)$/m.exec(text)?.[1]);
  };
  const accept =
    (use: (socket: WebSocket) => void): typeof upgrade =>
    (request, socket, head) =>
      webSockets.handleUpgrade(request, socket, head, (one) => {
        one.on('error', () => undefined);
        use(one);
      });
  const open = (protocols: string[] = ['v4.channel.k8s.io']): WebSocket => {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/socket`, protocols, { headers: member });
    socket.on('error', () => undefined);
    return socket;
  };
  const closed = (socket: WebSocket): Promise<[number, string]> =>
    new Promise((resolve) => socket.once('close', (code, reason) => resolve([code, reason.toString()])));
  const refused = async (socket: WebSocket): Promise<Parameters<typeof expectError>[0]> => {
    const [, response] = await new Promise<[unknown, IncomingMessage]>((resolve) =>
      socket.once('unexpected-response', (...args) => resolve(args)),
    );
    const body = Buffer.concat((await response.toArray()) as Buffer[]).toString();
    const { statusCode = 0, headers } = response;
    return { statusCode, headers, body, json: <T>() => JSON.parse(body) as T };
  };
  const refusal = (status: number, code: string, detail: string): string => {
    const body = JSON.stringify({ ok: false, error: { code, detail } });
    return `HTTP/1.1 ${String(status)} No\r\nContent-Type: application/json\r\nContent-Length: ${String(body.length)}\r\nConnection: close\r\n\r\n${body}`;
  };

  describe('logs', () => {
    it('are text, from the first byte on', async () => {
      let answered: ServerResponse | undefined;
      serve = (_request, response) => {
        answered = response;
        response.writeHead(200).flushHeaders();
      };
      const answer = await log();
      const head = ['content-type', 'cache-control', 'x-accel-buffering', 'x-content-type-options'];
      assert.deepEqual(
        [answer.status, ...head.map((name) => answer.headers.get(name))],
        [200, 'text/plain; charset=utf-8', 'no-store', 'no', 'nosniff'],
      );
      assert.match(answer.headers.get('x-openstack-request-id') ?? '', /^req-/);
      assert.deepEqual(
        [asked[0]?.headers.authorization, asked[0]?.url, asked[0]?.headers['x-auth-token']],
        ['Bearer the-ticket', '/', undefined],
      );
      assert.equal(await passing(), 1);
      answered?.end('one\ntwo\n');
      assert.equal(await answer.text(), 'one\ntwo\n');
    });

    it('end at their source when the client goes', async () => {
      let gone: Promise<unknown> | undefined;
      serve = (request, response) => {
        gone = once(request.socket, 'close');
        response.writeHead(200).write('first');
      };
      const abort = new AbortController();
      const answer = await log({ signal: abort.signal });
      await answer.body?.getReader().read();
      abort.abort();
      await gone;
    });

    it('that are being opened are given up when the client goes', async () => {
      serve = () => undefined;
      const abort = new AbortController();
      const answer = log({ signal: abort.signal });
      await waitFor(() => asked.length === 1);
      abort.abort();
      await assert.rejects(answer);
      await waitFor(() => connections.size === 0);
    });

    it('break off for the client as they do at their source', async () => {
      let answered: ServerResponse | undefined;
      serve = (_request, response) => {
        answered = response;
        response.writeHead(200).write('half');
      };
      const answer = await log();
      answered?.destroy();
      await assert.rejects(answer.text());
    });

    it('are refused as the source refuses them', async () => {
      serve = ({ socket }) => void socket.end(refusal(404, 'not_found', 'no such pod'));
      const answer = await log();
      assert.equal(answer.status, 404);
      const { errors } = (await answer.json()) as { errors: { code: string; detail: string }[] };
      assert.deepEqual([errors[0]?.code, errors[0]?.detail], ['not_found', 'no such pod']);
    });

    it('are not refused for the token of the client when the ticket is not good', async () => {
      for (const text of [
        refusal(401, 'unauthenticated', 'The ticket is not good'),
        'HTTP/1.1 500 Error\r\nContent-Length: 4\r\nConnection: close\r\n\r\noops',
        '',
      ]) {
        serve = ({ socket }) => void socket.end(text);
        const answer = await log();
        assert.deepEqual([answer.status, answer.headers.has('retry-after')], [503, true]);
        const { errors } = (await answer.json()) as { errors: { code: string }[] };
        assert.equal(errors[0]?.code, 'back_end_unavailable');
      }
    });

    it('are not opened by who only asks for the head', async () => {
      const answer = await log({ method: 'HEAD' });
      assert.deepEqual(
        [answer.status, answer.headers.get('content-type')],
        [200, 'text/plain; charset=utf-8'],
      );
      assert.deepEqual(asked, []);
    });

    it('have so many places for each project', async () => {
      serve = (_request, response) => void response.writeHead(200).flushHeaders();
      const abort = new AbortController();
      await log({ signal: abort.signal });
      await log({ signal: abort.signal });
      const third = await log();
      assert.deepEqual([third.status, third.headers.get('retry-after')], [429, '10']);
      await third.text();
      abort.abort();
    });

    it('end with the token of the client', async () => {
      serve = (_request, response) => void response.writeHead(200).write('first');
      const known = TOKENS['member'];
      assert.ok(known !== undefined);
      TOKENS['brief'] = { ...known, expiresAt: new Date(Date.now() + 300) };
      const answer = await log({ headers: { 'x-auth-token': 'brief' } });
      assert.equal(answer.status, 200);
      await assert.rejects(answer.text());
      delete TOKENS['brief'];
    });

    it('are not read faster than the client reads', async () => {
      let sent = 0;
      const chunk = Buffer.alloc(65_536);
      let answered: ServerResponse | undefined;
      serve = (_request, response) => {
        answered = response;
        const fill = (): void => {
          do sent += chunk.length;
          while (response.write(chunk));
        };
        response.writeHead(200).on('drain', fill);
        fill();
      };
      const { hostname, port } = new URL(url);
      const client = connect(Number(port), hostname).on('error', () => undefined);
      client.pause();
      client.write('GET /log HTTP/1.1\r\nHost: x\r\nX-Auth-Token: member\r\n\r\n');
      let before = -1;
      await waitFor(() => {
        const same = sent > 0 && sent === before && answered?.writableNeedDrain === true;
        before = sent;
        return same;
      });
      // What waits is in the buffers of the connections, not in a heap that grows.
      const stood = sent;
      let read = 0;
      client.on('data', (data: Buffer) => (read += data.length));
      client.resume();
      await waitFor(() => sent > 2 * stood && read > stood);
      client.destroy();
    });
  });

  describe('WebSockets', () => {
    it('carry messages, the subprotocol and the close', async () => {
      const ends: Promise<[number, string]>[] = [];
      upgrade = accept((socket) => {
        ends.push(closed(socket));
        socket.on('message', (data, binary) => socket.send(data, { binary }));
      });
      const socket = open(['v4.channel.k8s.io', 'other']);
      await once(socket, 'open');
      assert.equal(socket.protocol, 'v4.channel.k8s.io');
      const [request] = asked;
      assert.deepEqual(
        [request?.headers.authorization, request?.headers['sec-websocket-protocol'], request?.url],
        ['Bearer the-ticket', 'v4.channel.k8s.io,other', '/'],
      );
      for (const [data, binary] of [
        [Buffer.from([0, 255]), true],
        [Buffer.from('text'), false],
      ] as const) {
        const echoed = once(socket, 'message');
        socket.send(data, { binary });
        assert.deepEqual(await echoed, [data, binary]);
      }
      assert.equal(await passing(), 1);
      socket.close(4001, 'enough');
      assert.deepEqual(await ends[0], [4001, 'enough']);
    });

    it('do not send the token of the client on', async () => {
      const token = `base64url.token.cetus.io.${Buffer.from('member').toString('base64url')}`;
      const socket = new WebSocket(`${url.replace('http', 'ws')}/socket`, [token, 'v4.channel.k8s.io']);
      await once(socket, 'open');
      assert.equal(asked[0]?.headers['sec-websocket-protocol'], 'v4.channel.k8s.io');
      assert.equal(socket.protocol, 'v4.channel.k8s.io');
      socket.close();
    });

    it('lose nothing that comes before the client is there', async () => {
      upgrade = accept((socket) => {
        socket.send('first');
        socket.close(1000, 'over');
      });
      const socket = open();
      const message = once(socket, 'message');
      const end = closed(socket);
      assert.equal(String((await message)[0]), 'first');
      assert.deepEqual(await end, [1000, 'over']);
    });

    it('are refused before the upgrade as the source refuses them', async () => {
      upgrade = (_request, socket) => void socket.end(refusal(409, 'conflict', 'it does not run'));
      expectError(await refused(open()), 409, 'conflict');
      upgrade = (_request, socket) => void socket.end(refusal(401, 'unauthenticated', 'no'));
      expectError(await refused(open()), 503, 'back_end_unavailable');
      upgrade = (_request, socket) => void socket.destroy();
      expectError(await refused(open()), 503, 'back_end_unavailable');
    });

    it('that break off at their source say so', async () => {
      let source: WebSocket | undefined;
      upgrade = accept((socket) => (source = socket));
      const socket = open();
      await once(socket, 'open');
      const end = closed(socket);
      source?.terminate();
      assert.deepEqual(await end, [1014, '']);
    });

    it('end at their source when the client breaks off', async () => {
      let end: Promise<[number, string]> | undefined;
      upgrade = accept((socket) => void (end = closed(socket)));
      const socket = open();
      await once(socket, 'open');
      socket.terminate();
      assert.deepEqual(await end, [1014, '']);
    });

    it('that are being opened are given up when the client goes', async () => {
      // Whoever does not read notices no end.
      upgrade = (_request, socket) => void socket.resume().once('end', () => socket.end());
      const socket = open();
      await waitFor(() => asked.length === 1);
      socket.terminate();
      await waitFor(() => connections.size === 0);
    });

    it('end with the token of the client', async () => {
      const known = TOKENS['member'];
      assert.ok(known !== undefined);
      TOKENS['brief'] = { ...known, expiresAt: new Date(Date.now() + 300) };
      const headers = { 'x-auth-token': 'brief' };
      const socket = new WebSocket(`${url.replace('http', 'ws')}/socket`, { headers });
      assert.deepEqual(await closed(socket), [1008, 'The token has expired']);
      delete TOKENS['brief'];
    });

    it('end, as logs do, when the app closes', async () => {
      const other = await startApi();
      await streamRoutes(other.app, () => ticket);
      const address = await listen(other);
      serve = (_request, response) => void response.writeHead(200).write('first');
      let end: Promise<[number, string]> | undefined;
      upgrade = accept((socket) => void (end = closed(socket)));
      const answer = await fetch(`${address}/log`, { headers: member });
      const socket = new WebSocket(`${address.replace('http', 'ws')}/socket`, { headers: member });
      await once(socket, 'open');
      const told = closed(socket);
      const [, [code]] = await Promise.all([assert.rejects(answer.text()), told, other.close()]);
      assert.equal(code, 1001);
      await end;
    });
  });
});
