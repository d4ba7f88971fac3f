import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { createTokenCache } from '@cetus/shared/auth';
import { waitFor } from '@cetus/test-kit';
import { WebSocket } from 'ws';
import { authenticate } from '../src/http/authentication.ts';
import { chooseProtocol } from '../src/http/web-sockets.ts';
import { startApi, TOKENS, type TestApi } from './support/api.ts';

const PREFIX = 'base64url.token.cetus.io.';
const asProtocol = (token: string): string => PREFIX + Buffer.from(token).toString('base64url');

describe('WebSockets of the API', () => {
  let api: TestApi;
  let url: string;
  const sockets = new Set<Socket>();

  const start = async (overrides: object = {}): Promise<void> => {
    api = await startApi(overrides);
    await api.app.register(async (scope) => {
      authenticate(scope, {
        tokens: createTokenCache({ validateToken: async (token) => TOKENS[token] ?? null }),
      });
      scope.get(
        '/echo',
        {
          websocket: true,
          config: { role: 'member' },
          preHandler: async (request) => chooseProtocol(request, 'b'),
        },
        (socket, { caller }) => {
          socket.send(caller.userId);
          socket.on('message', (data, binary) => socket.send(data, { binary }));
        },
      );
      scope.get('/fails', { websocket: true, config: { role: 'member' } }, async () => {
        throw new Error('a mistake');
      });
      scope.post('/body', { config: { role: 'member' } }, async ({ body }) => ({ body }));
    });
    url = await api.app.listen({ host: '127.0.0.1', port: 0 });
  };
  afterEach(() => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  });

  const open = (path: string, headers: Record<string, string> = {}, protocols: string[] = []): WebSocket => {
    const socket = new WebSocket(url.replace('http', 'ws') + path, protocols, { headers });
    socket.on('error', () => undefined);
    return socket;
  };
  const member = { 'x-auth-token': 'member' };
  /** Status and code of the refusal of an upgrade. */
  const refused = async (socket: WebSocket): Promise<[number | undefined, string, string | undefined]> => {
    const [, response] = (await new Promise<unknown[]>((resolve) =>
      socket.once('unexpected-response', (...args) => resolve(args)),
    )) as [unknown, IncomingMessage];
    const text = Buffer.concat((await response.toArray()) as Buffer[]).toString();
    const [error] = (JSON.parse(text) as { errors: [{ code: string; field?: string }] }).errors;
    return [response.statusCode, error.code, error.field];
  };
  const raw = async (text: string): Promise<Socket> => {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname).on('error', () => undefined);
    sockets.add(socket);
    await once(socket, 'connect');
    socket.write(text);
    return socket;
  };
  const answerOn = async (socket: Socket, end: RegExp): Promise<string> => {
    let text = '';
    socket.on('data', (data: Buffer) => (text += data.toString()));
    await waitFor(() => end.test(text));
    return text;
  };

  describe('of an API', () => {
    before(() => start({ CETUS_API_CORS_ORIGINS: 'https://horizon.example,http://other.example:8080' }));
    after(() => api.close());

    it('are opened by who has a token, and carry what is sent', async () => {
      const socket = open('/echo', member, ['a', 'b']);
      assert.equal(String((await once(socket, 'message'))[0]), 'member-user');
      assert.equal(socket.protocol, 'b');
      for (const [data, binary] of [
        [Buffer.from([1, 2]), true],
        [Buffer.from('text'), false],
      ] as const) {
        const echoed = once(socket, 'message');
        socket.send(data, { binary });
        assert.deepEqual(await echoed, [data, binary]);
      }
      socket.close();
    });

    it('take the token as a subprotocol, which is never the one that is chosen', async () => {
      const socket = open('/echo', {}, [asProtocol('member'), 'b']);
      assert.equal(String((await once(socket, 'message'))[0]), 'member-user');
      assert.equal(socket.protocol, 'b');
      socket.close();
      // The header is what counts when there are both.
      assert.deepEqual(
        (await refused(open('/echo', { 'x-auth-token': 'wrong' }, [asProtocol('member')])))[0],
        401,
      );
    });

    it('are refused before the upgrade, as requests are', async () => {
      const none = [401, 'unauthenticated', undefined];
      assert.deepEqual(await refused(open('/echo')), none);
      assert.deepEqual(await refused(open('/echo', { 'x-auth-token': 'wrong' })), none);
      for (const bad of [`${PREFIX}`, `${PREFIX}a+b`, asProtocol('not good\n')])
        assert.deepEqual((await refused(await handshake('/echo', bad)))[0], 401, bad);
      assert.deepEqual(await refused(open('/echo', { 'x-auth-token': 'reader' })), [
        403,
        'forbidden',
        undefined,
      ]);
      assert.deepEqual(await refused(open('/v1/clusters', member)), [400, 'invalid_field', 'Upgrade']);
      const plain = await fetch(`${url}/echo`, { headers: member });
      assert.deepEqual(
        [
          plain.status,
          ((await plain.json()) as { errors: { code: string; field: string }[] }).errors[0]?.field,
        ],
        [400, 'Upgrade'],
      );
      // A token in a subprotocol is for WebSockets only.
      const header = { 'sec-websocket-protocol': asProtocol('member') };
      assert.equal((await fetch(`${url}/v1/clusters`, { headers: header })).status, 401);
    });

    /** A handshake with a subprotocol that the client's library would not send. */
    async function handshake(path: string, protocol: string): Promise<WebSocket> {
      const socket = new WebSocket(url.replace('http', 'ws') + path, {
        headers: { 'sec-websocket-protocol': protocol },
      });
      socket.on('error', () => undefined);
      return socket;
    }

    it('are opened by pages of the origins that may, and of the own host', async () => {
      for (const origin of [
        'https://horizon.example',
        'http://other.example:8080',
        url,
        url.replace('http', 'https'),
      ]) {
        const socket = open('/echo', { ...member, origin });
        await once(socket, 'message');
        socket.close();
      }
      for (const origin of [
        'https://evil.example',
        'https://horizon.example.evil.example',
        'null',
        'http://127.0.0.1:1',
      ])
        assert.deepEqual(
          await refused(open('/echo', { ...member, origin })),
          [403, 'origin_forbidden', undefined],
          origin,
        );
    });

    it('take no message that is too long', async () => {
      const socket = open('/echo', member);
      await once(socket, 'message');
      socket.send(Buffer.alloc(1024 * 1024 + 1));
      const code = await new Promise((resolve) => socket.once('close', resolve));
      assert.equal(code, 1009);
    });

    it('end with a mistake, not the process', async () => {
      const socket = open('/fails', member);
      assert.equal(await new Promise((resolve) => socket.once('close', resolve)), 1006);
      assert.equal((await fetch(`${url}/healthz`)).status, 200);
    });

    it('survive clients that break off at any moment', async () => {
      const head = `GET /echo HTTP/1.1\r\nHost: x\r\nX-Auth-Token: member\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n`;
      const rest = `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}\r\n\r\n`;
      for (const text of [
        head,
        head + rest,
        `${head + rest}\u0081`,
        `${head}\r\n`,
        `${head + rest}garbage`,
      ]) {
        (await raw(text)).resetAndDestroy();
        (await raw(text)).end();
      }
      await waitFor(() => api.app.websocketServer.clients.size === 0);
      assert.equal((await fetch(`${url}/healthz`)).status, 200);
    });

    it('do not keep other offers from being passed over', async () => {
      const offer =
        'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n';
      const body = '{"a":1}';
      const post = `POST /body HTTP/1.1\r\nHost: x\r\nX-Auth-Token: member\r\nContent-Type: application/json\r\nContent-Length: 7\r\n${offer}\r\n`;
      assert.match(
        await answerOn(await raw(post + body), /\{"body"/),
        /^HTTP\/1\.1 200 .*\{"body":\{"a":1\}\}$/s,
      );
      // In pieces, and with another request behind it.
      const socket = await raw(`${post}{"a"`);
      socket.write(`:1}GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      assert.match(await answerOn(socket, /alive/), /^HTTP\/1\.1 200 .*\{"body":\{"a":1\}\}HTTP\/1\.1 200 /s);
      const wrong = post.replace('member', 'wrong');
      assert.match(await answerOn(await raw(wrong + body), /errors/), /^HTTP\/1\.1 401 /);
    });
  });

  describe('of an API with a public address', () => {
    before(() => start({ CETUS_PUBLIC_URL: 'https://api.example/cetus' }));
    after(() => api.close());

    it('know their own host by its public address', async () => {
      const socket = open('/echo', { ...member, origin: 'https://api.example' });
      await once(socket, 'message');
      socket.close();
      assert.equal((await refused(open('/echo', { ...member, origin: url })))[0], 403);
      assert.deepEqual(await refused(open('/nowhere', member)), [404, 'route_not_found', undefined]);
    });

    it('are told when the app closes, and cut when they do not answer', async () => {
      const socket = open('/echo', member);
      await once(socket, 'message');
      const key = Buffer.alloc(16).toString('base64');
      const silent = await raw(
        `GET /echo HTTP/1.1\r\nHost: x\r\nX-Auth-Token: member\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
          `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
      );
      await answerOn(silent, /member-user/);
      const code = new Promise((resolve) => socket.once('close', resolve));
      await api.app.close();
      assert.equal(await code, 1001);
      await waitFor(() => api.app.websocketServer.clients.size === 0);
    });
  });
});
