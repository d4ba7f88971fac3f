import type { Collection, Db, Filter, MongoBulkWriteError } from 'mongodb';
import { CetusError } from '../errors/index.ts';
import type { CloudEvent } from '../schemas/event.ts';
import {
  ensureRetention,
  guard,
  REPEATABLE_WRITE,
  isDuplicateKey,
  ownedBy,
  type PageOf,
  type Scope,
  type Store,
} from '../store/index.ts';

/** A notification as it is kept. */
interface StoredEvent {
  _id: string;
  /** The order of publishing, about; within one object the order of its sequence. See {@link positionOf}. */
  position: string;
  project_id: string;
  subject: string;
  /** See {@link kindsOf}. */
  kinds: string[];
  sequence: number;
  /** When it was first recorded: whoever has it may lack what came since then. */
  recorded_at: Date;
  event: CloudEvent;
}

/** What a reader may narrow the notifications to. */
export interface EventFilter {
  /** The uuid of an object. */
  object?: string;
  /** That of an object, with its parts, or that of a part. */
  kind?: string;
  /** `cetus.<kind>.<action>.<phase>`. */
  type?: string;
}

/**
 * How far back a replay looks for notifications that were published later than recorded, in milliseconds: a broker has five seconds to
 * confirm each, and clocks differ a little.
 */
const OVERLAP_MS = 10_000;
/** A notification that has waited so long to be published is moved to now, as readers may have passed it by, in milliseconds. */
const PASSED_BY_MS = OVERLAP_MS / 2;

function events(db: Db): Collection<StoredEvent> {
  return db.collection<StoredEvent>('events');
}

/** @param retentionDays days after which notifications are forgotten */
export async function ensureEventIndexes(db: Db, retentionDays: number): Promise<void> {
  await events(db).createIndexes([
    { key: { project_id: 1, position: 1 } },
    { key: { position: 1 } },
    { key: { subject: 1, sequence: 1 } },
    { key: { subject: 1, position: 1 } },
    { key: { project_id: 1, kinds: 1, position: 1 } },
  ]);
  await ensureRetention(events(db), 'recorded_at', retentionDays);
}

/** Milliseconds, then object, then sequence, each of fixed width. */
function positionOf(at: number, event?: CloudEvent): string {
  const time = String(at).padStart(15, '0');
  return event === undefined ? time : `${time}/${event.subject}/${event.sequence.padStart(12, '0')}`;
}

function timeOf({ position }: Pick<StoredEvent, 'position'>): number {
  return Number(position.slice(0, 15));
}

/** The positions of the notifications before these, by whatever process with whatever clock they were recorded: milliseconds by id. */
async function timesBefore(db: Db, firsts: readonly CloudEvent[]): Promise<Map<string, number>> {
  const ids = firsts.filter(({ sequence }) => sequence !== '1').map(idBefore);
  if (ids.length === 0) return new Map();
  const before = await guard(() =>
    events(db)
      .find({ _id: { $in: ids } })
      .project<Pick<StoredEvent, '_id' | 'position'>>({ position: 1 })
      .toArray(),
  );
  return new Map(before.map((one) => [one._id, timeOf(one)]));
}

function idBefore(event: CloudEvent): string {
  return `${event.subject}/${String(Number(event.sequence) - 1)}`;
}

/**
 * Keeps notifications that are about to be published. Within one object their positions rise with their sequence, whoever records
 * them. One that is kept already stays as it is, unless it has waited so long to be published that readers have passed it by: then it
 * is moved to now.
 * @param recorded for each of some objects, consecutive notifications
 */
