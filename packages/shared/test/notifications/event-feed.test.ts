import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { waitFor } from '@cetus/test-kit';
import { EventFeed, EventStore, type EventFilter } from '@cetus/shared/notifications';
import type { CloudEvent, StoredCluster } from '@cetus/shared/schemas';
import { CLUSTER, scopeOf, type Scope, type Store } from '@cetus/shared/store';
import { notification } from '../bus/harness.ts';
import { cluster } from '../store/builders.ts';
import { openTestStore } from '../store/test-store.ts';
import { FragileBus, startRelay, Writer } from './fixture.ts';

const COMPLETE = { ended: { state: 'COMPLETE' as const } };
const ALL: Scope = { kind: 'all' };

/** Somebody who reads a feed until told to stop. */
class Reader {
  readonly events: CloudEvent[] = [];
  readonly done: Promise<void>;
  private readonly abort = new AbortController();

  constructor(feed: EventFeed, scope: Scope, options: { filter?: EventFilter; lastEventId?: string } = {}) {
    const { filter = {}, lastEventId } = options;
    const stream = feed.follow(scope, filter, {
      signal: this.abort.signal,
      ...(lastEventId === undefined ? {} : { lastEventId }),
    });
    this.done = (async () => {
      for await (const event of stream) this.events.push(event);
    })();
    // Looked at by whoever waits for the end.
    this.done.catch(() => undefined);
  }

  async until(count: number): Promise<string[]> {
    await waitFor(() => this.events.length >= count, { what: `${String(count)} notifications` });
    return this.ids;
  }

  get ids(): string[] {
    return this.events.map(({ id }) => id);
  }

  async stop(): Promise<void> {
    this.abort.abort();
    await this.done;
  }
}

