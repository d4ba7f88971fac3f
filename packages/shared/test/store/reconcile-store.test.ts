import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { acceptOperation } from '@cetus/shared/operations';
import { buildEvent } from '@cetus/shared/notifications';
import type { StoredCluster } from '@cetus/shared/schemas';
import {
  CLUSTER,
  collectionOf,
  LeaseLostError,
  ReconcileStore,
  ScopedStore,
  scopeOf,
  type Claim,
  type Store,
} from '@cetus/shared/store';
import { cluster, idleCluster, requester } from './builders.ts';
import { openTestStore } from './test-store.ts';

const TTL = 1_000;

describe('ReconcileStore', () => {
  let store: Store;
  let clusters: ReconcileStore<StoredCluster>;

  before(async () => {
    store = await openTestStore('reconcile-store');
    clusters = new ReconcileStore(store, CLUSTER);
  });
  after(() => store?.close());

  const add = async (object = cluster({ project: randomUUID() })): Promise<StoredCluster> => {
    await collectionOf(store.db, CLUSTER).insertOne(object);
    return object;
  };
  const claimed = (claim: Claim<StoredCluster>): StoredCluster => {
    assert.ok(typeof claim === 'object', `claimed, not ${JSON.stringify(claim)}`);
    return claim.object;
  };

  it('gives a lease to one of ten that ask at once', async () => {
    const { _id } = await add();
    const claims = await Promise.all(
      Array.from({ length: 10 }, (_, i) => clusters.claim(_id, `owner-${String(i)}`, TTL)),
    );
    assert.equal(claims.filter((claim) => typeof claim === 'object').length, 1);
    assert.equal(claims.filter((claim) => claim === 'leased').length, 9);
  });

  it('gives the newest document with its lease, and is found by the sweep if its holder dies', async () => {
    const { _id } = await add();
    const now = new Date();
    const object = claimed(await clusters.claim(_id, '$owner', TTL, { now }));
    const until = new Date(now.getTime() + TTL);
    assert.deepEqual(object.lease, { owner: '$owner', until, token: 1 });
    assert.deepEqual([object.lease_token, object.next_attempt_at, object.abandoned], [1, until, 0]);
  });

  it('tells what is gone', async () => {
    assert.equal(await clusters.claim(randomUUID(), 'o', TTL), 'gone');
    const { _id } = await add({ ...cluster(), deleted_at: new Date(), next_attempt_at: null });
    assert.equal(await clusters.claim(_id, 'o', TTL), 'gone');
    await assert.rejects(clusters.read(randomUUID()), { code: 'not_found' });
    assert.equal((await clusters.read(_id))._id, _id);
  });

  it('leaves an object alone, when asked to, of which no operation goes on', async () => {
    const { _id: idle } = await add(idleCluster());
    assert.equal(await clusters.claim(idle, 'o', TTL, { ongoing: true }), 'early');
    claimed(await clusters.claim(idle, 'o', TTL));
    assert.equal(await clusters.claim(idle, 'o', TTL, { ongoing: true }), 'leased');
    const { _id: busy } = await add(cluster());
    claimed(await clusters.claim(busy, 'o', TTL, { ongoing: true }));
  });

  it('leaves an object alone, when asked to, whose time has not come', async () => {
    const now = new Date();
    const { _id } = await add({ ...idleCluster(), next_attempt_at: new Date(now.getTime() + 500) });
    assert.equal(await clusters.claim(_id, 'o', TTL, { now, dueBy: now }), 'early');
    claimed(await clusters.claim(_id, 'o', TTL, { now, dueBy: new Date(now.getTime() + 500) }));
    assert.equal(await clusters.claim(_id, 'o', TTL, { now, dueBy: now }), 'leased');
  });

  it('gives, and finds, only what the process can work on', async () => {
    const now = new Date();
    const { _id, project_id } = await add({ ...cluster({ project: randomUUID() }), next_attempt_at: now });
    const only = { project_id };
    const others = { project_id: 'other' };
    assert.equal(await clusters.claim(_id, 'o', TTL, { only: others }), 'elsewhere');
    assert.deepEqual(await clusters.due(now, 10, others), []);
    assert.deepEqual(
      (await clusters.due(now, 10, only)).map((one) => one._id),
      [_id],
    );
    assert.equal(await clusters.claim(randomUUID(), 'o', TTL, { only }), 'gone');
    claimed(await clusters.claim(_id, 'o', TTL, { only }));
    assert.equal(await clusters.claim(_id, 'o', TTL, { only }), 'leased');
  });

  it('counts the holders that died, until one writes', async () => {
    const { _id } = await add();
    const start = Date.now();
    for (const [index, expected] of [0, 1, 2].entries()) {
      const object = claimed(await clusters.claim(_id, 'o', TTL, { now: new Date(start + index * TTL) }));
      assert.equal(object.abandoned, expected);
    }
    const last = claimed(await clusters.claim(_id, 'o', TTL, { now: new Date(start + 3 * TTL) }));
    await clusters.commit(last, () => ({ events: [], lease: null, abandoned: 0 }));
    assert.equal(claimed(await clusters.claim(_id, 'o', TTL)).abandoned, 0);
  });

  it('does not count a lease that was given back', async () => {
    const { _id } = await add();
    const object = claimed(await clusters.claim(_id, 'o', TTL));
    const now = new Date();
    await clusters.release(_id, object.lease_token, now);
    const given = await clusters.read(_id);
    assert.deepEqual([given.lease, given.next_attempt_at, given.revision], [null, now, object.revision]);
    const next = claimed(await clusters.claim(_id, 'other', TTL));
    assert.equal(next.abandoned, 0);
    await clusters.release(_id, object.lease_token);
    assert.deepEqual((await clusters.read(_id)).lease, next.lease, "another's lease is not given back");
  });

  it('keeps a lease that is renewed, and says when it is lost', async () => {
    const { _id } = await add();
    const start = Date.now();
    const object = claimed(await clusters.claim(_id, 'a', TTL, { now: new Date(start) }));
    await clusters.renew(_id, object.lease_token, TTL, new Date(start + TTL - 1));
    assert.equal(await clusters.claim(_id, 'b', TTL, { now: new Date(start + TTL) }), 'leased');
    const next = claimed(await clusters.claim(_id, 'b', TTL, { now: new Date(start + 2 * TTL) }));
    assert.ok(next.lease_token > object.lease_token);
    await assert.rejects(clusters.renew(_id, object.lease_token, TTL), LeaseLostError);
    await assert.rejects(
      clusters.commit(object, () => ({ events: [] })),
      LeaseLostError,
    );
    await clusters.commit(next, () => ({ events: [], lease: null }));
    await assert.rejects(
      clusters.commit(next, () => ({ events: [] })),
      LeaseLostError,
      'a lease ends with its write',
    );
  });

  it('writes in one go what was found, with its notifications', async () => {
    const { _id } = await add();
    const object = claimed(await clusters.claim(_id, 'a', TTL));
    const event = buildEvent(
      CLUSTER,
      object,
      2,
      { what: 'create.end', state: 'CREATE_COMPLETE', previousState: null, operation: null },
      new Date(),
    );
    const status = { ...object.status, stack_id: 's1' };
    const written = await clusters.commit(object, () => ({ events: [event], status, lease: null }));
    assert.deepEqual(
      written.pending_events.map((pending) => pending.event.sequence),
      ['1', '2'],
    );
    assert.deepEqual(
      [written.sequence, written.revision, written.status.stack_id],
      [2, object.revision + 1, 's1'],
    );
    const again = claimed(await clusters.claim(_id, 'a', TTL));
    const quiet = await clusters.commit(again, () => ({ events: [], visible: false, lease: null }));
    assert.equal(quiet.revision, written.revision, 'what no reader sees changes no entity tag');
  });

  it('asks again how to write when the API accepted something meanwhile, and never overwrites it', async () => {
    const object = await add(idleCluster({ project: randomUUID() }));
    const held = claimed(await clusters.claim(object._id, 'a', TTL));
    const api = new ScopedStore(store, CLUSTER);
    const seen: number[] = [];
    const accept = (current: StoredCluster): StoredCluster =>
      acceptOperation(current, {
        kind: CLUSTER,
        caller: requester(object.project_id),
        requested: 'update',
        spec: { ...current.spec, create_timeout: 9 },
        deadlineMs: 1_000,
      });
    await api.change(scopeOf({ projectId: object.project_id }), object._id, accept);
    const written = await clusters.commit(held, (current) => {
      seen.push(current.generation);
      return { events: [], status: { ...current.status, stack_id: 's1' }, lease: null };
    });
    assert.deepEqual(seen, [1, 2]);
    assert.deepEqual(
      [written.spec.create_timeout, written.generation, written.status.stack_id],
      [9, 2, 's1'],
    );
    assert.equal(written.operation?.state, 'IN_PROGRESS');
  });

  it('names what is due, the longest overdue first', async () => {
    const own = await openTestStore('due');
    const all = [5, 1, 4, 2, 3].map((age) => ({
      ...idleCluster(),
      next_attempt_at: new Date(1_000_000 - age * 1_000),
    }));
    const never = { ...idleCluster(), next_attempt_at: null };
    const later = { ...idleCluster(), next_attempt_at: new Date(1_000_001) };
    await collectionOf(own.db, CLUSTER).insertMany([...all, never, later]);
    const due = await new ReconcileStore(own, CLUSTER).due(new Date(1_000_000), 4);
    assert.deepEqual(
      due.map(({ next_attempt_at }) => (1_000_000 - (next_attempt_at?.getTime() ?? 0)) / 1_000),
      [5, 4, 3, 2],
    );
    assert.equal(due[0]?.project_id, 'p1');
    await own.close();
  });

  it('never lets two holders write, whatever their order and their clock', async () => {
    const step = fc.oneof(
      fc.record({
        do: fc.constantFrom('claim' as const, 'renew' as const, 'commit' as const, 'end' as const),
        who: fc.nat(2),
      }),
      fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(300, 700, 1_100) }),
    );
    const property = fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
      const { _id } = await add();
      let now = Date.now();
      // What must be, by the rules: who holds the lease until when.
      let held: { token: number; until: number } | null = null;
      const holders: (StoredCluster | undefined)[] = [];
      const writes: number[] = [];
      for (const each of steps) {
        if (each.do === 'wait') {
          now += each.ms;
          continue;
        }
        const mine = holders[each.who];
        if (each.do === 'claim') {
          const claim = await clusters.claim(_id, `owner-${String(each.who)}`, TTL, { now: new Date(now) });
          const free: boolean = held === null || held.until <= now;
          assert.equal(typeof claim === 'object', free, 'a lease is given exactly when none is valid');
          if (typeof claim === 'object') {
            holders[each.who] = claim.object;
            held = { token: claim.object.lease_token, until: now + TTL };
          }
        } else if (mine !== undefined) {
          const valid: boolean = held?.token === mine.lease_token;
          const result: Promise<unknown> =
            each.do === 'renew'
              ? clusters.renew(_id, mine.lease_token, TTL, new Date(now))
              : clusters.commit(mine, (current) => {
                  const status = { ...current.status, state_reason: String(mine.lease_token) };
                  return { events: [], status, ...(each.do === 'end' ? { lease: null } : {}) };
                });
          if (valid) {
            await result;
            if (each.do === 'renew') held = { token: mine.lease_token, until: now + TTL };
            else writes.push(mine.lease_token);
            if (each.do === 'end') held = null;
          } else await assert.rejects(result, LeaseLostError);
        }
        const stored = await clusters.read(_id);
        assert.equal(
          stored.status.state_reason,
          writes.length === 0 ? null : String(writes.at(-1)),
          'what is there is the last allowed write',
        );
      }
      assert.deepEqual(
        writes,
        [...writes].sort((a, b) => a - b),
        'tokens of writes only rise',
      );
    });
    await fc.assert(property, { numRuns: 40 });
  });

  it('never lets two holders write when they race', async () => {
    const { _id } = await add();
    const writes: number[] = [];
    const worker = async (owner: string): Promise<void> => {
      for (let i = 0; i < 30; i += 1) {
        // So short that others often take it before the write.
        const claim = await clusters.claim(_id, owner, 2);
        if (typeof claim !== 'object') continue;
        try {
          const token = claim.object.lease_token;
          const { status } = await clusters.commit(claim.object, (current) => {
            const written = (current.status.driver_state['written'] ?? []) as number[];
            return {
              events: [],
              status: { ...current.status, driver_state: { written: [...written, token] } },
              lease: null,
            };
          });
          writes.push(token);
          assert.equal((status.driver_state['written'] as number[]).at(-1), token);
        } catch (error) {
          assert.ok(error instanceof LeaseLostError, String(error));
        }
      }
    };
    await Promise.all(['a', 'b', 'c', 'd'].map(worker));
    const { driver_state } = (await clusters.read(_id)).status;
    const written = driver_state['written'] as number[];
    assert.deepEqual(
      written,
      [...written].sort((a, b) => a - b),
    );
    assert.deepEqual(
      [...written].sort(),
      [...writes].sort(),
      'every write that was answered is there, and no other',
    );
  });
});