export async function recordEvents(db: Db, recorded: readonly (readonly CloudEvent[])[]): Promise<void> {
  const firsts = recorded.flatMap(([first]) => first ?? []);
  if (firsts.length === 0) return;
  const before = await timesBefore(db, firsts);
  const now = Date.now();
  const atLeast = (first: CloudEvent): number => Math.max(now, (before.get(idBefore(first)) ?? 0) + 1);
  const documents = recorded.flatMap((ofOne) =>
    ofOne.map((event) => stored(event, atLeast(ofOne[0] ?? event))),
  );
  try {
    await guard(() => events(db).insertMany(documents, { ordered: false, ...REPEATABLE_WRITE }));
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
    const refused = (error as MongoBulkWriteError).writeErrors;
    const subjects = new Set([refused].flat().map(({ index }) => documents[index]?.subject));
    const known = recorded.filter(([first]) => subjects.has(first?.subject));
    for (const ofOne of known) await putInOrder(db, ofOne, before.get(idBefore(ofOne[0] as CloudEvent)) ?? 0);
  }
  await followTheMoved(db, recorded, before, now);
}

/**
 * What was recorded behind a notification that was old enough to be moved to now by another process, meanwhile: whoever writes looks
 * afterwards for what the other wrote, so one of them sees it.
 */
async function followTheMoved(
  db: Db,
  recorded: readonly (readonly CloudEvent[])[],
  before: ReadonlyMap<string, number>,
  now: number,
): Promise<void> {
  const old = recorded.filter(([first]) => {
    const at = first === undefined ? undefined : before.get(idBefore(first));
    // Half of the time, as the clock of the other may be ahead.
    return at !== undefined && at < now - PASSED_BY_MS / 2;
  });
  if (old.length === 0) return;
  const after = await timesBefore(
    db,
    old.flatMap(([first]) => first ?? []),
  );
  for (const ofOne of old) {
    const id = idBefore(ofOne[0] as CloudEvent);
    const moved = after.get(id) ?? 0;
    if (moved > (before.get(id) ?? 0)) await putInOrder(db, ofOne, moved);
  }
}

/** Moves notifications of one object that were recorded at different times to where they belong, never back, and never past the next one. */
async function putInOrder(db: Db, ofOne: readonly CloudEvent[], after: number): Promise<void> {
  const ids = ofOne.map(({ id }) => id);
  const newest = ofOne.at(-1) as CloudEvent;
  // Another relay may have gone on with what came after, while this one had an old look at the object.
  const next = await guard(() =>
    events(db).findOne(
      { subject: newest.subject, sequence: Number(newest.sequence) + 1 },
      { projection: { position: 1 } },
    ),
  );
  const now = Math.min(Date.now(), next === null ? Number.POSITIVE_INFINITY : timeOf(next));
  const kept = await guard(() =>
    events(db)
      .find({ _id: { $in: ids } })
      .sort({ sequence: 1 })
      .toArray(),
  );
  let last = after;
  for (const { _id, position, event } of kept) {
    const at = timeOf({ position });
    const passedBy = at < now - PASSED_BY_MS;
    last = Math.max(last, passedBy ? now : at);
    if (last === at) continue;
    const moved = positionOf(last, event);
    await guard(() => events(db).updateOne({ _id, position }, { $set: { position: moved } }));
  }
  // Another process may have recorded what comes after these while they were moved.
  const overtaken = await guard(() =>
    events(db)
      .find({
        subject: newest.subject,
        sequence: { $gt: Number(newest.sequence) },
        position: { $lt: positionOf(last) },
      })
      .sort({ sequence: 1 })
      .toArray(),
  );
  if (overtaken.length > 0)
    await putInOrder(
      db,
      overtaken.map(({ event }) => event),
      last,
    );
}

function stored(event: CloudEvent, at: number): StoredEvent {
  return {
    _id: event.id,
    position: positionOf(at, event),
    project_id: event.projectid,
    subject: event.subject,
    kinds: kindsOf(event),
    sequence: Number(event.sequence),
    recorded_at: new Date(at),
    event,
  };
}

