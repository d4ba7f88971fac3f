import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { waitFor } from '@cetus/test-kit';
import { EventStore } from '@cetus/shared/notifications';
import { OperationStore } from '@cetus/shared/operations';
import type { StoredCluster } from '@cetus/shared/schemas';
import { Backlog } from '../../src/notifications/backlog.ts';
import { recordEvents } from '../../src/notifications/event-store.ts';
import { CLUSTER, scopeOf, type Scope, type Store } from '@cetus/shared/store';
import { cluster } from '../store/builders.ts';
import { openTestStore } from '../store/test-store.ts';
import { firstsOf, FragileBus, startRelay, Writer } from './fixture.ts';

const COMPLETE = { ended: { state: 'COMPLETE' as const } };
const READY = { type: 'Ready', status: 'True' as const, reason: 'Up', message: 'It is ready' };

describe('Relay', () => {
  let store: Store;
  let writer: Writer;
  let fragile: FragileBus;

  before(async () => {
    store = await openTestStore('relay');
    writer = new Writer(store);
  });
  beforeEach(() => {
    fragile = new FragileBus();
  });
  after(() => store?.close());

  const made = (): Promise<StoredCluster> => writer.create(cluster({ project: randomUUID() }));
  const scope = ({ project_id }: StoredCluster): Scope => scopeOf({ projectId: project_id });
  const kept = async (object: StoredCluster): Promise<number[]> => {
    const { items } = await new EventStore(store).list(scope(object), { limit: 100, sortDir: 'asc' });
    return items.map(({ sequence }) => Number(sequence));
  };

  it('keeps the order when an old look at an object is recorded again, long after, behind a newer one', async () => {
    const object = await made();
    const first = object.pending_events.map(({ event }) => event);
    const [event] = first;
    assert.ok(event);
    const second = { ...event, id: `${object._id}/2`, sequence: '2' };
    await recordEvents(store.db, [first]);
    // As if both had been recorded a minute ago.
    const long = String(Date.now() - 60_000).padStart(15, '0');
    await recordEvents(store.db, [[second]]);
    for (const { id, sequence } of [event, second]) {
      const position = `${long}/${object._id}/${sequence.padStart(12, '0')}`;
      await store.db.collection<{ _id: string }>('events').updateOne({ _id: id }, { $set: { position } });
    }
    await recordEvents(store.db, [first]);
    assert.deepEqual(await kept(object), [1, 2]);
  });

  it('keeps, publishes and takes off what is pending, in order', async () => {
    const { relay } = startRelay(store, fragile.bus);
    const object = await made();
    await writer.accept(object, 'delete');
    await relay.relay(CLUSTER, await writer.read(object._id));
    assert.deepEqual(fragile.sequencesOf(object._id), [1, 2, 3]);
    assert.deepEqual(await kept(object), [1, 2, 3]);
    assert.deepEqual((await writer.read(object._id)).pending_events, []);
    assert.equal((await writer.read(object._id)).sequence, 3);
  });

  it('leaves alone what was written meanwhile', async () => {
    const { relay } = startRelay(store, fragile.bus);
    const object = await made();
    const deleting = await writer.accept(object, 'delete');
    await relay.relay(CLUSTER, object);
    assert.deepEqual(
      (await writer.read(object._id)).pending_events.map(({ event }) => event.sequence),
      ['2', '3'],
    );
    await relay.relay(CLUSTER, deleting);
    assert.deepEqual(fragile.sequencesOf(object._id), [1, 2, 3], 'and publishes nothing twice');
    await writer.untilNothingIsPending(object._id);
  });

  it('publishes everything again from the oldest on when the broker refuses one', async () => {
    const { relay, errors } = startRelay(store, fragile.bus);
    const object = await made();
    await writer.accept(object, 'delete');
    let refusals = 0;
    fragile.refuses = ({ sequence }) => sequence === '2' && (refusals += 1) <= 2;
    for (const expected of [1, 2]) {
      await relay.relay(CLUSTER, await writer.read(object._id));
      assert.equal(errors.length, expected);
    }
    assert.equal((await writer.read(object._id)).pending_events.length, 3, 'all of it is still pending');
    assert.ok(!fragile.sequencesOf(object._id).includes(3), 'nothing overtakes what was refused');
    await relay.relay(CLUSTER, await writer.read(object._id));
    assert.deepEqual(firstsOf(fragile.sequencesOf(object._id)), [1, 2, 3]);
    assert.deepEqual(await kept(object), [1, 2, 3]);
    await writer.untilNothingIsPending(object._id);
  });

  it('goes on with other objects when one cannot be published', async () => {
    const { relay, errors } = startRelay(store, fragile.bus);
    const [bad, good] = [await made(), await made()];
    fragile.refuses = ({ subject }) => subject === bad._id;
    await Promise.all([relay.relay(CLUSTER, bad), relay.relay(CLUSTER, good)]);
    assert.equal(errors.length, 1);
    await writer.untilNothingIsPending(good._id);
    assert.equal((await writer.read(bad._id)).pending_events.length, 1);
  });

  it('keeps no more than it must of what waits, and publishes all of it in order', async () => {
    const backlog = new Backlog(1);
    const [one, other, gone] = [await made(), await made(), await made()];
    const waited = [one, other, gone].map((object) => backlog.add(CLUSTER, object));
    // What is read again when its turn comes may have more by then, or be gone.
    await writer.accept(other, 'delete');
    await store.db.collection<{ _id: string }>('clusters').deleteOne({ _id: gone._id });
    void backlog.add(CLUSTER, one);
    assert.equal(backlog.size, 3);
    const batch = backlog.take(10);
    assert.equal(backlog.size, 0);
    const read = await batch.read(store.db);
    assert.deepEqual(
      read.map(({ object }) => [object._id, object.pending_events.map(({ event }) => event.sequence)]),
      [
        [one._id, ['1']],
        [other._id, ['1', '2', '3']],
      ],
    );
    // Of another, there is room again.
    void backlog.add(CLUSTER, other);
    const [again] = await backlog.take(10).read(store.db);
    assert.deepEqual(again?.object, other);
    batch.end();
    await Promise.all(waited);
  });

  it('publishes a burst that is more than it keeps', async () => {
    const { relay } = startRelay(store, fragile.bus);
    const objects = await Promise.all(Array.from({ length: 450 }, () => made()));
    await Promise.all(objects.map((object) => relay.relay(CLUSTER, object)));
    for (const { _id } of objects) assert.deepEqual(fragile.sequencesOf(_id), [1]);
    for (const { _id } of objects.slice(-3)) assert.deepEqual((await writer.read(_id)).pending_events, []);
  });

  it('finds what was left behind, when the broker is back', async () => {
    const { relay, errors } = startRelay(store, fragile.bus, { sweepMs: 30 });
    const objects = await Promise.all([1, 2, 3].map(made));
    fragile.refuses = () => true;
    await Promise.all(objects.map((object) => relay.relay(CLUSTER, object)));
    for (const object of objects) await writer.age(object);
    relay.start();
    await waitFor(() => errors.length >= 6, { what: 'the sweep tries in vain' });
    fragile.refuses = () => false;
    for (const { _id } of objects) await writer.untilNothingIsPending(_id);
    await relay.stop();
    for (const { _id } of objects) assert.deepEqual(fragile.sequencesOf(_id), [1]);
  });

  it('leaves what was just written to whoever wrote it', async () => {
    const { relay } = startRelay(store, fragile.bus);
    const [fresh, old] = [await made(), await made()];
    await writer.age(old);
    await relay.sweep(new Date(Date.now() - 30_000));
    assert.deepEqual([fragile.sequencesOf(fresh._id), fragile.sequencesOf(old._id)], [[], [1]]);
    assert.equal(await relay.sweep(new Date(Date.now() - 30_000)), 0);
    await relay.relay(CLUSTER, fresh);
  });

  it('delivers each for the first time in order, when several processes relay at once', async () => {
    const relays = [1, 2, 3].map(() => startRelay(store, fragile.bus));
    const objects = await Promise.all(Array.from({ length: 10 }, made));
    await Promise.all(
      objects.map(async (object, i) => {
        let current = object;
        const all: Promise<void>[] = [];
        const relay = (step: number): void => {
          for (const { relay: each } of relays.filter((_, n) => (n + i + step) % 3 !== 0))
            all.push(each.relay(CLUSTER, current));
        };
        relay(0);
        for (let step = 1; step <= 4; step += 1) {
          const status = step % 2 === 0 ? ('True' as const) : ('False' as const);
          current = await writer.settle(current, {
            conditions: [{ ...READY, status }],
            ...(step === 2 ? COMPLETE : {}),
          });
          relay(step);
        }
        await Promise.all(all);
      }),
    );
    for (const { errors } of relays) assert.deepEqual(errors, []);
    for (const object of objects) {
      await writer.untilNothingIsPending(object._id);
      const all = Array.from({ length: (await writer.read(object._id)).sequence }, (_, i) => i + 1);
      assert.equal(all.length, 6);
      assert.deepEqual(firstsOf(fragile.sequencesOf(object._id)), all);
      assert.deepEqual(await kept(object), all, 'and keeps each once, in order');
    }
  });

  it('keeps the order when one process moves what waited long, while another records what comes after', async () => {
    const objects = await Promise.all(Array.from({ length: 40 }, made));
    const firsts = objects.map(({ pending_events }) => pending_events.map(({ event }) => event));
    await recordEvents(store.db, firsts);
    // As if they had been recorded a minute ago.
    const long = String(Date.now() - 60_000).padStart(15, '0');
    await Promise.all(
      objects.map(({ _id }) =>
        store.db
          .collection('events')
          .updateOne({ subject: _id }, { $set: { position: `${long}/${_id}/000000000001` } }),
      ),
    );
    await Promise.all(
      firsts.flatMap((first, index) => {
        const [event] = first;
        assert.ok(event);
        const later = [2, 3].map((one) => ({
          ...event,
          id: `${event.subject}/${String(one)}`,
          sequence: String(one),
        }));
        const both = [() => recordEvents(store.db, [first]), () => recordEvents(store.db, [later])];
        return (index % 2 === 0 ? both : both.reverse()).map((record) => record());
      }),
    );
    for (const object of objects) assert.deepEqual(await kept(object), [1, 2, 3]);
  });

  it('keeps the order of an object, whatever the clocks of those who record', async () => {
    const { relay } = startRelay(store, fragile.bus);
    const object = await made();
    await relay.relay(CLUSTER, object);
    // The one before was recorded by a process whose clock is ahead.
    const ahead = String(Date.now() + 60_000).padStart(15, '0');
    await store.db
      .collection('events')
      .updateOne({ subject: object._id }, { $set: { position: `${ahead}/${object._id}/000000000001` } });
    await relay.relay(CLUSTER, await writer.accept(object, 'delete'));
    assert.deepEqual(await kept(object), [1, 2, 3]);
  });

  it('waits, when it stops, for what is being published', async () => {
    const { relay } = startRelay(store, fragile.bus, { sweepMs: 10 });
    relay.start();
    const object = await made();
    void relay.relay(CLUSTER, object);
    await relay.stop();
    assert.deepEqual(fragile.sequencesOf(object._id), [1]);
    await writer.untilNothingIsPending(object._id);
  });
});

