import type { Db } from 'mongodb';
import type { Bus } from '../bus/bus.ts';
import { recordOf, recordOperations } from '../operations/operation-store.ts';
import type { CloudEvent } from '../schemas/event.ts';
import type { PendingEvent, StoredObject } from '../schemas/object.ts';
import { guard, REPEATABLE_WRITE } from '../store/index.ts';
import { Backlog, type Relayed, type RelayedKind, type WithPending } from './backlog.ts';
import { recordEvents } from './event-store.ts';
import { routingKeyOf } from './events.ts';

export interface RelayOptions {
  db: Db;
  bus: Bus;
  kinds: readonly RelayedKind[];
  /** Told of objects whose notifications could not be published now; the sweep tries them again. */
  onError: (error: unknown, object: string | null) => void;
  /** How often to look for notifications that were left behind, in milliseconds; default 2,000. */
  sweepMs?: number;
}

/** Notifications younger than this are on their way in the process that wrote them. */
const SWEEP_GRACE_MS = 2_000;
/** Objects of one kind that one sweep takes. */
const SWEEP_LIMIT = 200;
/** Objects whose notifications are published together. */
const BATCH_LIMIT = 200;
/** Waiting objects whose notifications are kept in memory. */
const KEPT_LIMIT = 2 * BATCH_LIMIT;

/** Objects of which it is remembered how far they are published; of others a notification may be delivered twice. */
const PUBLISHED_LIMIT = 10_000;

/**
 * Publishes the pending notifications of objects: records them (events and operations), publishes them in order, then takes them off
 * the document. Each step may be repeated, so a crash in between costs a second delivery at most; as every relay publishes what is
 * pending from the oldest on, the first delivery of each notification is in order whoever relays.
 *
 * Objects that come while others are being published go together in the next batch: one write each to record them and to take them off,
 * however many they are.
 */
export class Relay {
  private readonly options: RelayOptions;
  private readonly waiting = new Backlog(KEPT_LIMIT);
  private readonly published = new PublishedLately();
  private draining: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private sweeping: Promise<unknown> = Promise.resolve();
  private stopped = false;

  constructor(options: RelayOptions) {
    this.options = options;
  }

  /** Publishes what is pending in an object that was just written. Never rejects: the sweep heals what fails. */
  relay(kind: RelayedKind, object: WithPending): Promise<void> {
    if (object.pending_events.length === 0) return Promise.resolve();
    // Nothing here holds the object while it waits.
    const relayed = this.waiting.add(kind, object);
    this.draining ??= this.drain();
    return relayed;
  }

  /** Starts to look, now and then, for notifications that a crash or a lost broker left behind. */
  start(): void {
    const { sweepMs = 2_000, onError } = this.options;
    this.timer = setTimeout(
      () => {
        this.sweeping = this.sweep(new Date(Date.now() - SWEEP_GRACE_MS))
          .catch((error: unknown) => onError(error, null))
          .finally(() => {
            if (!this.stopped) this.start();
          });
      },
      sweepMs * (0.9 + Math.random() * 0.2),
    );
  }

  /** Waits for what is being published now. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.sweeping;
    await this.draining;
  }

  /** Relays objects whose notifications have been pending since before `olderThan`. Answers how many there were. */
  async sweep(olderThan: Date): Promise<number> {
    let count = 0;
    for (const kind of this.options.kinds) {
      const stuck = await guard(() =>
        this.options.db
          .collection<StoredObject>(kind.collection)
          .find({ 'pending_events.0': { $exists: true }, updated_at: { $lte: olderThan } })
          .sort({ updated_at: 1 })
          .limit(SWEEP_LIMIT)
          .project<WithPending>({ name: 1, project_id: 1, pending_events: 1 })
          .toArray(),
      );
      count += stuck.length;
      await Promise.all(stuck.map((object) => this.relay(kind, object)));
    }
    return count;
  }

  private async drain(): Promise<void> {
    // Whoever comes in this turn of the event loop comes along.
    await Promise.resolve();
    while (this.waiting.size > 0) {
      const batch = this.waiting.take(BATCH_LIMIT);
      try {
        await this.publish(await batch.read(this.options.db));
      } catch (error) {
        for (const id of batch.ids) this.options.onError(error, id);
      }
      batch.end();
    }
    this.draining = undefined;
  }

  private async publish(batch: readonly Relayed[]): Promise<void> {
    const { db, bus, onError } = this.options;
    await Promise.all([
      recordEvents(
        db,
        batch.map(({ object }) => object.pending_events.map(({ event }) => event)),
      ),
      recordOperations(
        db,
        batch.flatMap(({ kind, object }) => records(kind, object, object.pending_events)),
      ),
    ]);
    const published = await Promise.all(
      batch.map(async ({ kind, object }) => {
        try {
          // One after the other: were one refused and the next taken, the first delivery of them would be out of order.
          for (const { event } of this.published.notYet(object)) {
            await bus.publishNotification(routingKeyOf(event), event);
            this.published.add(event);
          }
          return { kind, object };
        } catch (error) {
          onError(error, object._id);
          return null;
        }
      }),
    );
    await takeOff(
      db,
      published.filter((one) => one !== null),
    );
  }
}

/** How far the notifications of an object have been published by this process: documents as they were before still show them as pending. */
class PublishedLately {
  private readonly newest = new Map<string, number>();

  notYet({ _id, pending_events }: WithPending): PendingEvent[] {
    const published = this.newest.get(_id) ?? 0;
    return pending_events.filter(({ event }) => Number(event.sequence) > published);
  }

  add({ subject, sequence }: CloudEvent): void {
    this.newest.delete(subject);
    this.newest.set(subject, Number(sequence));
    if (this.newest.size > PUBLISHED_LIMIT) this.newest.delete(this.newest.keys().next().value as string);
  }
}

/** Takes published notifications off their documents, one write a kind. */
async function takeOff(db: Db, published: readonly Relayed[]): Promise<void> {
  for (const collection of new Set(published.map(({ kind }) => kind.collection))) {
    const writes = published
      .filter(({ kind }) => kind.collection === collection)
      .map(({ object }) => ({
        updateOne: {
          filter: { _id: object._id },
          update: {
            $pull: {
              pending_events: { 'event.id': { $in: object.pending_events.map(({ event }) => event.id) } },
            },
          },
        },
      }));
    await guard(() =>
      db
        .collection<StoredObject>(collection)
        .bulkWrite(writes as never, { ordered: false, ...REPEATABLE_WRITE }),
    );
  }
}

/** The newest record of each operation among the pending notifications. */
function records(kind: RelayedKind, object: WithPending, pending: readonly PendingEvent[]) {
  const newest = new Map<string, ReturnType<typeof recordOf>>();
  for (const { event, operation } of pending) {
    if (operation !== null)
      newest.set(operation.uuid, recordOf(kind.name, object, operation, Number(event.sequence)));
  }
  return [...newest.values()];
}
