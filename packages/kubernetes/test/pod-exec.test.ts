import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import { KubernetesConnection } from '../src/connection.ts';
import { DeniedNetworks } from '../src/denied-networks.ts';
import { KubernetesError, KubernetesUnreachableError } from '../src/errors.ts';
import { exitOf, openPodExec } from '../src/pod-exec.ts';
import { status } from './support/api-server.ts';

const POD = { namespace: 'n', name: 'p', command: ['sh', '-c', 'echo secret'] };

describe('A program in a pod', () => {
  const webSockets = new WebSocketServer({ noServer: true });
  const sockets = new Set<Socket>();
  const connections: KubernetesConnection[] = [];
  const { signal } = new AbortController();
  let server: Server;
  let seen: IncomingMessage | undefined;
  let upgrade: (request: IncomingMessage, socket: Socket, head: Buffer) => void;

  const accept =
    (use: (socket: WebSocket) => void): typeof upgrade =>
    (request, socket, head) =>
      webSockets.handleUpgrade(request, socket, head, use);
  const refuse =
    (text: string): typeof upgrade =>
    (_request, socket) =>
      void socket.end(text);
  const connect = (options: object = {}): KubernetesConnection => {
    const { port } = server.address() as AddressInfo;
    const access = {
      server: `http://127.0.0.1:${String(port)}/base`,
      user: 'u',
      token: 'hidden',
      skipTlsVerify: false,
    };
    const connection = new KubernetesConnection(access, options);
    connections.push(connection);
    return connection;
  };

  beforeEach(async () => {
    upgrade = accept(() => undefined);
    server = createServer().on('upgrade', (request, socket: Socket, head) => {
      seen = request;
      upgrade(request, socket, head);
    });
    server.on('connection', (socket) => sockets.add(socket));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(async () => {
    await Promise.all(connections.splice(0).map((one) => one.close()));
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  it('is asked for as the user of the connection, by a WebSocket', async () => {
    const socket = await openPodExec(connect(), { ...POD, container: 'c', stdin: true, tty: true }, signal);
    assert.equal(socket.protocol, 'v5.channel.k8s.io');
    assert.equal(
      seen?.url,
      '/base/api/v1/namespaces/n/pods/p/exec?container=c&stdin=true&stdout=true&stderr=false&tty=true&command=sh&command=-c&command=echo+secret',
    );
    assert.equal(seen?.headers.authorization, 'Bearer hidden');
    assert.equal(seen?.headers['sec-websocket-protocol'], 'v5.channel.k8s.io,v4.channel.k8s.io');
  });

  it('loses nothing that comes before somebody listens', async () => {
    upgrade = accept((socket) => socket.send('\u0001first'));
    const socket = await openPodExec(connect(), POD, signal);
    await new Promise((resolve) => setImmediate(resolve));
    const message = once(socket, 'message');
    socket.resume();
    assert.equal(String((await message)[0]), '\u0001first');
  });

  it('is refused with the Status of the API server, or the words of the kubelet', async () => {
    const body = JSON.stringify(status(403, 'Forbidden', 'not you'));
    const head = (type: string, text: string): string =>
      `Content-Type: ${type}\r\nContent-Length: ${String(text.length)}\r\n\r\n${text}`;
    upgrade = refuse(`HTTP/1.1 403 Forbidden\r\n${head('application/json', body)}`);
    await assert.rejects(openPodExec(connect(), POD, signal), (error) => {
      assert.ok(error instanceof KubernetesError);
      assert.deepEqual([error.status, error.reason, error.message], [403, 'Forbidden', 'not you']);
      return true;
    });
    upgrade = refuse(`HTTP/1.1 500 Error\r\n${head('text/plain', 'container not found ("c")\n')}`);
    await assert.rejects(openPodExec(connect(), POD, signal), {
      status: 500,
      message: 'container not found ("c")',
    });
    upgrade = refuse(`HTTP/1.1 502 Bad\r\n${head('text/html', '<html>')}`);
    await assert.rejects(openPodExec(connect(), POD, signal), (error) => {
      assert.ok(error instanceof KubernetesError);
      assert.equal(error.message, 'GET /api/v1/namespaces/n/pods/p/exec was answered with 502');
      return true;
    });
  });

  it('does not wait for its beginning for ever', async () => {
    upgrade = () => undefined;
    await assert.rejects(openPodExec(connect(), { ...POD, timeoutMs: 30 }, signal), (error) => {
      assert.ok(error instanceof KubernetesUnreachableError);
      assert.equal(error.code, 'TIMEOUT');
      return true;
    });
    // Nor for the whole of a refusal.
    upgrade = (_request, socket) =>
      void socket.write('HTTP/1.1 500 Error\r\nContent-Length: 100\r\n\r\nhalf');
    await assert.rejects(
      openPodExec(connect(), { ...POD, timeoutMs: 30 }, signal),
      KubernetesUnreachableError,
    );
  });

  it('ends with the signal, and with the connection', async () => {
    const reason = new Error('enough');
    const abort = new AbortController();
    upgrade = () => abort.abort(reason);
    await assert.rejects(openPodExec(connect(), POD, abort.signal), reason);

    upgrade = accept(() => undefined);
    const later = new AbortController();
    const one = await openPodExec(connect(), POD, later.signal);
    one.resume();
    const closed = once(one, 'close');
    later.abort();
    assert.equal((await closed)[0], 1006);

    const connection = connect();
    const other = await openPodExec(connection, POD, signal);
    other.resume();
    const ended = once(other, 'close');
    await connection.close();
    await ended;
  });

  it('lets no message be too long', async () => {
    upgrade = accept((socket) => {
      socket.on('error', () => undefined);
      socket.send(Buffer.alloc(1024 * 1024 + 1));
    });
    const socket = await openPodExec(connect(), POD, signal);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.resume();
    assert.equal(await closed, 1006);
  });

  it('leads into no denied network', async () => {
    const { port } = server.address() as AddressInfo;
    const access = { server: `http://localhost:${String(port)}`, user: 'u', skipTlsVerify: false };
    const deniedNetworks = new DeniedNetworks('127.0.0.0/8,::1/128');
    const connection = new KubernetesConnection(access, { deniedNetworks });
    connections.push(connection);
    seen = undefined;
    await assert.rejects(openPodExec(connection, POD, signal), /lets no cluster be in/);
    assert.equal(seen, undefined);
  });

  it('ends with a code, or without one', () => {
    assert.deepEqual(exitOf('{"metadata":{},"status":"Success"}'), { code: 0, message: undefined });
    const causes = [{ reason: 'ExitCode', message: '7' }];
    const failed = { status: 'Failure', reason: 'NonZeroExitCode', message: 'm', details: { causes } };
    assert.deepEqual(exitOf(JSON.stringify(failed)), { code: 7, message: 'm' });
    const never = {
      status: 'Failure',
      reason: 'InternalError',
      message: 'no',
      details: { causes: [{ message: 'x' }] },
    };
    assert.deepEqual(exitOf(JSON.stringify(never)), { code: undefined, message: 'no' });
  });
});
