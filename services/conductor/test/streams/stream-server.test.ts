import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { PassThrough, Readable } from 'node:stream';
import { KubernetesError } from '@cetus/kubernetes/errors';
import { CetusError } from '@cetus/shared/errors';
import { createLogger, createMetrics } from '@cetus/shared/service';
import { MOST_WAITING_BYTES, type StreamTicket } from '@cetus/shared/streams';
import { waitFor } from '@cetus/test-kit';
import { WebSocket, WebSocketServer } from 'ws';
import { StreamServer, type StreamServerOptions } from '../../src/streams/stream-server.ts';

const PROJECT = 'a'.repeat(32);

describe('StreamServer', () => {
  const lines: string[] = [];
  const logger = createLogger({
    service: 'test',
    level: 'debug',
    destination: { write: (line: string) => void lines.push(line) },
  });
  let metrics: ReturnType<typeof createMetrics>;
  let server: StreamServer;
  let running = false;
  /** Stands for the cluster: sockets are opened to it. */
  let cluster: WebSocketServer;

  const start = async (options: Partial<StreamServerOptions> = {}): Promise<void> => {
    metrics = createMetrics('test', { process: false });
    server = new StreamServer({
      host: '127.0.0.1',
      port: 0,
      maxStreams: 10,
      maxStreamsPerProject: 5,
      idleMs: 60_000,
      logger,
      metrics,
      ...options,
    });
    await server.start();
    running = true;
  };
  const stop = async (): Promise<void> => {
    if (running) await server.stop();
    running = false;
  };
  beforeEach(async () => {
    lines.length = 0;
    cluster = new WebSocketServer({ port: 0, host: '127.0.0.1', clientTracking: true });
    cluster.on('connection', (socket) => socket.on('error', () => undefined));
    await once(cluster, 'listening');
  });
  afterEach(async () => {
    await stop();
    for (const client of cluster.clients) client.terminate();
    cluster.close();
  });

  const headers = ({ token }: Pick<StreamTicket, 'token'>): Record<string, string> => ({
    authorization: `Bearer ${token}`,
  });
  const get = (ticket: StreamTicket, signal?: AbortSignal): Promise<Response> =>
    fetch(ticket.url, { headers: headers(ticket), ...(signal === undefined ? {} : { signal }) });
  const errorOf = async (answer: Response): Promise<[number, string, string]> => {
    const { error } = (await answer.json()) as { error: { code: string; detail: string } };
    return [answer.status, error.code, error.detail];
  };
  const noTicket: [number, string, string] = [
    401,
    'unauthenticated',
    'The ticket is not good, or not any more',
  ];
  const openStreams = async (): Promise<string[]> =>
    (await metrics.registry.metrics())
      .split('\n')
      .filter((line) => /^cetus_conductor_streams\{.* [1-9]/.test(line));

  /** A socket to the cluster, paused, as an opener makes it. */
  const upstream = async (protocol = 'v4.channel.k8s.io'): Promise<WebSocket> => {
    const { port } = cluster.address() as { port: number };
    const socket = new WebSocket(`ws://127.0.0.1:${String(port)}`, protocol);
    socket.on('error', () => undefined);
    socket.once('open', () => socket.pause());
    await once(socket, 'open');
    return socket;
  };
  const reader = (ticket: StreamTicket, protocols: string[] = ['v4.channel.k8s.io']): WebSocket =>
    new WebSocket(ticket.url.replace('http', 'ws'), protocols, { headers: headers(ticket) });
  const refusedWith = async (socket: WebSocket): Promise<[number, string, string]> => {
    socket.on('error', () => undefined);
    const [, response] = (await once(socket, 'unexpected-response')) as [
      unknown,
      Readable & { statusCode: number },
    ];
    const chunks = (await response.toArray()) as Buffer[];
    return errorOf(new Response(Buffer.concat(chunks), { status: response.statusCode }));
  };

  it('sends the bytes that a ticket is for, once', async () => {
    await start();
    const ticket = server.issueLog(PROJECT, async () =>
      Readable.from([Buffer.from('one\n'), Buffer.from('two\n')]),
    );
    assert.match(ticket.url, /^http:\/\/127\.0\.0\.1:\d+$/);
    assert.ok(Date.parse(ticket.expires_at) > Date.now());
    const answer = await get(ticket);
    assert.deepEqual([answer.status, await answer.text()], [200, 'one\ntwo\n']);
    assert.deepEqual(await errorOf(await get(ticket)), noTicket);
    await waitFor(() => server.taken === 0);
    assert.ok(!lines.join('').includes(ticket.token), 'no token is logged');
  });

  it('takes no ticket that is wrong, expired or none', async () => {
    await start({ ticketMs: 1 });
    const unused = (): never => assert.fail('it is opened');
    const ticket = server.issueLog(PROJECT, unused);
    assert.deepEqual(await errorOf(await get({ ...ticket, token: 'x'.repeat(43) })), noTicket);
    assert.deepEqual(await errorOf(await fetch(ticket.url)), noTicket);
    // In the address it is none.
    assert.deepEqual(await errorOf(await fetch(`${ticket.url}/?token=${ticket.token}`)), noTicket);
    await waitFor(() => server.taken === 0);
    assert.deepEqual(await errorOf(await get(ticket)), noTicket);
    assert.deepEqual(
      await refusedWith(reader(server.issueSocket(PROJECT, unused))).then(([status]) => status),
      401,
    );
  });

  it('serves each ticket as what it is for', async () => {
    await start();
    const unused = (): never => assert.fail('it is opened');
    const [status, code] = await errorOf(await get(server.issueSocket(PROJECT, unused)));
    assert.deepEqual([status, code], [400, 'invalid_field']);
    assert.equal((await refusedWith(reader(server.issueLog(PROJECT, unused))))[0], 400);
    assert.equal(server.taken, 0);
  });

  it('refuses in the words of the cluster', async () => {
    await start();
    const refuse = (error: Error) => async (): Promise<never> => {
      throw error;
    };
    const info = { method: 'GET', path: '/x' };
    const status = (message: string): object => ({ kind: 'Status', message });
    const cases: [Error, [number, string, string]][] = [
      [new KubernetesError(info, 404, status('no pod')), [404, 'not_found', 'no pod']],
      [new KubernetesError(info, 400, status('no container')), [400, 'invalid_field', 'no container']],
      [new CetusError('conflict', 'not now'), [409, 'conflict', 'not now']],
      [new Error('a secret'), [500, 'internal_error', 'The service made a mistake']],
    ];
    for (const [error, answer] of cases) {
      assert.deepEqual(await errorOf(await get(server.issueLog(PROJECT, refuse(error)))), answer);
      assert.deepEqual(await refusedWith(reader(server.issueSocket(PROJECT, refuse(error)))), answer);
    }
    assert.equal(lines.filter((line) => line.includes('a stream could not be opened')).length, 2);
    await waitFor(() => server.taken === 0);
  });

  it('ends what it reads from when the reader goes', async () => {
    await start();
    const log = new PassThrough();
    const abort = new AbortController();
    let given: AbortSignal | undefined;
    const answer = await get(
      server.issueLog(PROJECT, async (signal) => {
        given = signal;
        return log;
      }),
      abort.signal,
    );
    assert.equal(answer.status, 200, 'it begins before there is a byte');
    assert.equal((await openStreams()).length, 1);
    const closed = once(log, 'close');
    abort.abort();
    await closed.catch(() => undefined);
    await waitFor(() => given?.aborted === true && server.taken === 0);
    assert.deepEqual(await openStreams(), []);
  });

  it('gives up opening when the reader goes', async () => {
    await start();
    let given: AbortSignal | undefined;
    const ticket = server.issueSocket(PROJECT, ({ signal }) => {
      given = signal;
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('gone'))));
    });
    const socket = reader(ticket);
    socket.on('error', () => undefined);
    await waitFor(() => given !== undefined);
    socket.terminate();
    await waitFor(() => given?.aborted === true && server.taken === 0);
    assert.ok(!lines.join('').includes('could not be opened'));
  });

  it('cuts the connection when what it reads from breaks off', async () => {
    await start();
    const log = new PassThrough();
    const answer = await get(server.issueLog(PROJECT, async () => log));
    log.write('half');
    log.destroy(new Error('reset'));
    await assert.rejects(answer.text());
    await waitFor(() => server.taken === 0);
  });

  it('does not read faster than its reader', async () => {
    await start();
    let produced = 0;
    const log = new Readable({
      read() {
        produced += 65_536;
        this.push(Buffer.alloc(65_536));
      },
    });
    const ticket = server.issueLog(PROJECT, async () => log);
    const { hostname, port } = new URL(ticket.url);
    const socket = connect(Number(port), hostname);
    // It never reads.
    socket.pause();
    socket.write(`GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${ticket.token}\r\n\r\n`);
    let before = -1;
    await waitFor(() => {
      const same = produced > 0 && produced === before;
      before = produced;
      return same;
    });
    assert.ok(log.readableLength <= 2 * 65_536, `${String(log.readableLength)} bytes wait`);
    socket.destroy();
    await waitFor(() => log.destroyed);
  });

  it('gives up a reader that takes nothing', async () => {
    await start({ idleMs: 20 });
    const log = new Readable({
      read() {
        this.push(Buffer.alloc(65_536));
      },
    });
    const ticket = server.issueLog(PROJECT, async () => log);
    const { hostname, port } = new URL(ticket.url);
    const socket = connect(Number(port), hostname).on('error', () => undefined);
    socket.pause();
    socket.write(`GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${ticket.token}\r\n\r\n`);
    await waitFor(() => log.destroyed && server.taken === 0);
    socket.destroy();
  });

  it('makes one connection of the reader and the cluster', async () => {
    await start();
    cluster.on('connection', (socket) => {
      socket.on('message', (data, binary) => socket.send(data, { binary }));
    });
    let offered: readonly string[] = [];
    const ticket = server.issueSocket(PROJECT, ({ protocols }) => {
      offered = protocols;
      return upstream();
    });
    const socket = reader(ticket, ['v5.channel.k8s.io', 'v4.channel.k8s.io']);
    await once(socket, 'open');
    assert.equal(socket.protocol, 'v4.channel.k8s.io');
    assert.deepEqual(offered, ['v5.channel.k8s.io', 'v4.channel.k8s.io']);
    assert.equal((await openStreams()).length, 1);
    for (const [data, binary] of [
      [Buffer.from([0, 1, 255]), true],
      [Buffer.from('text'), false],
    ] as const) {
      const echoed = once(socket, 'message');
      socket.send(data, { binary });
      assert.deepEqual(await echoed, [data, binary]);
    }
    const [client] = cluster.clients;
    const closed = once(client as WebSocket, 'close');
    socket.close(4007, 'enough');
    const [code, reason] = (await closed) as [number, Buffer];
    assert.deepEqual([code, reason.toString()], [4007, 'enough']);
    await waitFor(() => server.taken === 0);
    assert.deepEqual(await openStreams(), []);
    assert.equal((await refusedWith(reader(ticket)))[0], 401);
  });

  it('tells the reader how the cluster closed', async () => {
    await start();
    cluster.on('connection', (socket) => {
      socket.send('last');
      socket.close(1000, 'over');
    });
    const socket = reader(server.issueSocket(PROJECT, () => upstream()));
    const message = once(socket, 'message');
    const closed = once(socket, 'close');
    assert.equal(String((await message)[0]), 'last');
    const [code, reason] = (await closed) as [number, Buffer];
    assert.deepEqual([code, reason.toString()], [1000, 'over']);
  });

  it('refuses who does not speak as the cluster does', async () => {
    await start();
    const [status, code, detail] = await refusedWith(
      reader(
        server.issueSocket(PROJECT, () => upstream()),
        ['other'],
      ),
    );
    assert.deepEqual([status, code, detail], [400, 'invalid_field', 'Only v4.channel.k8s.io is spoken here']);
    await waitFor(() => cluster.clients.size === 0 && server.taken === 0);
  });

  it('does not read faster than either side, whatever comes', async () => {
    await start();
    let client: WebSocket | undefined;
    cluster.on('connection', (socket) => {
      client = socket;
      const message = Buffer.alloc(65_536);
      // As much as the network takes.
      const flood = (): void => {
        if (socket.readyState !== socket.OPEN) return;
        socket.send(message, flood);
      };
      flood();
    });
    let from: WebSocket | undefined;
    const socket = reader(
      server.issueSocket(PROJECT, async () => {
        from = await upstream();
        return from;
      }),
    );
    socket.once('open', () => socket.pause());
    await once(socket, 'open');
    await waitFor(() => from?.isPaused === true && (client?.bufferedAmount ?? 0) > 0);
    const kept = server.waitingBytes;
    assert.ok(kept > MOST_WAITING_BYTES);
    assert.ok(kept <= MOST_WAITING_BYTES + 2 * 65_536, `${String(kept)} bytes wait`);
    let read = 0;
    socket.on('message', (data: Buffer) => (read += data.length));
    socket.resume();
    await waitFor(() => read > 2 * kept);
    socket.terminate();
    await waitFor(() => server.taken === 0);
  });

  it('ends a socket in which nothing is said', async () => {
    await start({ idleMs: 20 });
    const socket = reader(server.issueSocket(PROJECT, () => upstream()));
    const [code, reason] = (await once(socket, 'close')) as [number, Buffer];
    assert.deepEqual([code, reason.toString()], [1001, 'nothing was sent for too long']);
    await waitFor(() => cluster.clients.size === 0);
  });

  it('has places for so many', async () => {
    await start({ maxStreams: 3, maxStreamsPerProject: 2 });
    const open = async (): Promise<Readable> => new PassThrough();
    const ticket = server.issueLog(PROJECT, open);
    server.issueLog(PROJECT, open);
    assert.throws(() => server.issueLog(PROJECT, open), { code: 'too_many_requests' });
    server.issueSocket('b'.repeat(32), () => upstream());
    assert.throws(() => server.issueLog('c'.repeat(32), open), { code: 'too_many_requests' });
    const abort = new AbortController();
    await get(ticket, abort.signal);
    assert.throws(() => server.issueLog(PROJECT, open), { code: 'too_many_requests' });
    abort.abort();
    await waitFor(() => server.taken === 2);
    server.issueLog(PROJECT, open);
  });

  it('ends everything when it stops', async () => {
    await start();
    const log = new PassThrough();
    const answer = await get(server.issueLog(PROJECT, async () => log));
    const socket = reader(server.issueSocket(PROJECT, () => upstream()));
    await once(socket, 'open');
    let asked = false;
    const opening = refusedWith(
      reader(
        server.issueSocket(PROJECT, ({ signal }) => {
          asked = true;
          return new Promise((_, reject) =>
            signal.addEventListener('abort', () => reject(signal.reason as Error)),
          );
        }),
      ),
    );
    const unused = server.issueLog(PROJECT, async () => log);
    const closed = once(socket, 'close');
    await waitFor(() => asked && server.taken === 4);
    const [, [code, reason], [status]] = await Promise.all([
      assert.rejects(answer.text()),
      closed as Promise<[number, Buffer]>,
      opening,
      stop(),
    ]);
    assert.deepEqual([code, reason.toString(), status], [1001, 'the process stops', 503]);
    assert.ok(log.destroyed);
    await waitFor(() => cluster.clients.size === 0);
    assert.equal(server.taken, 0);
    await assert.rejects(get(unused));
    assert.throws(() => server.issueLog(PROJECT, async () => log), { code: 'too_many_requests' });
  });

  it('stops though a reader does not answer', async () => {
    await start();
    const ticket = server.issueSocket(PROJECT, () => upstream());
    const { hostname, port } = new URL(ticket.url);
    const socket = connect(Number(port), hostname).on('error', () => undefined);
    socket.write(
      `GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
        `Sec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}\r\nAuthorization: Bearer ${ticket.token}\r\n\r\n`,
    );
    await once(socket, 'data');
    await stop();
    assert.equal(server.taken, 0);
    socket.destroy();
  });

  it('says how it is reached', async () => {
    await start({ url: 'https://streams.example/conductor-1' });
    assert.equal(
      server.issueLog(PROJECT, async () => new PassThrough()).url,
      'https://streams.example/conductor-1',
    );
    assert.throws(
      () =>
        new StreamServer({
          host: '0.0.0.0',
          port: 0,
          maxStreams: 1,
          maxStreamsPerProject: 1,
          idleMs: 1,
          logger,
          metrics,
        }),
      { name: 'ConfigError', message: /CETUS_STREAM_URL must be given/ },
    );
  });
});
