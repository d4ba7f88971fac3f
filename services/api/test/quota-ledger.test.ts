import { strict as assert } from 'node:assert';
import { randomUUID } from 'node:crypto';
import { CLUSTER, connectStore, ensureIndexes, type Store } from '@cetus/shared/store';
import { startTestMongo } from '@cetus/test-kit';
import fc from 'fast-check';
import { QuotaLedger } from '../src/quotas/ledger.ts';

const LIMIT = 20;
const MINUTE_MS = 60_000;

describe('api: the ledger of quotas', () => {
  let store: Store;
  let now = 0;
  let ledger: QuotaLedger;
  before(async () => {
    const mongo = await startTestMongo();
    store = await connectStore({ uri: mongo.uri, database: mongo.databaseName('ledger') });
    await ensureIndexes(store.db, CLUSTER);
    ledger = new QuotaLedger(store, () => new Date(now));
  });
  after(() => store.close());
  beforeEach(() => (now = Date.now()));

  const clusters = () =>
    store.db.collection<{ _id: string; project_id: string; deleted_at: Date | null }>(CLUSTER.collection);
  const living = (project_id: string) => clusters().countDocuments({ project_id, deleted_at: null });
  const ledgers = () =>
    store.db.collection<{ _id: string; settled: number; places: unknown[] }>('quota_usage');
  const taken = async (project: string) => {
    const { settled = 0, places = [] } = (await ledgers().findOne({ _id: project })) ?? {};
    return settled + places.length;
  };

  /** What the API does; a process that dies in between takes a place and writes nothing. */
  async function create(project_id: string, dies: boolean, limit = LIMIT): Promise<string | null> {
    const _id = randomUUID();
    if ((await ledger.take(project_id, _id, limit)) !== null) return null;
    if (!dies) await clusters().insertOne({ _id, project_id, deleted_at: null });
    return _id;
  }

  it('lets 20 of 50 through that come at once, whoever dies in between, once a minute has passed', async function () {
    this.timeout(60_000);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.boolean(), { minLength: 50, maxLength: 50 }),
        fc.integer({ min: 0, max: 25 }),
        async (mayDie, deaths) => {
          const project = randomUUID();
          let left = deaths;
          const dies = mayDie.map((may) => may && left-- > 0);
          const answers = await Promise.all(dies.map((one) => create(project, one)));
          const accepted = answers.filter((answer) => answer !== null).length;
          assert.equal(accepted, LIMIT);
          assert.ok((await living(project)) <= LIMIT);
          // The places of the dead are kept for a moment, then they are free.
          now += 2 * MINUTE_MS;
          await Promise.all(Array.from({ length: 50 }, () => create(project, false)));
          assert.equal(await living(project), LIMIT);
          assert.equal(await taken(project), LIMIT);
          assert.equal(await create(project, false), null);
        },
      ),
      { numRuns: 5 },
    );
  });

  it('keeps the place of a cluster that is just being written', async () => {
    const project = randomUUID();
    assert.equal(await ledger.take(project, 'a', 1), null);
    now += MINUTE_MS / 2;
    assert.equal(await ledger.take(project, 'b', 1), 1);
    now += MINUTE_MS;
    assert.equal(await ledger.take(project, 'b', 1), null);
  });

  it('gives the place of a deleted cluster to the next request', async () => {
    const project = randomUUID();
    const uuid = await create(project, false, 1);
    assert.equal(await create(project, false, 1), null);
    await clusters().updateOne({ _id: uuid ?? '' }, { $set: { deleted_at: new Date() } });
    assert.notEqual(await create(project, false, 1), null);
  });

  it('takes a place once for one cluster, and gives it back', async () => {
    const project = randomUUID();
    for (let i = 0; i < 3; i += 1) assert.equal(await ledger.take(project, 'a', 1), null);
    assert.equal(await taken(project), 1);
    await ledger.giveBack(project, 'a');
    assert.equal(await ledger.take(project, 'b', 1), null);
  });

  it('counts clusters that are older than it, or that it has lost', async () => {
    const project = randomUUID();
    for (let i = 0; i < 3; i += 1)
      await clusters().insertOne({ _id: randomUUID(), project_id: project, deleted_at: null });
    assert.equal(await ledger.take(project, randomUUID(), 3), 3);
    await ledgers().updateOne({ _id: project }, { $set: { settled: 0, places: [] } });
    assert.equal(await ledger.heal(project), 3);
    assert.equal(await ledger.take(project, randomUUID(), 3), 3);
    assert.equal(await ledger.take(randomUUID(), randomUUID(), 0), 0);
  });

  it('stays small, however many clusters there are', async () => {
    const project = randomUUID();
    await Promise.all(
      Array.from({ length: 10 }, async () => {
        for (let i = 0; i < 30; i += 1) assert.notEqual(await create(project, i === 7, 1_000), null);
      }),
    );
    const { settled = 0, places = [] } = (await ledgers().findOne({ _id: project })) ?? {};
    assert.equal(settled + places.length, 300);
    assert.ok(places.length < 80, String(places.length));
    now += 2 * MINUTE_MS;
    assert.equal(await ledger.heal(project), 290);
    const all = await Promise.all(Array.from({ length: 40 }, () => create(project, false, 300)));
    assert.equal(all.filter((one) => one !== null).length, 10);
    assert.equal(await living(project), 300);
  });
});
