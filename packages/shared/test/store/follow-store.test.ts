import assert from 'node:assert/strict';
import { buildEvent } from '@cetus/shared/notifications';
import type { ClusterHealth, StoredCluster } from '@cetus/shared/schemas';
import {
  CLUSTER,
  collectionOf,
  FollowStore,
  LeaseLostError,
  ReconcileStore,
  type Followable,
} from '@cetus/shared/store';
import { idleCluster } from './builders.ts';
import { openSpyingStore } from './test-store.ts';

const HEALTH: ClusterHealth = {
  status: 'HEALTHY',
  reasons: { api: 'ok' },
  nodes: { ready: 1, total: 1 },
  version: null,
  last_contact: new Date('2030-01-01T00:00:00Z'),
  conditions: [],
};

describe('FollowStore', () => {
  let store: Awaited<ReturnType<typeof openSpyingStore>>;
  let follow: FollowStore;

  before(async () => {
    store = await openSpyingStore('follow');
    follow = new FollowStore(store);
  });
  beforeEach(() => collectionOf(store.db, CLUSTER).deleteMany({}));
  after(() => store.close());

  async function seed(
    change: (made: StoredCluster) => StoredCluster = (made) => made,
  ): Promise<StoredCluster> {
    const idle = idleCluster();
    const kubeconfig = {
      v: 1 as const,
      key_id: 'k',
      nonce: `nonce of ${idle._id}`,
      ciphertext: 'c',
      tag: 't',
    };
    const made = change({ ...idle, status: { ...idle.status, kubeconfig } });
    await collectionOf(store.db, CLUSTER).insertOne(made);
    return made;
  }
  const read = async (id: string): Promise<StoredCluster> => {
    const found = await collectionOf(store.db, CLUSTER).findOne({ _id: id });
    assert.ok(found !== null);
    return found;
  };
  const claim = (owner: string, wanted: readonly Followable[], now = new Date()): Promise<Followable[]> =>
    follow.claim(wanted, owner, 1_000, { from: 'nobody', now });
  /** A lease of `owner` on a new cluster. */
  async function held(
    owner: string,
  ): Promise<{ made: StoredCluster; lease: { owner: string; token: number } }> {
    const made = await seed();
    const [one] = await claim(owner, await follow.followable());
    assert.ok(one?.follow != null);
    return { made, lease: one.follow };
  }

  it('names clusters with a kubeconfig that are there and stay', async () => {
    const made = await seed();
    await seed((one) => ({ ...one, status: { ...one.status, kubeconfig: null } }));
    await seed((one) => ({ ...one, deleted_at: new Date() }));
    await seed((one) => {
      const operation = one.operation && {
        ...one.operation,
        action: 'delete' as const,
        state: 'IN_PROGRESS' as const,
      };
      return { ...one, operation };
    });
    const old = await seed();
    await collectionOf(store.db, CLUSTER).updateOne({ _id: old._id }, { $unset: { follow: 1, health: 1 } });
    const found = await follow.followable();
    assert.deepEqual(found.map(({ _id }) => _id).sort(), [made._id, old._id].sort());
    assert.equal(found.find(({ _id }) => _id === made._id)?.kubeconfigVersion, `nonce of ${made._id}`);
    assert.equal(found.find(({ _id }) => _id === old._id)?.follow, null);
    const won = await claim('a', found);
    assert.equal(won.length, 2);
  });

  it('looks at those only that it names', async () => {
    const idle = Array.from({ length: 300 }, () => idleCluster());
    await collectionOf(store.db, CLUSTER).insertMany(idle);
    for (let i = 0; i < 3; i += 1) await seed();
    const [explained] = await store.explain(() => follow.followable());
    assert.ok(explained?.stages.includes('IXSCAN'));
    assert.equal(explained?.docsExamined, 3);
  });

  it('gives each cluster to one of those who claim it at once', async () => {
    for (let i = 0; i < 20; i += 1) await seed();
    const seen = await follow.followable();
    const won = await Promise.all(['a', 'b', 'c'].map((owner) => claim(owner, seen)));
    assert.equal(won.flat().length, 20);
    assert.equal(new Set(won.flat().map(({ _id }) => _id)).size, 20);
    assert.deepEqual(await claim('d', await follow.followable()), []);
  });

  it('lets leases be claimed when they have ended or were given back, with a higher token each time', async () => {
    await held('a');
    const later = new Date(Date.now() + 1_001);
    const [second] = await claim('b', await follow.followable(), later);
    assert.equal(second?.follow?.token, 2);
    await follow.release('a');
    assert.deepEqual(await claim('a', await follow.followable(), later), [], 'only its holder gives it back');
    await follow.release('b');
    const [third] = await claim('b', await follow.followable());
    assert.equal(third?.follow?.token, 3);
  });

  it('renews what is held, and nothing else', async () => {
    const { made } = await held('a');
    const other = await seed();
    await claim(
      'b',
      (await follow.followable()).filter(({ _id }) => _id === other._id),
    );
    const before = await read(other._id);
    const now = new Date(Date.now() + 500);
    await follow.renew([made._id, other._id], 'a', 60_000, now);
    assert.equal((await read(made._id)).follow?.until.getTime(), now.getTime() + 60_000);
    assert.deepEqual((await read(other._id)).follow, before.follow);
  });

  it('lets a lease be taken over, once, after which its holder writes nothing more', async () => {
    const { made, lease } = await held('a');
    const seen = await follow.followable();
    const take = (owner: string): Promise<Followable[]> =>
      follow.claim(seen, owner, 1_000, { from: 'holder' });
    const won = await Promise.all([take('b'), take('c')]);
    assert.equal(won.flat().length, 1);
    const write = follow.write(made._id, lease, () => ({ health: HEALTH, events: [] }));
    await assert.rejects(write, LeaseLostError);
    await follow.noteContacts([{ id: made._id, lease, at: new Date() }]);
    assert.equal((await read(made._id)).health, null);
  });

  it('writes between the writes of others, and each notification has its number', async () => {
    const { made, lease } = await held('a');
    const reconciler = new ReconcileStore(store, CLUSTER);
    const claimed = await reconciler.claim(made._id, 'r', 10_000);
    assert.ok(typeof claimed === 'object');
    const event = (current: StoredCluster) =>
      buildEvent(
        CLUSTER,
        current,
        current.sequence + 1,
        { what: 'condition.changed', state: 'CREATE_COMPLETE', previousState: null, operation: null },
        new Date(),
      );
    await follow.write(made._id, lease, (current) => ({ health: HEALTH, events: [event(current)] }));
    await reconciler.commit(claimed.object, (current) => ({
      events: [event(current)],
      status: { ...current.status, coe_version: 'v1' },
    }));
    const found = await read(made._id);
    assert.equal(found.status.coe_version, 'v1');
    assert.ok(found.health !== null);
    const numbers = found.pending_events.map(({ event: one }) => Number(one.sequence));
    assert.deepEqual(numbers, [made.sequence + 1, made.sequence + 2]);
    assert.equal(found.sequence, made.sequence + 2);
  });

  it('tries again when another writer came first', async () => {
    const { made, lease } = await held('a');
    const revisions: number[] = [];
    const collection = collectionOf(store.db, CLUSTER);
    // What the API does, between the read and the write of the follower.
    let accepted: Promise<unknown> = Promise.resolve();
    const flaky = new FollowStore({
      db: {
        collection: () => ({
          findOne: (filter: object) => collection.findOne(filter),
          findOneAndUpdate: async (...args: Parameters<typeof collection.findOneAndUpdate>) => {
            await accepted;
            return collection.findOneAndUpdate(...args);
          },
        }),
      } as never,
    });
    const written = await flaky.write(made._id, lease, (current) => {
      revisions.push(current.revision);
      if (revisions.length === 1)
        accepted = collection.updateOne(
          { _id: made._id },
          { $inc: { revision: 1 }, $set: { generation: 9 } },
        );
      return { health: HEALTH, events: [] };
    });
    assert.equal(revisions.length, 2);
    assert.equal(written.generation, 9);
    assert.deepEqual(written.health, HEALTH);
    assert.equal(written.revision, (revisions[1] as number) + 1);
  });

  it('notes when a cluster last answered without a new revision', async () => {
    const { made, lease } = await held('a');
    const written = await follow.write(made._id, lease, () => ({ health: HEALTH, events: [] }));
    const at = new Date('2030-01-02T00:00:00Z');
    await follow.noteContacts([{ id: made._id, lease, at }]);
    const found = await read(made._id);
    assert.deepEqual(found.health, { ...HEALTH, last_contact: at });
    assert.equal(found.revision, written.revision);
  });
});
