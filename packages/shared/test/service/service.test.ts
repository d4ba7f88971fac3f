import assert from 'node:assert/strict';
import {
  createLogger,
  createService,
  ServiceStartError,
  ServiceStopError,
  type Logger,
  type Resource,
} from '@cetus/shared/service';

interface Line {
  msg: string;
  level: string;
  to?: string;
  resource?: string;
}

function logTo(lines: Line[]): Logger {
  return createLogger({
    service: 'test',
    level: 'debug',
    destination: { write: (line) => void lines.push(JSON.parse(line) as Line) },
  });
}

function recorder(calls: string[], name: string, over: Partial<Resource> = {}): Resource {
  return {
    name,
    start: async () => void calls.push(`start ${name}`),
    stop: async () => void calls.push(`stop ${name}`),
    ...over,
  };
}

const never = (): Promise<never> => new Promise(() => undefined);

describe('service: createService', () => {
  let calls: string[];
  let lines: Line[];
  const states = (): (string | undefined)[] => lines.filter(({ to }) => to).map(({ to }) => to);

  beforeEach(() => {
    calls = [];
    lines = [];
  });

  it('opens in order, closes in reverse, and logs every state', async () => {
    const resources = ['a', 'b', 'c'].map((name) => recorder(calls, name));
    const service = createService({ name: 's', logger: logTo(lines), resources });
    assert.equal(service.state, 'CREATED');
    await service.start();
    assert.equal(service.state, 'RUNNING');
    await Promise.all([service.stop(), service.stop()]);
    assert.deepEqual(calls, ['start a', 'start b', 'start c', 'stop c', 'stop b', 'stop a']);
    assert.deepEqual(states(), ['STARTING', 'RUNNING', 'DRAINING', 'STOPPED']);
  });

  it('closes what was opened when one cannot be, and names it', async () => {
    const cause = new Error('refused');
    const resources = [
      recorder(calls, 'a'),
      recorder(calls, 'b', { start: () => Promise.reject(cause) }),
      recorder(calls, 'c'),
    ];
    const service = createService({ name: 's', logger: logTo(lines), resources });
    await assert.rejects(service.start(), (error: unknown) => {
      assert.ok(error instanceof ServiceStartError);
      assert.equal(error.resource, 'b');
      assert.equal(error.cause, cause);
      return true;
    });
    assert.deepEqual(calls, ['start a', 'stop a']);
    assert.equal(service.state, 'FAILED');
    assert.equal(lines.find(({ level }) => level === 'fatal')?.resource, 'b');
    await service.stop();
    assert.deepEqual(calls, ['start a', 'stop a']);
  });

  it('goes on closing the others when one cannot be closed or takes too long', async () => {
    const resources = [
      recorder(calls, 'a'),
      recorder(calls, 'b', { stop: () => Promise.reject(new Error('broken')) }),
      recorder(calls, 'c', { stop: never }),
    ];
    const service = createService({ name: 's', logger: logTo(lines), resources, resourceStopMs: 10 });
    await service.start();
    await assert.rejects(service.stop(), (error: unknown) => {
      assert.ok(error instanceof ServiceStopError);
      assert.deepEqual(error.resources, ['c', 'b']);
      return true;
    });
    assert.equal(calls.at(-1), 'stop a');
    assert.equal(service.state, 'FAILED');
  });

  it('has one deadline for closing all', async () => {
    const resources = ['a', 'b', 'c'].map((name) => recorder(calls, name, { stop: never }));
    const service = createService({ name: 's', logger: logTo(lines), resources, shutdownMs: 20 });
    await service.start();
    await assert.rejects(service.stop(), { resources: ['c', 'b', 'a'] });
  });

  it('aborts a start that waits when it is told to stop', async () => {
    let waits: () => void = () => undefined;
    const waiting = new Promise<void>((resolve) => (waits = resolve));
    const resources = [
      recorder(calls, 'a'),
      recorder(calls, 'b', {
        start: (signal) =>
          new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => reject(signal.reason as Error));
            waits();
          }),
      }),
      recorder(calls, 'c'),
    ];
    const service = createService({ name: 's', logger: logTo(lines), resources });
    const started = assert.rejects(service.start(), { name: 'ServiceStartError', resource: 'b' });
    await waiting;
    await service.stop();
    await started;
    assert.deepEqual(calls, ['start a', 'stop a']);
    assert.equal(service.state, 'STOPPED');
  });

  it('closes a resource whose start ended only after everything else was closed', async () => {
    let finish: () => void = () => undefined;
    const slow = recorder(calls, 'slow', { start: () => new Promise((resolve) => (finish = resolve)) });
    const service = createService({ name: 's', logger: logTo(lines), resources: [slow], shutdownMs: 10 });
    const started = assert.rejects(service.start(), ServiceStartError);
    await assert.rejects(service.stop(), { resources: ['start'] });
    finish();
    await started;
    assert.deepEqual(calls, ['stop slow']);
  });

  it('is ready only while it runs and every resource is well', async () => {
    let well = true;
    const resources = [
      recorder(calls, 'good'),
      recorder(calls, 'db', {
        health: async () => {
          if (!well) throw new Error('cannot reach mongodb://user:hunter2@db');
        },
      }),
      recorder(calls, 'slow', { health: () => (well ? Promise.resolve() : never()) }),
    ];
    const logger = logTo(lines);
    const service = createService({ name: 's', logger, resources, healthTimeoutMs: 10, healthCacheMs: 0 });
    assert.equal((await service.health()).ready, false);
    await service.start();
    assert.equal((await service.health()).ready, true);
    well = false;
    const sick = await service.health();
    assert.equal(sick.ready, false);
    assert.equal(sick.resources.good?.ok, true);
    assert.equal(sick.resources.db?.error, 'cannot reach mongodb://[redacted]@db');
    assert.match(sick.resources.slow?.error ?? '', /did not end within 10 ms/);
    await service.stop();
    assert.deepEqual(await service.health(), { ready: false, state: 'STOPPED', resources: {} });
  });

  it('asks a resource once for everyone who asks at the same time', async () => {
    let asked = 0;
    const resources = [{ name: 'a', health: async () => void asked++ }];
    const service = createService({ name: 's', logger: logTo(lines), resources, healthCacheMs: 60_000 });
    await service.start();
    await Promise.all(Array.from({ length: 50 }, () => service.health()));
    await service.health();
    assert.equal(asked, 1);
    await service.stop();
  });

  it('refuses two resources of one name', () => {
    const resources = [recorder(calls, 'a'), recorder(calls, 'a')];
    assert.throws(() => createService({ name: 's', logger: logTo(lines), resources }), TypeError);
  });
});

describe('service: createLogger', () => {
  it('hides secrets by their names and keeps the causes of errors', () => {
    const written: string[] = [];
    const logger = createLogger({ service: 's', destination: { write: (line) => void written.push(line) } });
    logger.info({
      token: 'hunter2',
      request: { headers: { 'x-auth-token': 'hunter2', authorization: 'hunter2', accept: 'text/html' } },
      account: { password: 'hunter2' },
      err: new Error('outer', { cause: new Error('inner') }),
    });
    const [line = ''] = written;
    assert.ok(!line.includes('hunter2'), line);
    assert.match(line, /text\/html/);
    assert.match(line, /inner/);
    const parsed = JSON.parse(line) as Record<string, unknown>;
    assert.equal(parsed.service, 's');
    assert.equal(parsed.level, 'info');
  });
});
