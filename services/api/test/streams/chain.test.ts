import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { StreamServer } from '@cetus/conductor';
import { KubernetesConnection } from '@cetus/kubernetes/connection';
import { CHANNELS, exitOf, openPodExec, type PodExecOptions } from '@cetus/kubernetes/pod-exec';
import { openPodLog, type OpenPodLogOptions } from '@cetus/kubernetes/pod-log';
import { createAuthority, issueCertificate } from '@cetus/shared/pki';
import { createLogger, createMetrics } from '@cetus/shared/service';
import type { StreamTicket } from '@cetus/shared/streams';
import { KubernetesHost } from '@cetus/simcloud/kubernetes/kubernetes-host';
import { waitFor } from '@cetus/test-kit';
import { WebSocket } from 'ws';
import { PROJECT, startApi, type TestApi } from '../support/api.ts';
import { errorsOf } from '../support/answers.ts';
import { listen, streamRoutes } from '../support/streams.ts';

const POD = { namespace: 'default', name: 'web' };
const TERMINAL = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];

/** A client through the API, the process that has the ticket, to a simulated cluster. */
describe('A stream from a cluster to a client', () => {
  const host = new KubernetesHost({ seconds: { podStart: 0.02, podStop: 0.02, logLine: 0.02 } });
  let connection: KubernetesConnection;
  let server: StreamServer;
  let api: TestApi;
  let url: string;
  let issue: () => StreamTicket;
  const member = { 'x-auth-token': 'member' };

  const startServer = async (ticketMs?: number): Promise<void> => {
    server = new StreamServer({
      host: '127.0.0.1',
      port: 0,
      maxStreams: 10,
      maxStreamsPerProject: 10,
      idleMs: 60_000,
      logger: createLogger({ service: 'test', level: 'silent' }),
      metrics: createMetrics('test', { process: false }),
      ...(ticketMs === undefined ? {} : { ticketMs }),
    });
    await server.start();
  };
  const runPod = async (): Promise<void> => {
    const pods = '/api/v1/namespaces/default/pods';
    const spec = { containers: [{ name: 'web', image: 'web:1' }], terminationGracePeriodSeconds: 0 };
    await connection.request('POST', pods, { body: { metadata: { name: POD.name }, spec } });
    await waitFor(async () => {
      const { status } = await connection.get<{ status: { phase?: string } }>(`${pods}/${POD.name}`);
      return status.phase === 'Running';
    });
  };

  before(async () => {
    const authority = createAuthority({ commonName: 'kubernetes', days: 1 });
    const version = 'v1.33.2';
    const node = { name: 'n', role: 'master' as const, address: '10.0.0.1', version, taints: [] };
    await host.apply({ id: 'c', address: '127.0.0.1', port: 0, authority, version, nodes: [node] });
    const admin = issueCertificate(authority, {
      commonName: 'admin',
      organizations: ['system:masters'],
      usages: ['client'],
      days: 1,
    });
    connection = new KubernetesConnection({
      server: host.get('c')?.url ?? '',
      user: 'admin',
      skipTlsVerify: false,
      authorityCertificate: authority.certificate,
      clientCertificate: admin.certificate,
      clientKey: admin.key,
    });
    await runPod();
    api = await startApi();
    await streamRoutes(api.app, () => issue());
    url = await listen(api);
  });
  beforeEach(() => startServer());
  afterEach(() => server.stop());
  after(async () => {
    await api?.close();
    await connection?.close();
    await host.close();
  });

  const forLog = (options: Partial<OpenPodLogOptions> = {}): StreamTicket =>
    server.issueLog(PROJECT, (signal) => openPodLog(connection, { ...POD, ...options }, signal));
  const forExec = (options: Partial<PodExecOptions>): StreamTicket =>
    server.issueSocket(PROJECT, ({ protocols, signal }) =>
      openPodExec(connection, { ...POD, ...options, protocols }, signal),
    );
  const log = (signal?: AbortSignal): Promise<Response> =>
    fetch(`${url}/log`, { headers: member, ...(signal === undefined ? {} : { signal }) });
  const open = (protocols = TERMINAL): WebSocket =>
    new WebSocket(`${url.replace('http', 'ws')}/socket`, protocols, { headers: member });
  const channel = (number: number, text: string | Buffer): Buffer =>
    Buffer.concat([Buffer.from([number]), Buffer.from(text)]);
  /** What a program says, and how it ends. */
  const run = async (
    socket: WebSocket,
    begin?: () => void,
  ): Promise<{ stdout: string; stderr: string; code: number | undefined; closed: number }> => {
    const ran = { stdout: '', stderr: '', code: undefined as number | undefined, closed: 0 };
    socket.on('message', (data: Buffer) => {
      const text = data.subarray(1).toString();
      if (data[0] === CHANNELS.stdout) ran.stdout += text;
      if (data[0] === CHANNELS.stderr) ran.stderr += text;
      if (data[0] === CHANNELS.error) ran.code = exitOf(text).code;
    });
    const closed = new Promise<number>((resolve) => socket.once('close', resolve));
    await once(socket, 'open');
    begin?.();
    ran.closed = await closed;
    return ran;
  };

  it('follows a log, and ends at the cluster when the client leaves', async () => {
    let source: Promise<unknown> | undefined;
    issue = () =>
      server.issueLog(PROJECT, async (signal) => {
        const stream = await openPodLog(connection, { ...POD, follow: true }, signal);
        source = new Promise((resolve) => stream.once('close', resolve));
        return stream;
      });
    const abort = new AbortController();
    const answer = await log(abort.signal);
    let lines = 0;
    const reading = async (): Promise<void> => {
      for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) {
        lines += Buffer.from(chunk).toString().split('\n').length - 1;
        if (lines > 6) return;
      }
    };
    await reading();
    abort.abort();
    await source;
    await waitFor(() => server.taken === 0);
  });

  it('takes a ticket once, in its time, and only the right one', async () => {
    const once = forLog({ tailLines: 1 });
    issue = () => once;
    assert.match(await (await log()).text(), /^alive, line \d+\n$/);
    assert.equal((await log()).status, 503);
    issue = () => ({ ...forLog(), token: 'x'.repeat(43) });
    assert.equal((await log()).status, 503);
    await server.stop();
    await startServer(1);
    const old = forLog();
    await waitFor(() => server.taken === 0);
    issue = () => old;
    assert.equal((await log()).status, 503);
  });

  it('is refused as the cluster refuses it', async () => {
    issue = () => forLog({ container: 'other' });
    const answer = await log();
    const body = await answer.text();
    const [error] = errorsOf({
      statusCode: answer.status,
      body,
      headers: Object.fromEntries(answer.headers),
      json: <T>() => JSON.parse(body) as T,
    });
    assert.deepEqual(
      [answer.status, error?.code, error?.detail],
      [400, 'invalid_field', 'container other is not valid for pod web'],
    );
    issue = () => forExec({ name: 'none', command: ['true'] });
    const socket = open();
    socket.on('error', () => undefined);
    const status = await new Promise((resolve) =>
      socket.once('unexpected-response', (_request, response) => resolve(response.statusCode)),
    );
    assert.equal(status, 404);
    await waitFor(() => server.taken === 0);
  });

  it('runs a program with its input, output and code', async () => {
    issue = () => forExec({ command: ['cat'], stdin: true });
    const socket = open();
    const cat = await run(socket, () => {
      assert.equal(socket.protocol, 'v5.channel.k8s.io');
      socket.send(channel(CHANNELS.stdin, 'hello\n'));
      socket.send(channel(CHANNELS.close, Buffer.from([CHANNELS.stdin])));
    });
    assert.deepEqual(cat, { stdout: 'hello\n', stderr: '', code: 0, closed: 1000 });
    issue = () => forExec({ command: ['sh', '-c', 'echo out; echo err >&2; exit 7'] });
    assert.deepEqual(await run(open()), { stdout: 'out\n', stderr: 'err\n', code: 7, closed: 1000 });
    const older = open(['v4.channel.k8s.io']);
    assert.equal((await run(older)).code, 7);
    assert.equal(older.protocol, 'v4.channel.k8s.io');
  });

  it('tells a terminal its size', async () => {
    issue = () => forExec({ command: ['sh', '-c', 'read a; stty size'], stdin: true, tty: true });
    const socket = open();
    const { stdout, code } = await run(socket, () => {
      socket.send(channel(CHANNELS.resize, JSON.stringify({ Width: 120, Height: 40 })));
      socket.send(channel(CHANNELS.stdin, '\n'));
    });
    assert.deepEqual([stdout, code], ['\r\n40 120\r\n', 0]);
  });

  it('ends the program when the client leaves', async () => {
    let source: Promise<unknown> | undefined;
    issue = () =>
      server.issueSocket(PROJECT, async ({ protocols, signal }) => {
        const socket = await openPodExec(
          connection,
          { ...POD, command: ['cat'], stdin: true, protocols },
          signal,
        );
        source = new Promise((resolve) => socket.once('close', resolve));
        return socket;
      });
    const socket = open();
    await once(socket, 'open');
    socket.terminate();
    await source;
    await waitFor(() => server.taken === 0);
  });

  it('ends for the client when the process that serves it stops', async () => {
    issue = () => forLog({ follow: true });
    const answer = await log();
    issue = () => forExec({ command: ['cat'], stdin: true });
    const socket = open();
    const running = run(socket, () => void server.stop());
    const [, { closed }] = await Promise.all([assert.rejects(answer.text()), running]);
    assert.equal(closed, 1001);
    assert.equal((await log()).status, 429, 'no ticket can be had from a process that stops');
    await startServer();
  });

  it('ends for the client when the pod goes', async () => {
    issue = () => forLog({ follow: true });
    const answer = await log();
    await connection.request('DELETE', '/api/v1/namespaces/default/pods/web', {
      body: { gracePeriodSeconds: 0 },
    });
    assert.match(await answer.text(), /\n$/);
    await waitFor(async () => {
      const found = await connection.get<{ items: unknown[] }>('/api/v1/namespaces/default/pods');
      return found.items.length === 0;
    });
    await runPod();
  });
});