describe('EventStore and EventFeed', () => {
  let store: Store;
  let writer: Writer;
  let fragile: FragileBus;
  let feed: EventFeed;
  let relay: ReturnType<typeof startRelay>['relay'];

  before(async () => {
    store = await openTestStore('event-feed');
    writer = new Writer(store);
  });
  beforeEach(async () => {
    fragile = new FragileBus();
    relay = startRelay(store, fragile.bus).relay;
    feed = new EventFeed(fragile.bus, new EventStore(store));
    await feed.start();
  });
  afterEach(async () => {
    await feed.stop();
    await relay.stop();
    await fragile.bus.close();
  });
  after(() => store?.close());

  const project = (): { id: string; scope: Scope } => {
    const id = randomUUID();
    return { id, scope: scopeOf({ projectId: id }) };
  };
  const create = async (of: string): Promise<StoredCluster> => {
    const object = await writer.create(cluster({ project: of }));
    await relay.relay(CLUSTER, object);
    return object;
  };
  const flip = async (object: StoredCluster, status: 'True' | 'False'): Promise<StoredCluster> => {
    const conditions = [{ type: 'Ready', status, reason: 'R', message: 'm' }];
    const next = await writer.settle(object, { conditions });
    await relay.relay(CLUSTER, next);
    return next;
  };
  /** One notification after another of an object, `count` of them. */
  const flips = async (object: StoredCluster, count: number): Promise<void> => {
    const now = (await writer.read(object._id)).sequence;
    for (let i = 1; i <= count; i += 1) await flip(object, (now + i) % 2 === 0 ? 'True' : 'False');
  };

  it('lists what was kept, in pages, in both orders, by what is asked for', async () => {
    const { id, scope } = project();
    const events = new EventStore(store);
    // What is recorded in the same millisecond has no order but by object.
    const tick = async (): Promise<void> => {
      for (const now = Date.now(); Date.now() === now;) await new Promise(setImmediate);
    };
    const objects: StoredCluster[] = [];
    for (let i = 0; i < 2; i += 1) {
      objects.push(await create(id));
      await tick();
    }
    for (const object of objects) {
      await relay.relay(CLUSTER, await writer.settle(object, COMPLETE));
      await tick();
    }
    const read = async (sortDir: 'asc' | 'desc', filter: EventFilter = {}): Promise<string[]> => {
      const found: string[] = [];
      for (let marker: string | null | undefined; marker !== null;) {
        const part = await events.list(scope, {
          limit: 3,
          sortDir,
          ...filter,
          ...(marker === undefined ? {} : { marker }),
        });
        found.push(...part.items.map((event) => event.id));
        marker = part.nextMarker;
      }
      return found;
    };
    const [a, b] = objects.map(({ _id }) => _id);
    const all = [`${String(a)}/1`, `${String(b)}/1`, `${String(a)}/2`, `${String(b)}/2`];
    assert.deepEqual(await read('asc'), all);
    assert.deepEqual(await read('desc'), [...all].reverse());
    assert.deepEqual(await read('asc', { object: a as string }), [`${String(a)}/1`, `${String(a)}/2`]);
    assert.deepEqual(await read('asc', { type: 'cetus.cluster.create.end' }), all.slice(2));
    assert.deepEqual(await read('asc', { kind: 'application' }), []);
    await assert.rejects(events.list(scope, { limit: 1, sortDir: 'asc', marker: 'x/1' }), {
      code: 'invalid_marker',
    });
    const theirs = scopeOf({ projectId: randomUUID() });
    await assert.rejects(events.list(theirs, { limit: 1, sortDir: 'asc', marker: all[0] as string }), {
      code: 'invalid_marker',
    });
    assert.deepEqual((await events.list(theirs, { limit: 1, sortDir: 'asc' })).items, []);
    assert.deepEqual(await events.between(theirs, a as string, 1, 2), []);
  });

  it('tells what happens from now on, to each its own', async () => {
    const [ours, theirs] = [project(), project()];
    const before = await create(ours.id);
    const readers = {
      ours: new Reader(feed, ours.scope),
      theirs: new Reader(feed, theirs.scope),
      all: new Reader(feed, ALL),
      one: new Reader(feed, ALL, { filter: { object: before._id } }),
      ends: new Reader(feed, ours.scope, { filter: { type: 'cetus.cluster.create.end' } }),
      none: new Reader(feed, ours.scope, { filter: { kind: 'application' } }),
    };
    const [a, b] = [await create(ours.id), await create(theirs.id)];
    await relay.relay(CLUSTER, await writer.settle(before, COMPLETE));
    assert.deepEqual(await readers.ours.until(2), [`${a._id}/1`, `${before._id}/2`]);
    assert.deepEqual(await readers.theirs.until(1), [`${b._id}/1`]);
    assert.deepEqual(await readers.all.until(3), [`${a._id}/1`, `${b._id}/1`, `${before._id}/2`]);
    assert.deepEqual(await readers.one.until(1), [`${before._id}/2`]);
    assert.deepEqual(await readers.ends.until(1), [`${before._id}/2`]);
    for (const reader of Object.values(readers)) await reader.stop();
    assert.deepEqual(readers.none.ids, []);
    assert.equal(readers.theirs.ids.length, 1);
  });

  it('tells of the parts of an object with its kind, and of the parts alone with theirs', async () => {
    const { id, scope } = project();
    const events = new EventStore(store);
    const part = { kind: 'nodegroup', uuid: randomUUID(), name: 'pool', action: 'create' as const };
    const readers = ['cluster', 'nodegroup'].map((kind) => new Reader(feed, scope, { filter: { kind } }));
    const object = await writer.create(cluster({ project: id, parts: [part] }));
    await relay.relay(CLUSTER, object);
    await relay.relay(CLUSTER, await writer.settle(object, COMPLETE));
    const expected = [
      [1, 2, 3, 4],
      [2, 4],
    ].map((sequences) => sequences.map((one) => `${object._id}/${String(one)}`));
    for (const [index, ids] of expected.entries()) {
      assert.deepEqual(await readers[index]?.until(ids.length), ids);
      await readers[index]?.stop();
      const kind = ['cluster', 'nodegroup'][index] as string;
      const { items } = await events.list(scope, { limit: 10, sortDir: 'asc', kind });
      assert.deepEqual(
        items.map((event) => event.id),
        ids,
      );
    }
  });

  it('goes on after the last one that a reader has, while more is written, without a gap', async () => {
    const { id, scope } = project();
    const objects = await Promise.all([1, 2, 3, 4].map(() => create(id)));
    const first = new Reader(feed, scope, { lastEventId: `${objects[0]?._id ?? ''}/1` });
    const writing = Promise.all(objects.map((object) => flips(object, 12)));
    await first.until(10);
    await first.stop();
    const second = new Reader(feed, scope, { lastEventId: first.ids.at(-1) as string });
    await writing;
    const whole = (): boolean => objects.every(({ _id }) => second.ids.includes(`${_id}/13`));
    await waitFor(whole, { what: 'the last of each object' });
    await second.stop();
    for (const { _id } of objects) {
      const of = (reader: Reader): number[] =>
        reader.events.filter(({ subject }) => subject === _id).map(({ sequence }) => Number(sequence));
      const [early, late] = [of(first), of(second)];
      assert.deepEqual(
        late,
        Array.from({ length: late.length }, (_, i) => (late[0] as number) + i),
        'in order, each once',
      );
      assert.ok((late[0] as number) <= (early.at(-1) ?? 1) + 1, 'nothing between the two');
    }
  });

  it('reads from the store what the broker lost', async () => {
    const { id, scope } = project();
    const object = await create(id);
    const reader = new Reader(feed, scope, { lastEventId: `${object._id}/1` });
    await flips(object, 1);
    await reader.until(1);
    fragile.loses = ({ sequence }) => sequence === '3' || sequence === '4';
    await flips(object, 3);
    assert.deepEqual(
      await reader.until(4),
      [2, 3, 4, 5].map((sequence) => `${object._id}/${String(sequence)}`),
    );
    await reader.stop();
  });

  it('reads from the store what was missed while the connection was lost, also of objects never seen', async () => {
    const { id, scope } = project();
    const object = await create(id);
    const [fresh, resumed] = [
      new Reader(feed, scope),
      new Reader(feed, scope, { lastEventId: `${object._id}/1` }),
    ];
    await flips(object, 1);
    await Promise.all([fresh.until(1), resumed.until(1)]);
    fragile.loses = () => true;
    await flips(object, 2);
    const other = await create(id);
    fragile.loses = () => false;
    fragile.interrupt();
    const missed = [`${object._id}/3`, `${object._id}/4`, `${other._id}/1`];
    for (const reader of [fresh, resumed]) {
      await waitFor(() => missed.every((one) => reader.ids.includes(one)));
      await flips(object, 1);
      const last = (await writer.read(object._id)).sequence;
      await waitFor(() => reader.ids.includes(`${object._id}/${String(last)}`));
      assert.equal(new Set(reader.ids).size, reader.ids.length, 'nothing twice');
      await reader.stop();
    }
  });

  it('goes on after an interruption when the last one that was read is forgotten', async () => {
    const { id, scope } = project();
    const object = await create(id);
    const reader = new Reader(feed, scope, { lastEventId: `${object._id}/1` });
    await flips(object, 1);
    await reader.until(1);
    await store.db.collection('events').deleteMany({ subject: object._id });
    fragile.interrupt();
    await flips(object, 1);
    assert.deepEqual(await reader.until(2), [`${object._id}/2`, `${object._id}/3`]);
    await reader.stop();
  });

  it('tells a reader who comes back also of what was recorded before, but published after its last', async () => {
    const { id, scope } = project();
    fragile.refuses = () => true;
    const late = await create(id);
    // Half a minute in which this process cannot reach the broker, and others can.
    const then = String(Date.now() - 30_000).padStart(15, '0');
    const position = `${then}/${late._id}/000000000001`;
    await store.db
      .collection('events')
      .updateOne(
        { _id: `${late._id}/1` as never },
        { $set: { position, recorded_at: new Date(Date.now() - 30_000) } },
      );
    fragile.refuses = () => false;
    const other = await create(id);
    const reader = new Reader(feed, scope, { lastEventId: `${other._id}/1` });
    await relay.relay(CLUSTER, late);
    await reader.until(1);
    await reader.stop();
    const again = new Reader(feed, scope, { lastEventId: `${other._id}/1` });
    assert.deepEqual(await again.until(1), [`${late._id}/1`]);
    await again.stop();
  });

  it('refuses to go on after what the reader cannot have', async () => {
    const [ours, theirs] = [project(), project()];
    const object = await create(theirs.id);
    for (const lastEventId of [`${object._id}/1`, `${randomUUID()}/1`, '']) {
      await assert.rejects(new Reader(feed, ours.scope, { lastEventId }).done, { code: 'invalid_marker' });
    }
  });

  it('cuts off a reader that does not keep up, and only that one', async () => {
    const subject = randomUUID();
    const abort = new AbortController();
    const slow = feed.follow(ALL, {}, { signal: abort.signal });
    const pending = slow.next();
    const quick = new Reader(feed, ALL);
    for (let sequence = 1; sequence <= 10_002; sequence += 1) {
      await fragile.bus.publishNotification('cluster.state.changed', notification(subject, sequence));
      // So that the quick one has its turn, as between the packets of a network.
      if (sequence % 100 === 0) await new Promise(setImmediate);
    }
    await quick.until(10_002);
    assert.equal((await pending).value?.id, `${subject}/1`);
    await assert.rejects(slow.next(), { code: 'too_many_requests' });
    await quick.stop();
  });

  it('ends its readers when it stops, and takes no more', async () => {
    const { id, scope } = project();
    const object = await create(id);
    const readers = [new Reader(feed, scope), new Reader(feed, scope, { lastEventId: `${object._id}/1` })];
    await new Promise(setImmediate);
    await feed.stop();
    for (const reader of readers) await reader.done;
    await new Reader(feed, scope).done;
    await new Reader(feed, scope, { lastEventId: `${object._id}/1` }).done;
  });

  it('ends at once for a reader who has gone already', async () => {
    const stream = feed.follow(ALL, {}, { signal: AbortSignal.abort() });
    assert.deepEqual(await stream.next(), { value: undefined, done: true });
  });
});
