import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import {
  canStartRabbit,
  freePort,
  rabbitUrl,
  requireOrSkip,
  ServiceNotReadyError,
  spawnService,
  speaksAmqp,
  startRabbit,
  startTestMongo,
  topologyPrefix,
  waitFor,
  WaitTimeoutError,
} from '@cetus/test-kit';

const KIT = fileURLToPath(new URL('../src/index.ts', import.meta.url));
const node = (code: string): [string, ...string[]] => [process.execPath, '-e', code];

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('test kit: waitFor', () => {
  it('returns what the probe gives, and takes an exception as not yet', async () => {
    let calls = 0;
    const value = await waitFor(() => {
      calls += 1;
      if (calls < 3) throw new Error('not yet');
      return 'there';
    });
    assert.equal(value, 'there');
  });

  it('says what it waited for and why it was not so', async () => {
    const probe = () => assert.equal(1, 2, 'one is not two');
    await assert.rejects(waitFor(probe, { timeoutMs: 20, what: 'equality' }), (error: unknown) => {
      assert.ok(error instanceof WaitTimeoutError);
      assert.match(error.message, /^equality did not come true in 20 ms: one is not two/);
      return true;
    });
  });
});

describe('test kit: spawnService', () => {
  it('waits for the ready line, keeps the output, and stops in order', async () => {
    const code = `console.error('noise'); process.on('SIGTERM', () => process.exit(3)); console.log('ready 1'); setInterval(() => {}, 1000)`;
    const service = await spawnService(node(code), { ready: /^ready/ });
    assert.equal(service.readyLine, 'ready 1');
    assert.deepEqual(await service.stop(), { code: 3, signal: null });
    assert.match(service.output(), /noise/);
    assert.equal(isAlive(service.pid), false);
  });

  it('kills as a crash would', async () => {
    const service = await spawnService(node(`console.log('ready'); setInterval(() => {}, 1000)`));
    assert.deepEqual(await service.kill9(), { code: null, signal: 'SIGKILL' });
  });

  it('shows the output of what does not become ready', async () => {
    await assert.rejects(
      spawnService(node(`console.error('no config'); process.exit(4)`)),
      (error: unknown) => {
        assert.ok(error instanceof ServiceNotReadyError);
        assert.match(error.message, /ended \(4\)[^]*no config/);
        return true;
      },
    );
    await assert.rejects(spawnService(['/nonexistent']), ServiceNotReadyError);
    const silent = spawnService(node('setInterval(() => {}, 1000)'), { readyMs: 200 });
    await assert.rejects(silent, /was not ready in 200 ms/);
  });

  it('passes on none of the variables of the tests', async () => {
    process.env.CETUS_TEST_LEAK = 'x';
    const service = await spawnService(
      node(`console.log(Object.keys(process.env).filter((k) => /CETUS/.test(k)).join() + '!')`),
      {
        env: { CETUS_GIVEN: '1' },
      },
    );
    delete process.env.CETUS_TEST_LEAK;
    assert.equal(service.readyLine, 'CETUS_GIVEN!');
    await service.exited;
  });

  it('ends what it started when the tests are killed', async () => {
    const code = `
      const { spawnService } = await import(${JSON.stringify(KIT)});
      const s = await spawnService([process.execPath, '-e', 'console.log(1); setInterval(() => {}, 1000)'], { group: true });
      console.log('pid ' + s.pid);
      setInterval(() => {}, 1000);`;
    const args = ['--conditions=@cetus/source', '--import', 'tsx', '--input-type=module', '-e', code];
    const tests = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const [data] = (await once(tests.stdout, 'data')) as [Buffer];
    const pid = Number(/pid (\d+)/.exec(data.toString())?.[1]);
    assert.ok(isAlive(pid));
    tests.kill('SIGKILL');
    await waitFor(() => !isAlive(pid));
  });
});

describe('test kit: freePort', () => {
  it('never gives the same port twice', async () => {
    const ports = await Promise.all(Array.from({ length: 50 }, () => freePort()));
    assert.equal(new Set(ports).size, 50);
  });
});

describe('test kit: MongoDB', () => {
  it('is shared by all suites, each with databases of its own', async function () {
    this.timeout(120_000);
    const [a, b] = await Promise.all([startTestMongo(), startTestMongo()]);
    assert.equal(a, b);
    const [one, two] = [a.db('one'), a.db('two')];
    assert.notEqual(one.databaseName, two.databaseName);
    await one.collection('c').insertOne({ x: 1 });
    assert.equal(await one.collection('c').countDocuments(), 1);
    assert.equal(await two.collection('c').countDocuments(), 0);
  });
});

describe('test kit: RabbitMQ', () => {
  it('tells a broker from any other listener', async () => {
    const server = createServer((socket) => {
      socket.resume().on('error', () => undefined);
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    assert.equal(await speaksAmqp('127.0.0.1', port), false);
    server.close();
    await once(server, 'close');
    assert.equal(await speaksAmqp('127.0.0.1', port), false);
  });

  it('finds the one of the machine', async function () {
    const url = await rabbitUrl();
    requireOrSkip(this, url, 'no RabbitMQ answers');
    assert.match(url, /^amqps?:/);
    assert.notEqual(topologyPrefix('bus'), topologyPrefix('bus'));
  });

  it('starts one of its own, kills it, and starts it again with its data', async function () {
    requireOrSkip(this, canStartRabbit(), 'rabbitmq-server is not installed');
    this.timeout(120_000);
    const amqplib = await import('amqplib');
    const rabbit = await startRabbit();
    try {
      const first = await amqplib.connect(rabbit.url);
      first.on('error', () => undefined);
      const lost = new Promise((resolve) => first.once('close', resolve));
      const channel = await first.createConfirmChannel();
      await channel.assertQueue('q', { durable: true });
      channel.sendToQueue('q', Buffer.from('kept'), { persistent: true });
      await channel.waitForConfirms();
      await rabbit.kill9();
      await lost;
      assert.equal(await speaksAmqp('127.0.0.1', rabbit.port), false);
      await rabbit.start();
      const second = await amqplib.connect(rabbit.url);
      second.on('error', () => undefined);
      const message = await waitFor(async () => (await second.createChannel()).get('q', { noAck: true }));
      assert.equal(message.content.toString(), 'kept');
      await second.close();
    } finally {
      await rabbit.stop();
    }
    assert.equal(await speaksAmqp('127.0.0.1', rabbit.port), false);
  });
});