describe('The record of operations', () => {
  let store: Store;
  let writer: Writer;
  let operations: OperationStore;

  before(async () => {
    store = await openTestStore('operations');
    writer = new Writer(store);
    operations = new OperationStore(store);
  });
  after(() => store?.close());

  const scope = ({ project_id }: StoredCluster): Scope => scopeOf({ projectId: project_id });
  const page = { limit: 10, sortKey: 'accepted_at', sortDir: 'asc' as const };

  it('tells of an operation before anything was relayed, and of its progress', async () => {
    const object = await writer.create(cluster({ project: randomUUID() }));
    const uuid = object.operation?.uuid ?? '';
    const first = await operations.get(scope(object), uuid.toUpperCase());
    assert.deepEqual(
      [first._id, first.state, first.object_id, first.object_name, first.kind],
      [uuid, 'IN_PROGRESS', object._id, 'c1', 'cluster'],
    );
    await writer.settle(object, { progress: 'waits for servers' });
    assert.equal((await operations.get(scope(object), uuid)).progress, 'waits for servers');
    const { relay } = startRelay(store, new FragileBus().bus);
    await relay.relay(CLUSTER, object);
    assert.equal(
      (await operations.get(scope(object), uuid)).progress,
      'waits for servers',
      'also after that',
    );
  });

  it('keeps every operation to its end, those that another took the place of among them', async () => {
    const { relay } = startRelay(store, new FragileBus().bus);
    const object = await writer.create(cluster({ project: randomUUID() }));
    const deleting = await writer.accept(object, 'delete');
    await relay.relay(CLUSTER, deleting);
    const read = async () =>
      (await operations.list(scope(object), page)).items.map(({ action, state }) => `${action} ${state}`);
    assert.deepEqual(await read(), ['create CANCELLED', 'delete IN_PROGRESS']);
    const failure = { code: 'stack_failed', message: 'The stack failed' };
    const failed = await writer.settle(deleting, { ended: { state: 'FAILED', failure } });
    await relay.relay(CLUSTER, failed);
    assert.deepEqual(await read(), ['create CANCELLED', 'delete FAILED']);
    const cancelled = await operations.get(scope(object), object.operation?.uuid ?? '');
    assert.equal(cancelled.state, 'CANCELLED');
    assert.ok(cancelled.finished_at !== null);
    const ended = await operations.get(scope(object), deleting.operation?.uuid ?? '');
    assert.deepEqual([ended.state, ended.error], ['FAILED', failure]);
    assert.deepEqual(
      (await operations.list(scope(object), { ...page, state: 'FAILED' })).items.map(({ _id }) => _id),
      [ended._id],
    );
    assert.deepEqual((await operations.list(scope(object), { ...page, object: randomUUID() })).items, []);
  });

  it('never goes back, when a process relays late what it saw early', async () => {
    const [late, early] = [startRelay(store, new FragileBus().bus), startRelay(store, new FragileBus().bus)];
    const object = await writer.create(cluster({ project: randomUUID() }));
    const done = await writer.settle(object, COMPLETE);
    await early.relay.relay(CLUSTER, done);
    await late.relay.relay(CLUSTER, object);
    assert.equal((await operations.get(scope(object), object.operation?.uuid ?? '')).state, 'COMPLETE');
  });

  it('is written once, when many processes relay the same at once', async () => {
    const relays = Array.from({ length: 8 }, () => startRelay(store, new FragileBus().bus));
    const objects = await Promise.all(
      Array.from({ length: 10 }, () => writer.create(cluster({ project: 'crowd' }))),
    );
    await Promise.all(relays.flatMap(({ relay }) => objects.map((object) => relay.relay(CLUSTER, object))));
    for (const { errors } of relays) assert.deepEqual(errors, []);
    const { items } = await operations.list(scopeOf({ projectId: 'crowd' }), { ...page, limit: 100 });
    assert.equal(items.length, 10);
  });

  it('is paged by its keys, with null times', async () => {
    const { relay } = startRelay(store, new FragileBus().bus);
    const project = randomUUID();
    for (let i = 0; i < 7; i += 1) {
      const object = await writer.create(cluster({ project }));
      await relay.relay(CLUSTER, i % 2 === 0 ? object : await writer.settle(object, COMPLETE));
    }
    for (const sortKey of ['uuid', 'accepted_at', 'finished_at']) {
      const ascending: string[] = [];
      for (const sortDir of ['asc', 'desc'] as const) {
        const found: string[] = [];
        for (let marker: string | null | undefined; marker !== null;) {
          const part = await operations.list(scopeOf({ projectId: project }), {
            limit: 2,
            sortKey,
            sortDir,
            ...(marker === undefined ? {} : { marker }),
          });
          found.push(...part.items.map(({ _id }) => _id));
          marker = part.nextMarker;
        }
        assert.equal(new Set(found).size, 7, `${sortKey} ${sortDir}`);
        if (sortDir === 'asc') ascending.push(...found);
        else assert.deepEqual(found, ascending.reverse(), sortKey);
      }
    }
  });

  it("hides another project's operations", async () => {
    const { relay } = startRelay(store, new FragileBus().bus);
    const theirs = await writer.create(cluster({ project: randomUUID() }));
    const uuid = theirs.operation?.uuid ?? '';
    const ours = scopeOf({ projectId: randomUUID() });
    for (const relayed of [false, true]) {
      if (relayed) await relay.relay(CLUSTER, theirs);
      await assert.rejects(operations.get(ours, uuid), { code: 'not_found' });
      assert.deepEqual((await operations.list(ours, page)).items, []);
      await assert.rejects(operations.list(ours, { ...page, marker: uuid }), { code: 'invalid_marker' });
      assert.deepEqual((await operations.list(ours, { ...page, object: theirs._id })).items, []);
    }
    assert.equal((await operations.get({ kind: 'all' }, uuid))._id, uuid);
  });
});
