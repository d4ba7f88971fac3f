import assert from 'node:assert/strict';
import { Backbone } from '@cetus/shared/backbone';
import { Dispatcher } from '@cetus/shared/operations';
import { driverService, stateOf, stateReasonOf, type StoredCluster } from '@cetus/shared/schemas';
import { KeyRing, SecretBox } from '@cetus/shared/secrets';
import { createLogger, createMetrics, type Resource } from '@cetus/shared/service';
import { Heartbeat } from '@cetus/shared/service-registry';
import { CLUSTER, ReconcileStore, ScopedStore } from '@cetus/shared/store';
import { startTestMongo, waitFor } from '@cetus/test-kit';
import type { ClusterDriver } from '../src/cluster/cluster-driver.ts';
import { DriverRegistry } from '../src/cluster/driver-registry.ts';
import { ClusterService } from '../src/cluster-service.ts';
import { roundMetric } from '../src/round-metric.ts';
import { storedCluster } from './cluster/stored-cluster.ts';

const config = {
  CETUS_CONDUCTOR_CONCURRENCY: 4,
  CETUS_LEASE_SECONDS: 30,
  CETUS_RESYNC_SECONDS: 600,
  CETUS_RETAIN_DELETED_HOURS: 1,
  CETUS_DRAIN_TIMEOUT_MINUTES: 1,
};

describe('conductors that have different drivers', () => {
  const logger = createLogger({ service: 'conductor-test', level: 'silent' });
  let backbone: Backbone;
  let clusters: ReconcileStore<StoredCluster>;
  const conductors: Resource[] = [];
  /** Which driver did something, of whose conductor. */
  const done: string[] = [];

  /** Everything is done at once by it, and told as done by `owner`. */
  const driver = (name: string, owner: string): ClusterDriver => ({
    description: { name, capabilities: ['create'] },
    apply: () => {
      done.push(`${name} of ${owner}`);
      return Promise.resolve({ phase: 'done', facts: {} });
    },
    remove: () => Promise.resolve({ phase: 'done', facts: {} }),
    inspect: () => Promise.resolve({ facts: {}, failure: null, drift: null }),
    check: () => Promise.resolve({ problems: [], image: { id: owner, os_distro: null } }),
  });

  before(async () => {
    const mongo = await startTestMongo();
    const uri = new URL(mongo.uri);
    uri.pathname = mongo.databaseName('cluster-service');
    backbone = new Backbone({ CETUS_MONGODB_URL: uri.href, CETUS_EVENT_RETENTION_DAYS: 1 }, logger);
    await backbone.start();
    clusters = new ReconcileStore(backbone.store, CLUSTER);
    const offers = [
      ['a', 'heat', 'import'],
      ['b', 'magnum', 'import'],
    ].map(([owner = '', ...names]) => ({
      owner,
      drivers: new DriverRegistry(names.map((name) => driver(name, owner))),
    }));
    const heartbeats = offers.map(
      ({ owner, drivers }) =>
        new Heartbeat({
          binary: 'cetus-conductor',
          id: owner,
          backbone,
          logger,
          drivers: drivers.describe(),
        }),
    );
    const services = offers.map(
      (offer) =>
        new ClusterService({
          ...offer,
          config,
          backbone,
          secrets: new SecretBox(KeyRing.parse(`k1:${Buffer.alloc(32, 7).toString('base64')}`)),
          logger,
          rounds: roundMetric(createMetrics('conductor', { process: false })),
        }),
    );
    conductors.push(...heartbeats, ...services);
    for (const one of conductors) await one.start?.(new AbortController().signal);
  });
  after(async () => {
    for (const one of conductors.reverse()) await one.stop?.();
    await backbone.stop();
  });

  const accept = async (name: string): Promise<StoredCluster> => {
    const { object } = await new ScopedStore(backbone.store, CLUSTER).create(
      storedCluster({ creating: true, spec: { driver: name } }),
    );
    const dispatcher = new Dispatcher({ bus: backbone.bus, relay: backbone.relay, onError: assert.fail });
    await dispatcher.dispatch(CLUSTER, object);
    return object;
  };
  const until = (id: string, found: (cluster: StoredCluster) => boolean) =>
    waitFor(async () => found(await clusters.read(id)), { what: id });

  it('leave each cluster to one that has its driver', async () => {
    // Not in turns, as commands are given out in turns.
    for (const name of ['heat', 'heat', 'magnum', 'magnum']) {
      const { _id } = await accept(name);
      await until(_id, (cluster) => stateOf(cluster) === 'CREATE_COMPLETE');
      assert.equal((await clusters.read(_id)).lease_token, 1, 'no other has taken it');
    }
    assert.deepEqual(done, ['heat of a', 'heat of a', 'magnum of b', 'magnum of b']);
  });

  it('are asked about a driver that they have', async () => {
    const ask = async (name: string) => {
      const params = { driver: name, project_id: 'p', user_id: 'u' };
      const request = backbone.bus.request(driverService(name), 'cluster.validate', params, {
        timeoutMs: 30_000,
      });
      return ((await request) as { image: { id: string } }).image.id;
    };
    for (const [name, owner] of [
      ['heat', 'a'],
      ['magnum', 'b'],
      ['heat', 'a'],
      ['magnum', 'b'],
    ] as const)
      assert.equal(await ask(name), owner);
    assert.deepEqual(new Set([await ask('import'), await ask('import')]), new Set(['a', 'b']));
    await assert.rejects(ask('none'), { code: 'bus_unavailable' });
  });

  it('say what a cluster waits for whose driver none of them has', async () => {
    const { _id } = await accept('gone');
    await until(_id, (cluster) => (stateReasonOf(cluster) ?? '').includes('driver gone'));
    const cluster = await clusters.read(_id);
    assert.deepEqual([stateOf(cluster), cluster.lease], ['CREATE_IN_PROGRESS', null]);
  });
});
