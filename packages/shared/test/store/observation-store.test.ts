import assert from 'node:assert/strict';
import { newObject } from '@cetus/shared/operations';
import { buildEvent } from '@cetus/shared/notifications';
import type {
  ApplicationStatus,
  ApplicationSpec,
  Observation,
  StoredApplication,
} from '@cetus/shared/schemas';
import {
  APPLICATION,
  collectionOf,
  LeaseLostError,
  ObservationStore,
  ReconcileStore,
  type ObservationWrite,
  type ObservedApplication,
  type PlacedApplication,
} from '@cetus/shared/store';
import { requester } from './builders.ts';
import { openSpyingStore } from './test-store.ts';

const OBSERVATION: Observation = {
  phase: 'Running',
  generation: 1,
  settled: true,
  replicas: { desired: 1, updated: 1, ready: 1, available: 1 },
  cause: null,
  service: null,
  since: new Date('2030-01-01T00:00:00Z'),
  token: 0,
};

const SCALING = { min_replicas: 1, max_replicas: 2, cpu_percent: 50 };

describe('ObservationStore', () => {
  let store: Awaited<ReturnType<typeof openSpyingStore>>;
  let observations: ObservationStore;

  before(async () => {
    store = await openSpyingStore('observations');
    observations = new ObservationStore(store);
  });
  beforeEach(() => collectionOf(store.db, APPLICATION).deleteMany({}));
  after(() => store.close());

  async function seed(
    clusters: readonly string[],
    changes: Partial<StoredApplication> = {},
  ): Promise<StoredApplication> {
    const placements = clusters.map((cluster_id) => ({ cluster_id, namespace: 'n', workload_generation: 1 }));
    const made: StoredApplication = {
      ...newObject<ApplicationSpec, ApplicationStatus>({
        kind: APPLICATION,
        caller: requester(),
        name: crypto.randomUUID().slice(0, 8),
        spec: {
          kind: 'stateless',
          stopped: false,
          paused: false,
          autoscaling: SCALING,
          placements: [{ cluster_id: 'c1', overrides: { autoscaling: SCALING, env: { A: 'b' } } }],
          sealed: { v: 1 },
        } as never,
        status: { placements: placements as never, applied_spec: null },
        deadlineMs: 60_000,
      }),
      observed: {},
      health_conditions: [],
      revisions: [],
      ...changes,
    };
    await collectionOf(store.db, APPLICATION).insertOne(made);
    return made;
  }

  const read = async (id: string): Promise<StoredApplication> => {
    const found = await collectionOf(store.db, APPLICATION).findOne({ _id: id });
    assert.ok(found !== null);
    return found;
  };

  const seen = (current: ObservedApplication, changes: Partial<Observation> = {}): ObservationWrite => ({
    observation: { ...OBSERVATION, ...changes },
    conditions: [],
    events: [
      buildEvent(
        APPLICATION,
        current,
        current.sequence + 1,
        { what: 'condition.changed', state: 'CREATE_COMPLETE', previousState: null, operation: null },
        new Date(),
      ),
    ],
  });

  async function placed(clusterId: string): Promise<PlacedApplication[]> {
    const all: PlacedApplication[] = [];
    for await (const batch of observations.placed(clusterId)) all.push(...batch);
    return all;
  }

  it('finds the applications in a cluster by an index, without what is large', async () => {
    for (let index = 0; index < 30; index += 1) await seed(['other']);
    const one = await seed(['c1', 'other'], { observed: { c1: OBSERVATION, other: OBSERVATION } });
    await seed(['c1'], { deleted_at: new Date() });
    const [explained] = await store.explain(() => placed('c1'));
    assert.ok(explained?.stages.includes('IXSCAN'));
    assert.equal(explained?.docsExamined, 1);
    const [found, ...rest] = await placed('c1');
    assert.deepEqual([found?._id, rest.length, Object.keys(found?.observed ?? {})], [one._id, 0, ['c1']]);
    assert.deepEqual(found?.spec, {
      kind: 'stateless',
      stopped: false,
      paused: false,
      autoscaling: SCALING,
      placements: [{ overrides: { autoscaling: SCALING } }],
    });
    assert.deepEqual(
      (await observations.find([one._id, 'nobody'])).map(({ _id, operation }) => [_id, operation?.state]),
      [[one._id, 'IN_PROGRESS']],
    );
  });

  it('reads more applications than one batch has', async () => {
    const one = await seed(['c1']);
    const many = Array.from({ length: 1_200 }, (_, index) => ({
      ...one,
      _id: `a${String(index)}`,
      name: `n${String(index)}`,
    }));
    await collectionOf(store.db, APPLICATION).insertMany(many);
    assert.equal(new Set((await placed('c1')).map(({ _id }) => _id)).size, 1_201);
  });

  it('writes what was seen in one cluster, between the writes of others', async () => {
    const { _id } = await seed(['c1', 'c2']);
    const reconciler = new ReconcileStore(store, APPLICATION);
    const claimed = await reconciler.claim(_id, 'r', 10_000);
    assert.ok(typeof claimed === 'object');
    await Promise.all([
      observations.write(_id, 'c1', 3, (current) => seen(current)),
      observations.write(_id, 'c2', 5, (current) => seen(current, { phase: 'Degraded' })),
      reconciler.commit(claimed.object, (current) => ({
        events: [],
        status: { ...current.status, state_reason: 'x' },
      })),
    ]);
    const found = await read(_id);
    assert.deepEqual([found.observed['c1']?.token, found.observed['c2']?.token], [3, 5]);
    assert.deepEqual([found.observed['c1']?.phase, found.observed['c2']?.phase], ['Running', 'Degraded']);
    assert.deepEqual([found.status.state_reason, found.sequence, found.revision], ['x', 3, 4]);
    const numbers = found.pending_events.map(({ event }) => event.sequence);
    assert.deepEqual(numbers, ['1', '2', '3']);
  });

  it('builds on the newest document when another writer came first', async () => {
    const { _id } = await seed(['c1']);
    const generations: number[] = [];
    let first: Promise<unknown> = Promise.resolve();
    const collection = collectionOf(store.db, APPLICATION);
    const slow = new ObservationStore({
      db: {
        collection: () => ({
          findOne: (...args: Parameters<typeof collection.findOne>) => collection.findOne(...args),
          findOneAndUpdate: async (...args: Parameters<typeof collection.findOneAndUpdate>) => {
            await first;
            return collection.findOneAndUpdate(...args);
          },
        }),
      } as never,
    });
    const result = await slow.write(_id, 'c1', 1, (current) => {
      generations.push(current.generation);
      if (generations.length === 1)
        first = collection.updateOne({ _id }, { $inc: { revision: 1 }, $set: { generation: 9 } });
      return seen(current);
    });
    assert.deepEqual(generations, [1, 9]);
    assert.deepEqual([result?.written, result?.application.generation], [true, 9]);
    assert.ok(
      result !== null && !('revisions' in result.application) && !('sealed' in result.application.spec),
    );
  });

  it('writes nothing for a follower that another has followed', async () => {
    const { _id } = await seed(['c1']);
    await observations.write(_id, 'c1', 1, (current) => seen(current));
    await observations.takeOver('c1', 2);
    const { revision } = await read(_id);
    const late = observations.write(_id, 'c1', 1, (current) => seen(current, { phase: 'Missing' }));
    await assert.rejects(late, LeaseLostError);
    await observations.forget(_id, 'c1', 1);
    const found = await read(_id);
    assert.deepEqual(
      [found.revision, found.observed['c1']?.phase, found.observed['c1']?.token],
      [revision, 'Running', 2],
    );
    await observations.write(_id, 'c1', 2, (current) => seen(current, { phase: 'Missing' }));
    assert.equal((await read(_id)).observed['c1']?.phase, 'Missing');
  });

  it('does not let one who reads before and writes after a take-over write', async () => {
    const { _id } = await seed(['c1']);
    await observations.write(_id, 'c1', 1, (current) => seen(current));
    let taken: Promise<unknown> = Promise.resolve();
    const collection = collectionOf(store.db, APPLICATION);
    const slow = new ObservationStore({
      db: {
        collection: () => ({
          findOne: (...args: Parameters<typeof collection.findOne>) => collection.findOne(...args),
          findOneAndUpdate: async (...args: Parameters<typeof collection.findOneAndUpdate>) => {
            await taken;
            return collection.findOneAndUpdate(...args);
          },
        }),
      } as never,
    });
    const late = slow.write(_id, 'c1', 1, (current) => {
      taken = observations.takeOver('c1', 2);
      return seen(current, { phase: 'Missing' });
    });
    await assert.rejects(late, LeaseLostError);
    assert.equal((await read(_id)).observed['c1']?.phase, 'Running');
  });

  it('writes nothing of an application that is not in the cluster, or is deleted', async () => {
    const elsewhere = await seed(['c2']);
    const deleted = await seed(['c1'], { deleted_at: new Date() });
    for (const { _id } of [elsewhere, deleted])
      assert.equal(await observations.write(_id, 'c1', 1, (current) => seen(current)), null);
    assert.deepEqual((await read(elsewhere._id)).observed, {});
  });

  it('writes nothing when there is nothing to write', async () => {
    const { _id, revision } = await seed(['c1']);
    const result = await observations.write(_id, 'c1', 1, () => null);
    assert.deepEqual([result?.written, (await read(_id)).revision], [false, revision]);
  });

  it('takes away only what was seen of one that is not in the cluster any more', async () => {
    const { _id } = await seed(['c1']);
    await observations.write(_id, 'c1', 1, (current) => seen(current));
    await observations.forget(_id, 'c1', 1);
    assert.ok('c1' in (await read(_id)).observed);
    await collectionOf(store.db, APPLICATION).updateOne({ _id }, { $set: { 'status.placements': [] } });
    await observations.forget(_id, 'c1', 1);
    assert.deepEqual((await read(_id)).observed, {});
  });
});
