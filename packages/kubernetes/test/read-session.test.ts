import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createSecureServer, type Http2SecureServer, type ServerHttp2Session } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createAuthority, issueCertificate } from '@cetus/shared/pki';
import { waitFor } from '@cetus/test-kit';
import { KubernetesConnection } from '../src/connection.ts';
import { ReadSession } from '../src/read-session.ts';

const LINE = '{"type":"BOOKMARK"}\n';

describe('The connection of all that is read', () => {
  const authority = createAuthority({ commonName: 'test', days: 1 });
  const { certificate: cert, key } = issueCertificate(authority, {
    commonName: 'kube-apiserver',
    dnsNames: [],
    ipAddresses: ['127.0.0.1'],
    usages: ['server'],
    days: 1,
  });
  const sessions: ServerHttp2Session[] = [];
  const open: AbortController[] = [];
  let server: Http2SecureServer;
  let proxy: Proxy;
  let reads: ReadSession;

  beforeEach(async () => {
    server = createSecureServer({ cert, key });
    server.on('session', (session) => void sessions.push(session));
    server.on('stream', (stream, { ':path': path }) => {
      stream.on('error', () => undefined);
      if (path === '/silent') return;
      stream.respond({ ':status': path === '/refused' ? 403 : 200, 'content-type': 'application/json' });
      if (path === '/refused') stream.end('{}');
      else stream.write(LINE);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    proxy = await Proxy.start((server.address() as AddressInfo).port);
    reads = session(proxy.port);
  });
  afterEach(async () => {
    for (const one of open.splice(0)) one.abort();
    await reads.close();
    proxy.close();
    for (const one of sessions.splice(0)) one.destroy();
    server.close();
  });

  function session(port: number, freshMs = 0): ReadSession {
    const tls = { ca: authority.certificate };
    const origin = new URL(`https://127.0.0.1:${String(port)}`);
    return new ReadSession({ origin, connect: tls, connectTimeoutMs: 2_000, pingMs: 300, freshMs });
  }

  function connectionTo(to: Server): KubernetesConnection {
    return new KubernetesConnection({
      server: `https://127.0.0.1:${String((to.address() as AddressInfo).port)}`,
      user: 'test',
      skipTlsVerify: false,
      authorityCertificate: authority.certificate,
    });
  }

  async function watch(path = '/watch') {
    const ended = new AbortController();
    open.push(ended);
    const answer = await reads.get(path, { accept: 'application/json' }, ended.signal);
    assert.ok(answer);
    const lines = answer.body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    return { ...answer, ended, next: async () => String((await lines.next()).value) };
  }

  it('carries any number of them', async () => {
    const all = await Promise.all(Array.from({ length: 40 }, () => watch()));
    assert.deepEqual(new Set(await Promise.all(all.map(({ next }) => next()))), new Set([LINE]));
    for (let i = 0; i < 20; i += 1) await watch();
    assert.equal(sessions.length, 1);
  });

  it('gives refusals as they are', async () => {
    const { statusCode, headers, next } = await watch('/refused');
    assert.deepEqual([statusCode, headers['content-type'], await next()], [403, 'application/json', '{}']);
  });

  it('ends one alone', async () => {
    const [one, other] = [await watch(), await watch()];
    await one.next();
    const reason = new Error('enough');
    one.ended.abort(reason);
    await assert.rejects(one.next(), reason);
    assert.equal(await other.next(), LINE);
  });

  it('stops waiting for one that does not begin', async () => {
    const reason = new Error('too long');
    const ended = new AbortController();
    const waiting = reads.get('/silent', {}, ended.signal);
    await waitFor(() => sessions.length === 1);
    ended.abort(reason);
    await assert.rejects(waiting, reason);
  });

  it('begins new ones elsewhere once the server goes away, which may end the others in peace', async () => {
    const before = await watch();
    sessions[0]?.goaway();
    await waitFor(async () => {
      await watch();
      return sessions.length === 2;
    });
    assert.equal(await before.next(), LINE);
  });

  it('is told when the connection is lost, and begins another', async () => {
    const one = await watch();
    await one.next();
    proxy.drop();
    await assert.rejects(one.next());
    await watch();
    assert.equal(sessions.length, 2);
  });

  it('does not begin on a connection that leads nowhere any more', async () => {
    const one = await watch();
    await one.next();
    proxy.swallow();
    await watch();
    assert.equal(sessions.length, 2);
    await assert.rejects(one.next());
  });

  it('is not asked again whether it leads anywhere when it has just shown that', async () => {
    await reads.close();
    reads = session(proxy.port, 60_000);
    let pings = 0;
    for (let i = 0; i < 5; i += 1) await watch();
    sessions[0]?.on('ping', () => (pings += 1));
    for (let i = 0; i < 5; i += 1) await watch();
    assert.deepEqual([sessions.length, pings], [1, 0]);
    // Until one does not answer.
    proxy.swallow();
    const ended = new AbortController();
    const waiting = reads.get('/watch', {}, ended.signal);
    const stop = setTimeout(() => ended.abort(new Error('too long')), 100);
    await assert.rejects(waiting, /too long/);
    clearTimeout(stop);
    await watch();
    assert.equal(sessions.length, 2);
  });

  it('tries again after it was refused', async () => {
    const { port } = proxy;
    proxy.close();
    await assert.rejects(watch(), { code: 'ECONNREFUSED' });
    proxy = await Proxy.start((server.address() as AddressInfo).port, port);
    await watch();
  });

  it('carries requests that read, too; those that change something have sockets of their own', async () => {
    const both = createSecureServer({ cert, key, allowHTTP1: true }, ({ httpVersion, method }, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ httpVersion, method }));
    });
    let sockets = 0;
    both.on('secureConnection', () => (sockets += 1));
    both.listen(0, '127.0.0.1');
    await once(both, 'listening');
    const connection = connectionTo(both);
    try {
      const asked = ['GET', 'GET', 'GET', 'PATCH', 'GET', 'DELETE'];
      const answers = [];
      for (const method of asked) answers.push((await connection.request(method, '/api', { body: {} })).body);
      assert.deepEqual(
        answers,
        asked.map((method) => ({ httpVersion: method === 'GET' ? '2.0' : '1.1', method })),
      );
      await Promise.all(Array.from({ length: 50 }, () => connection.get('/api')));
      assert.equal(sockets, 2);
    } finally {
      await connection.close();
      both.close();
    }
  });

  it('is none where the server does not speak HTTP/2, whose watches have a socket each', async () => {
    const old = createHttpsServer({ cert, key }, (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write(LINE);
    });
    const sockets: Socket[] = [];
    old.on('secureConnection', (socket: Socket) => sockets.push(socket));
    old.listen(0, '127.0.0.1');
    await once(old, 'listening');
    const connection = connectionTo(old);
    try {
      const { signal } = new AbortController();
      for (let i = 0; i < 3; i += 1) {
        const { body } = await connection.stream('/watch', { signal });
        body.once('error', () => undefined);
        const [chunk] = (await once(body, 'data')) as [Buffer];
        assert.equal(String(chunk), LINE);
      }
      assert.equal(sockets.filter(({ destroyed }) => !destroyed).length, 3);
    } finally {
      await connection.close();
      old.closeAllConnections();
      old.close();
    }
  });
});

/** What is between the two: it can be cut. */
class Proxy {
  readonly #pairs: [Socket, Socket][] = [];
  readonly #server: Server;

  static async start(to: number, port = 0): Promise<Proxy> {
    const proxy = new Proxy(to);
    proxy.#server.listen(port, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  private constructor(to: number) {
    this.#server = createServer((socket) => {
      const onward = connect(to, '127.0.0.1');
      for (const one of [socket, onward]) one.on('error', () => undefined);
      socket.pipe(onward).pipe(socket);
      this.#pairs.push([socket, onward]);
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Resets all connections. */
  drop(): void {
    for (const pair of this.#pairs.splice(0)) for (const socket of pair) socket.resetAndDestroy();
  }

  /** What is sent on the connections that there are is lost, and nobody is told. */
  swallow(): void {
    for (const [socket, onward] of this.#pairs) {
      socket.unpipe(onward);
      onward.unpipe(socket);
      socket.resume();
      onward.resume();
    }
  }

  close(): void {
    this.drop();
    this.#server.close();
  }
}
