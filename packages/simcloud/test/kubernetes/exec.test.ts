import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { waitFor } from '@cetus/test-kit';
import { WebSocket } from 'ws';
import { ask, authority, client, ClusterBench } from './support.ts';

const V5 = 'v5.channel.k8s.io';
const V4 = 'v4.channel.k8s.io';
const PODS = '/api/v1/namespaces/default/pods';

interface Ran {
  /** What came, as `channel: text`. */
  messages: string[];
  status: { status?: string; message?: string; details?: { causes?: { message?: string }[] } };
}

describe('Programs in containers of a simulated cluster', () => {
  const bench = new ClusterBench();
  const admin = client('admin', ['system:masters']);
  afterEach(() => bench.close());

  const start = async (version = 'v1.33.2'): Promise<void> => {
    await bench.open({ version }, { seconds: { podStart: 0.02, podStop: 0.02, logLine: 0.02 } });
    const containers = [{ name: 'c', image: 'web:1', env: [{ name: 'A', value: 'b' }] }];
    await bench.send('POST', PODS, { metadata: { name: 'p' }, spec: { containers } });
    await bench.until(`${PODS}/p`, ({ status }) => status?.phase === 'Running');
  };
  const open = (query: string, protocols = [V5, V4], path = `${PODS}/p/exec`): WebSocket =>
    new WebSocket(`${bench.cluster.url.replace('https', 'wss')}${path}?${query}`, protocols, {
      ca: authority.certificate,
      cert: admin.certificate,
      key: admin.key,
    });
  const run = async (socket: WebSocket, begin?: () => void): Promise<Ran> => {
    const ran: Ran = { messages: [], status: {} };
    socket.on('message', (data: Buffer) => {
      const text = data.subarray(1).toString();
      if (data[0] === 3) ran.status = JSON.parse(text) as Ran['status'];
      else ran.messages.push(`${String(data[0])}: ${text}`);
    });
    const closed = once(socket, 'close');
    await once(socket, 'open');
    begin?.();
    assert.equal((await closed)[0], 1000);
    return ran;
  };
  const sh = (script: string): string =>
    `stdout=true&stderr=true&command=sh&command=-c&command=${encodeURIComponent(script)}`;
  const refused = async (socket: WebSocket): Promise<[number | undefined, string]> => {
    socket.on('error', () => undefined);
    const [, response] = await new Promise<[unknown, IncomingMessage]>((resolve) =>
      socket.once('unexpected-response', (...args) => resolve(args)),
    );
    return [response.statusCode, Buffer.concat((await response.toArray()) as Buffer[]).toString()];
  };

  it('understand simple scripts', async () => {
    await start();
    const cases: [string, string[], string | undefined][] = [
      ['echo a  "b  c" \'$A;\' $A "${A}"', ['1: a b  c $A; b b\n'], undefined],
      ['X=1; echo $X >&2; false', ['2: 1\n'], '1'],
      ['false; exit', [], '1'],
      ['nosuch', ['2: sh: nosuch: not found\n'], '127'],
      ['hostname; exit 300; echo never', ['1: p\n'], '44'],
      ['cat /nosuch', ["2: cat: can't open '/nosuch': No such file or directory\n"], '1'],
      ['sleep 0; cat; env', ['1: PATH=/bin\nHOSTNAME=p\nA=b\nHOME=/\n'], undefined],
    ];
    for (const [script, messages, code] of cases) {
      const ran = await run(open(sh(script)));
      assert.deepEqual([ran.messages, ran.status.details?.causes?.[0]?.message], [messages, code], script);
    }
  });

  it('are typed into', async () => {
    await start();
    const socket = open('stdin=true&stdout=true&tty=true&command=sh');
    const ran = await run(socket, () => {
      socket.send('\u0004no size');
      socket.send('\u0004{"Width":1,"Height":2}');
      socket.send('\u0000stty size\rexit 3\r');
    });
    assert.match(ran.messages.map((one) => one.slice(3)).join(''), /2 1\r\n# $/);
    assert.equal(ran.status.details?.causes?.[0]?.message, '3');
  });

  it('are served as the version serves them', async () => {
    await start('v1.29.0');
    const old = open('stdout=true&command=true');
    assert.deepEqual((await run(old)).messages, ['1: '], 'the kubelet says that it is there');
    assert.equal(old.protocol, V4);
    assert.deepEqual(await refused(open('stdout=true&command=true', [V5])), [403, '']);
    assert.deepEqual(await refused(open('command=true')), [
      400,
      'you must specify at least 1 of stdin, stdout, stderr',
    ]);
    await bench.close();
    await start();
    const ran = await run(open('command=true'));
    assert.equal(
      ran.status.message,
      'Internal error occurred: unable to upgrade connection: you must specify at least 1 of stdin, stdout, stderr',
    );
  });

  it('end with their client', async () => {
    await start();
    for (const script of ['sleep 1000', 'cat', 'read a']) {
      const socket = open(`stdin=true&${sh(script)}`);
      await once(socket, 'open');
      socket.terminate();
    }
    await bench.send('DELETE', `${PODS}/p`);
  });

  it('are joined, and end with their container', async () => {
    await start();
    const socket = open('stdout=true', [V5, V4], `${PODS}/p/attach`);
    const ran = await run(socket, () => {
      socket.once('message', () => void bench.send('DELETE', `${PODS}/p`));
    });
    assert.match(ran.messages.join(''), /alive, line \d+\n/);
    assert.equal(ran.status.status, 'Success');
  });

  it('cost nothing while nobody follows their log', async () => {
    await start();
    const before = bench.cluster.scheduler.size;
    const follower = open('stdout=true', [V4], `${PODS}/p/attach`);
    await once(follower, 'message');
    assert.equal(bench.cluster.scheduler.size, before + 1);
    follower.terminate();
    await waitFor(() => bench.cluster.scheduler.size === before);
  });

  it('refuse other protocols, and other addresses take no notice', async () => {
    await start();
    const headers = { connection: 'Upgrade', upgrade: 'SPDY/3.1' };
    const spdy = await ask(bench.cluster, `${PODS}/p/exec?command=true&stdout=true`, {
      method: 'POST',
      headers,
    });
    assert.deepEqual([spdy.status, spdy.body.message], [400, 'Upgrade request required']);
    const other = await ask(bench.cluster, '/version', { headers });
    assert.deepEqual([other.status, other.body.gitVersion], [200, 'v1.33.2']);
  });
});
