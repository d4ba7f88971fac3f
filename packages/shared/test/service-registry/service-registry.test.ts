import assert from 'node:assert/strict';
import { waitFor } from '@cetus/test-kit';
import { Heartbeat, isUp, ServiceRegistry, type ServiceRecord } from '@cetus/shared/service-registry';
import { ensureServiceIndexes } from '@cetus/shared/service-registry';
import type { Store } from '@cetus/shared/store';
import { openTestStore } from '../store/test-store.ts';

const NOW = new Date('2030-01-01T00:00:00Z');
const ago = (seconds: number): Date => new Date(NOW.getTime() - seconds * 1000);

function record(_id: string, changes: Partial<ServiceRecord> = {}): ServiceRecord {
  return {
    _id,
    binary: 'cetus-conductor',
    host: 'h1',
    started_at: ago(100),
    last_seen_at: NOW,
    stopped_at: null,
    report_count: 1,
    created_at: ago(100),
    drivers: [],
    ...changes,
  };
}

describe('the registry of services', () => {
  let store: Store;
  let registry: ServiceRegistry;

  before(async () => {
    store = await openTestStore('service-registry');
    await ensureServiceIndexes(store.db);
  });
  beforeEach(async () => {
    await store.db.collection('services').deleteMany({});
    registry = new ServiceRegistry(store);
  });
  after(() => store.close());

  it('takes a process for dead that is silent for thirty seconds, or that said good-bye', () => {
    assert.equal(isUp(record('a', { last_seen_at: ago(29) }), NOW), true);
    assert.equal(isUp(record('a', { last_seen_at: ago(30) }), NOW), false);
    assert.equal(isUp(record('a', { stopped_at: NOW }), NOW), false);
  });

  it('lists the newest of each binary and host, and the others that are up', async () => {
    await registry.report(record('old', { last_seen_at: ago(600) }));
    await registry.report(record('older', { last_seen_at: ago(700) }));
    await registry.report(record('a'));
    await registry.report(record('b', { last_seen_at: ago(5) }));
    await registry.report(record('down', { host: 'h2', last_seen_at: ago(900) }));
    await registry.report(record('api', { binary: 'cetus-api' }));
    const list = await registry.list(NOW);
    assert.deepEqual(
      list.map(({ _id }) => _id),
      ['api', 'a', 'b', 'down'],
    );
    const up = await registry.up('cetus-conductor', NOW);
    assert.deepEqual(up.map(({ _id }) => _id).sort(), ['a', 'b']);
  });

  it('answers the drivers of the conductors that reported last, also when none is up', async () => {
    assert.deepEqual(await registry.drivers(), []);
    const drivers = [{ name: 'heat', capabilities: ['create' as const] }];
    await registry.report(record('a', { last_seen_at: ago(6_020), stopped_at: ago(6_020), drivers }));
    await registry.report(record('b', { last_seen_at: ago(6_030) }));
    await registry.report(record('api', { binary: 'cetus-api' }));
    assert.deepEqual(await registry.drivers(), [], 'remembered for five seconds');
    assert.deepEqual(await registry.drivers(Date.now() + 5_000), drivers);
  });

  it('answers what conductors offer together, whoever reported last', async () => {
    const heat = { name: 'heat', capabilities: ['create' as const, 'resize' as const] };
    const magnum = { name: 'magnum', capabilities: ['create' as const] };
    const taken = { name: 'import', capabilities: ['import' as const] };
    const found = async () => (await new ServiceRegistry(store).drivers()).map(({ name }) => name);
    for (const [a, b] of [
      [0, 9],
      [9, 0],
    ] as const) {
      await registry.report(record('a', { last_seen_at: ago(a), drivers: [heat, taken] }));
      await registry.report(record('b', { last_seen_at: ago(b), drivers: [magnum, taken] }));
      assert.deepEqual(await found(), ['heat', 'magnum', 'import']);
    }
    // One that restarts has not taken its driver away.
    await registry.report(
      record('a', { last_seen_at: ago(29), stopped_at: ago(29), drivers: [heat, taken] }),
    );
    assert.deepEqual(await found(), ['heat', 'magnum', 'import']);
    await registry.report(record('a', { last_seen_at: ago(30), drivers: [heat, taken] }));
    assert.deepEqual(await found(), ['magnum', 'import']);
  });

  it('does not remember that it could not ask', async () => {
    let broken = true;
    const flaky = new ServiceRegistry({
      db: {
        collection: () => ({
          findOne: () => (broken ? Promise.reject(new Error('no answer')) : Promise.resolve(record('a'))),
          find: () => ({ toArray: () => Promise.resolve([record('a')]) }),
        }),
      } as never,
    });
    await assert.rejects(flaky.drivers(), /no answer/);
    broken = false;
    assert.deepEqual(await flaky.drivers(), []);
  });

  it('is told at the start of a process, now and then, and at its end', async () => {
    const warned: string[] = [];
    const heartbeat = new Heartbeat({
      binary: 'cetus-conductor',
      backbone: { store },
      logger: { warn: (_: unknown, message?: string) => void warned.push(String(message)) } as never,
      drivers: [{ name: 'heat', capabilities: ['create'] }],
      intervalMs: 20,
    });
    await heartbeat.start();
    const [first] = await registry.list();
    assert.equal(first?.report_count, 1);
    assert.deepEqual(first?.drivers, [{ name: 'heat', capabilities: ['create'] }]);
    const later = await waitFor(
      async () => {
        const [found] = await registry.list();
        return found !== undefined && found.report_count > 2 ? found : null;
      },
      { what: 'it reports again' },
    );
    assert.ok(isUp(later));
    assert.equal(later.created_at.getTime(), first?.created_at.getTime());
    await heartbeat.stop();
    const [last] = await registry.list();
    assert.ok(last !== undefined && !isUp(last));
    assert.deepEqual(warned, []);
  });
});