/** The kinds that a notification is found by: its object's, so that a reader of objects misses nothing of their sequences, and its part's. */
export function kindsOf({ data }: Pick<CloudEvent, 'data'>): string[] {
  return data.part_of === undefined ? [data.kind] : [data.part_of.kind, data.kind];
}

/** The notifications of all objects, as request code may read them. */
export class EventStore {
  private readonly db: Db;

  constructor(store: Store) {
    this.db = store.db;
  }

  /**
   * A page in the order of recording.
   * @throws CetusError `invalid_marker` when the marker is not the id of a notification in the scope
   */
  async list(
    scope: Scope,
    page: EventFilter & { limit: number; marker?: string; sortDir: 'asc' | 'desc' },
  ): Promise<PageOf<CloudEvent>> {
    const filters = [filterOf(scope, page)];
    if (page.marker !== undefined) {
      const marker = await this.find(scope, page.marker);
      if (marker === null)
        throw new CetusError('invalid_marker', `There is no notification ${page.marker} here`, {
          field: 'marker',
        });
      filters.push({ position: { [page.sortDir === 'asc' ? '$gt' : '$lt']: marker.position } });
    }
    const found = await guard(() =>
      events(this.db)
        .find({ $and: filters })
        .sort({ position: page.sortDir === 'asc' ? 1 : -1 })
        .limit(page.limit + 1)
        .toArray(),
    );
    const items = found.slice(0, page.limit).map(({ event }) => event);
    return { items, nextMarker: found.length > page.limit ? (items.at(-1)?.id ?? null) : null };
  }

  /**
   * What was recorded after a notification, or since a time, oldest first, for a reader who comes back. It starts a little earlier,
   * as another process may have recorded late; what the reader certainly has (the same object, up to the same sequence) is left out.
   * @param from the id of the last notification that the reader has, or a time
   * @throws CetusError `invalid_marker`
   */
  async *replay(
    scope: Scope,
    from: string | Date,
    filter: EventFilter,
    batch = 500,
  ): AsyncGenerator<CloudEvent> {
    const last = typeof from === 'string' ? await this.find(scope, from) : null;
    if (last === null && typeof from === 'string') {
      throw new CetusError('invalid_marker', `There is no notification ${from} here`, {
        field: 'Last-Event-ID',
      });
    }
    const since = (last?.recorded_at ?? (from as Date)).getTime() - OVERLAP_MS;
    let position = positionOf(since);
    for (;;) {
      const found = await guard(() =>
        events(this.db)
          .find({ $and: [filterOf(scope, filter), { position: { $gt: position } }] })
          .sort({ position: 1 })
          .limit(batch)
          .toArray(),
      );
      for (const { event } of found) {
        if (event.subject !== last?.subject || Number(event.sequence) > last.sequence) yield event;
      }
      const end = found.at(-1);
      if (end === undefined || found.length < batch) return;
      position = end.position;
    }
  }

  /** The notifications of one object between two sequence numbers, both included. */
  async between(scope: Scope, object: string, from: number, to: number): Promise<CloudEvent[]> {
    const filter = {
      ...(ownedBy(scope) as Filter<StoredEvent>),
      subject: object,
      sequence: { $gte: from, $lte: to },
    };
    const found = await guard(() => events(this.db).find(filter).sort({ sequence: 1 }).toArray());
    return found.map(({ event }) => event);
  }

  private async find(scope: Scope, id: string): Promise<StoredEvent | null> {
    return guard(() => events(this.db).findOne({ _id: id, ...ownedBy(scope) } as Filter<StoredEvent>));
  }
}

function filterOf(scope: Scope, filter: EventFilter): Filter<StoredEvent> {
  return {
    ...(ownedBy(scope) as Filter<StoredEvent>),
    ...(filter.object === undefined ? {} : { subject: filter.object }),
    ...(filter.kind === undefined ? {} : { kinds: filter.kind }),
    ...(filter.type === undefined ? {} : { 'event.type': filter.type }),
  };
}
