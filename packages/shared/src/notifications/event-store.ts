import type { Collection, Db, Filter } from 'mongodb';
import { CetusError } from '../errors/index.ts';
import type { CloudEvent } from '../schemas/event.ts';
import { guard, isDuplicateKey, ownedBy, type PageOf, type Scope, type Store } from '../store/index.ts';

/** A notification as it is kept. */
interface StoredEvent {
  _id: string;
  /** The order of recording; within one object the order of its sequence. See {@link positionOf}. */
  position: string;
  project_id: string;
  subject: string;
  kind: string;
  sequence: number;
  recorded_at: Date;
  event: CloudEvent;
}

/** What a reader may narrow the notifications to. */
export interface EventFilter {
  /** The uuid of an object. */
  object?: string;
  kind?: string;
  /** `cetus.<kind>.<action>.<phase>`. */
  type?: string;
}

/** How far back a replay looks for notifications that other processes recorded late, in milliseconds. */
const OVERLAP_MS = 2_000;

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
    { key: { project_id: 1, kind: 1, position: 1 } },
    { key: { recorded_at: 1 }, name: 'retention', expireAfterSeconds: retentionDays * 86_400 },
  ]);
}

/** Milliseconds, then object, then sequence, each of fixed width. */
function positionOf(recordedAt: Date, event?: CloudEvent): string {
  const time = String(recordedAt.getTime()).padStart(15, '0');
  return event === undefined ? time : `${time}/${event.subject}/${event.sequence.padStart(12, '0')}`;
}

/** When the notifications before these were recorded, by whatever process with whatever clock, in milliseconds by id. */
async function recordedBefore(db: Db, firsts: readonly CloudEvent[]): Promise<Map<string, number>> {
  const ids = firsts.filter(({ sequence }) => sequence !== '1').map(idBefore);
  if (ids.length === 0) return new Map();
  const before = await guard(() =>
    events(db)
      .find({ _id: { $in: ids } })
      .project<Pick<StoredEvent, '_id' | 'recorded_at'>>({ recorded_at: 1 })
      .toArray(),
  );
  return new Map(before.map(({ _id, recorded_at }) => [_id, recorded_at.getTime()]));
}

function idBefore(event: CloudEvent): string {
  return `${event.subject}/${String(Number(event.sequence) - 1)}`;
}

/**
 * Keeps notifications; those that are kept already stay as they are.
 * @param recorded for each of some objects, consecutive notifications
 */
export async function recordEvents(db: Db, recorded: readonly (readonly CloudEvent[])[]): Promise<void> {
  const firsts = recorded.flatMap(([first]) => first ?? []);
  if (firsts.length === 0) return;
  const before = await recordedBefore(db, firsts);
  const now = Date.now();
  const documents = recorded.flatMap((ofOne) => {
    const [first] = ofOne;
    const recordedAt = new Date(
      Math.max(now, (first === undefined ? 0 : (before.get(idBefore(first)) ?? 0)) + 1),
    );
    return ofOne.map((event): StoredEvent => ({
      _id: event.id,
      position: positionOf(recordedAt, event),
      project_id: event.projectid,
      subject: event.subject,
      kind: event.data.kind,
      sequence: Number(event.sequence),
      recorded_at: recordedAt,
      event,
    }));
  });
  try {
    await guard(() => events(db).insertMany(documents, { ordered: false }));
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
  }
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
    let position = positionOf(new Date(since));
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
    ...(filter.kind === undefined ? {} : { kind: filter.kind }),
    ...(filter.type === undefined ? {} : { 'event.type': filter.type }),
  };
}
