import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { WebSocket } from 'ws';
import { KubernetesError } from '../../src/errors.ts';
import { CHANNELS, exitOf, openPodExec, type Exit, type PodExecOptions } from '../../src/pod-exec.ts';
import { kubernetesContract, refusal } from './bench.ts';

/** What came out of a program. */
interface Ran extends Exit {
  stdout: string;
  stderr: string;
  closed: number;
}

kubernetesContract('exec and attach', (bench) => {
  const { signal } = new AbortController();
  let pod: string;

  const open = (options: Partial<PodExecOptions>): Promise<WebSocket> =>
    openPodExec(bench.connection, { namespace: bench.namespace, name: pod, ...options }, signal);
  const gather = async (socket: WebSocket, told?: (ran: Ran) => void): Promise<Ran> => {
    const ran: Ran = { stdout: '', stderr: '', code: undefined, message: undefined, closed: 0 };
    socket.on('message', (data: Buffer) => {
      const text = data.subarray(1).toString();
      if (data[0] === CHANNELS.stdout) ran.stdout += text;
      else if (data[0] === CHANNELS.stderr) ran.stderr += text;
      else if (data[0] === CHANNELS.error) Object.assign(ran, exitOf(text));
      told?.(ran);
    });
    socket.resume();
    [ran.closed] = (await once(socket, 'close')) as [number];
    return ran;
  };
  const run = async (...command: string[]): Promise<Ran> => gather(await open({ command }));
  const send = (socket: WebSocket, channel: number, text: string | Buffer): void =>
    socket.send(Buffer.concat([Buffer.from([channel]), Buffer.from(text)]));

  before(async () => {
    pod = await bench.pod(
      {
        containers: [
          {
            name: 'c',
            image: bench.cluster.image,
            stdin: true,
            command: ['cat'],
            env: [{ name: 'A', value: 'b' }],
          },
        ],
      },
      'Running',
    );
  });

  it('runs a program and tells how it ended', async () => {
    const echo = await run('echo', 'hello', 'there');
    assert.deepEqual([echo.stdout, echo.stderr, echo.code, echo.closed], ['hello there\n', '', 0, 1000]);
    const failed = await run('sh', '-c', 'echo out; echo err >&2; exit 7');
    assert.deepEqual([failed.stdout, failed.stderr, failed.code, failed.closed], ['out\n', 'err\n', 7, 1000]);
  });

  it('runs it in the container', async () => {
    assert.equal((await run('cat', '/etc/hostname')).stdout, `${pod}\n`);
    assert.match((await run('env')).stdout, /^A=b$/m);
  });

  it('says that there is no such program', async () => {
    const { code, message } = await run('nosuch');
    assert.equal(code, undefined);
    assert.match(message ?? '', /exec: "nosuch": executable file not found in \$PATH/);
    assert.match((await run()).message ?? '', /args must not be empty/);
  });

  it('gives a program what is sent, and ends it when the client goes', async () => {
    const socket = await open({ command: ['cat'], stdin: true });
    const ended = gather(socket, ({ stdout }) => {
      if (stdout === 'hello\n') socket.close(1000);
    });
    send(socket, CHANNELS.stdin, 'hello\n');
    assert.equal((await ended).stdout, 'hello\n');
  });

  it('ends the standard input where the protocol can', async function () {
    const socket = await open({ command: ['cat'], stdin: true });
    if (socket.protocol !== 'v5.channel.k8s.io') {
      socket.terminate();
      this.skip();
    }
    const ended = gather(socket);
    send(socket, CHANNELS.stdin, 'hello\n');
    send(socket, CHANNELS.close, Buffer.from([CHANNELS.stdin]));
    const { stdout, code } = await ended;
    assert.deepEqual([stdout, code], ['hello\n', 0]);
  });

  it('has a terminal with a size', async () => {
    const socket = await open({
      command: ['sh', '-c', 'read a; stty size; echo $a'],
      stdin: true,
      tty: true,
    });
    const ended = gather(socket);
    send(socket, CHANNELS.resize, JSON.stringify({ Width: 91, Height: 33 }));
    send(socket, CHANNELS.stdin, 'typed\n');
    const { stdout, code } = await ended;
    assert.deepEqual([stdout, code], ['typed\r\n33 91\r\ntyped\r\n', 0]);
  });

  it('joins the program of a container', async () => {
    const socket = await open({ subresource: 'attach', stdin: true });
    const ended = gather(socket, ({ stdout }) => {
      if (stdout.includes('hello\n')) socket.close(1000);
    });
    send(socket, CHANNELS.stdin, 'hello\n');
    assert.match((await ended).stdout, /hello\n/);
  });

  it('answers a ping', async () => {
    const socket = await open({ command: ['cat'], stdin: true });
    socket.resume();
    socket.ping();
    await once(socket, 'pong');
    socket.terminate();
  });

  it('speaks v4 with whoever speaks nothing newer', async () => {
    const socket = await open({ command: ['echo', 'x'], protocols: ['v4.channel.k8s.io', 'other'] });
    assert.equal(socket.protocol, 'v4.channel.k8s.io');
    assert.equal((await gather(socket)).code, 0);
  });

  it('is refused before it begins', async () => {
    await refusal(open({ name: 'none', command: ['true'] }), 404, 'NotFound');
    const other = await refusal(open({ container: 'other', command: ['true'] }), 400, 'BadRequest');
    assert.equal(other.message, `container other is not valid for pod ${pod}`);
    const waiting = await bench.pod({ schedulerName: 'nobody', containers: [{ name: 'c', image: 'x' }] });
    const pending = await refusal(open({ name: waiting, command: ['true'] }), 400, 'BadRequest');
    assert.equal(pending.message, `pod ${waiting} does not have a host assigned`);
    const path = `${bench.path('pods')}/${pod}/exec`;
    const plain = await refusal(bench.get(path, { command: 'true', stdout: true }), 400, 'BadRequest');
    assert.equal(plain.message, 'Upgrade request required');
    await refusal(bench.put(path, {}), 405, 'MethodNotAllowed');
  });

  /** The kubelet's own refusals: an API server that speaks v5 tells of them when it has begun. */
  const kubeletRefusal = async (options: Partial<PodExecOptions>): Promise<string> => {
    try {
      const { code, message = '' } = await gather(await open({ command: ['true'], ...options }));
      assert.equal(code, undefined);
      return message;
    } catch (error) {
      assert.ok(error instanceof KubernetesError, String(error));
      return error.message;
    }
  };

  it('is refused by the node of a container that does not run', async () => {
    const over = await bench.pod(
      {
        restartPolicy: 'Never',
        containers: [{ name: 'c', image: bench.cluster.image, command: ['sh', '-c', 'exit 0'] }],
      },
      'Succeeded',
    );
    const v4 = { protocols: ['v4.channel.k8s.io'] };
    for (const more of [{}, v4])
      assert.match(await kubeletRefusal({ name: over, ...more }), /container not found \("c"\)$/);
    for (const more of [{}, v4])
      assert.match(
        await kubeletRefusal({ stdout: false, stderr: false, ...more }),
        /you must specify at least 1 of stdin, stdout, stderr$/,
      );
  });
});
