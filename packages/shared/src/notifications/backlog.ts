import type { Db } from 'mongodb';
import type { PendingEvent, StoredObject } from '../schemas/object.ts';
import { guard, type Kind } from '../store/index.ts';

export type RelayedKind = Pick<Kind<never>, 'name' | 'collection'>;
/** What is relayed of an object. */
export type WithPending = Pick<StoredObject, '_id' | 'name' | 'project_id' | 'pending_events'>;

/** An object with notifications to publish. */
export interface Relayed {
  kind: RelayedKind;
  object: WithPending;
}

interface Waiting {
  kind: RelayedKind;
  /** Undefined: what is pending is read when its turn comes. */
  object: WithPending | undefined;
  /** Whoever waits for it. */
  done: (() => void)[];
}

/** Some that waited, in the order in which they came. */
export interface Batch {
  ids: readonly string[];
  /** @throws CetusError `store_unavailable` */
  read(db: Db): Promise<Relayed[]>;
  /** Tells whoever waits. */
  end(): void;
}

/**
 * Objects that wait to be relayed, each once. Of the first ones the notifications themselves are kept; of those that come behind them only
 * which objects they are: the notifications are in their documents, and in a burst there may be tens of thousands.
 */
export class Backlog {
  private readonly waiting = new Map<string, Waiting>();
  private readonly keep: number;
  private kept = 0;

  /** @param keep of how many objects the notifications are kept */
  constructor(keep: number) {
    this.keep = keep;
  }

  get size(): number {
    return this.waiting.size;
  }

  /** Resolves when it was relayed, or could not be. */
  add(kind: RelayedKind, object: WithPending): Promise<void> {
    return new Promise((done) => {
      const same = this.waiting.get(object._id);
      if (same === undefined) {
        const isKept = this.kept < this.keep;
        if (isKept) this.kept += 1;
        this.waiting.set(object._id, { kind, object: isKept ? object : undefined, done: [done] });
        return;
      }
      if (same.object !== undefined) same.object = mergePending(same.object, object);
      same.done.push(done);
    });
  }

  take(most: number): Batch {
    const taken = [...firstOf(this.waiting, most)];
    for (const [id, { object }] of taken) {
      this.waiting.delete(id);
      if (object !== undefined) this.kept -= 1;
    }
    return {
      ids: taken.map(([id]) => id),
      read: (db) => readAll(db, taken),
      end: () => {
        for (const [, { done }] of taken) for (const resolve of done) resolve();
      },
    };
  }
}

function* firstOf<K, V>(map: ReadonlyMap<K, V>, most: number): Generator<[K, V]> {
  let left = most;
  for (const entry of map) {
    if (left-- === 0) return;
    yield entry;
  }
}

async function readAll(db: Db, taken: readonly [string, Waiting][]): Promise<Relayed[]> {
  const known = taken.flatMap(([, { kind, object }]) => (object === undefined ? [] : [{ kind, object }]));
  const unknown = taken.filter(([, { object }]) => object === undefined);
  const kinds = new Map(unknown.map(([, { kind }]) => [kind.collection, kind]));
  const read = await Promise.all(
    [...kinds.values()].map(async (kind) => {
      const ids = unknown.filter(([, one]) => one.kind.collection === kind.collection).map(([id]) => id);
      const found = await guard(() =>
        db
          .collection<StoredObject>(kind.collection)
          .find({ _id: { $in: ids }, 'pending_events.0': { $exists: true } })
          .project<WithPending>({ name: 1, project_id: 1, pending_events: 1 })
          .toArray(),
      );
      return found.map((object) => ({ kind, object }));
    }),
  );
  return [...known, ...read.flat()];
}

/** Both looks at one object: what is pending in either, in order. */
function mergePending(before: WithPending, now: WithPending): WithPending {
  const pending = new Map(
    [...before.pending_events, ...now.pending_events].map((one): [string, PendingEvent] => [
      one.event.id,
      one,
    ]),
  );
  const inOrder = [...pending.values()].sort((a, b) => Number(a.event.sequence) - Number(b.event.sequence));
  return { ...now, pending_events: inOrder };
}
