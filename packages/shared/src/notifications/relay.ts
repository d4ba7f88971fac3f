import type { Db, Filter } from 'mongodb';
import type { Bus } from '../bus/bus.ts';
import { recordOf, recordOperations } from '../operations/operation-store.ts';
import type { PendingEvent, StoredObject } from '../schemas/object.ts';
import { guard, type Kind } from '../store/index.ts';
import { recordEvents } from './event-store.ts';
import { routingKeyOf } from './events.ts';

type AnyKind = Pick<Kind<never>, 'name' | 'collection'>;
type WithPending = Pick<StoredObject, '_id' | 'name' | 'project_id' | 'pending_events'>;

export interface RelayOptions {
  db: Db;
  bus: Bus;
  kinds: readonly AnyKind[];
  /** Told of objects whose notifications could not be published now; the sweep tries them again. */
  onError: (error: unknown, object: string | null) => void;
  /** How often to look for notifications that were left behind, in milliseconds; default 2,000. */
  sweepMs?: number;
}

/** Notifications younger than this are on their way in the process that wrote them. */
const SWEEP_GRACE_MS = 2_000;
/** Objects of one kind that one sweep takes. */
const SWEEP_LIMIT = 200;

/**
 * Publishes the pending notifications of objects: records them (events and operations), publishes them in order, then takes them off
 * the document. Each step may be repeated, so a crash in between costs a second delivery at most; as every relay publishes what is
 * pending from the oldest on, the first delivery of each notification is in order whoever relays.
 */
export class Relay {
  private readonly options: RelayOptions;
  /** One chain an object, for as long as something of it is being published. */
  private readonly busy = new Map<string, Promise<void>>();
  private timer: NodeJS.Timeout | undefined;
  private sweeping: Promise<unknown> = Promise.resolve();
  private stopped = false;

  constructor(options: RelayOptions) {
    this.options = options;
  }

  /** Publishes what is pending in an object that was just written. Never rejects: the sweep heals what fails. */
  async relay(kind: AnyKind, object: WithPending): Promise<void> {
    if (object.pending_events.length === 0) return;
    const before = this.busy.get(object._id) ?? Promise.resolve();
    const run = before.then(() => this.publish(kind, object)).catch((error: unknown) => this.options.onError(error, object._id));
    this.busy.set(object._id, run);
    await run;
    if (this.busy.get(object._id) === run) this.busy.delete(object._id);
  }

  /** Starts to look, now and then, for notifications that a crash or a lost broker left behind. */
  start(): void {
    const { sweepMs = 2_000, onError } = this.options;
    this.timer = setTimeout(() => {
      this.sweeping = this.sweep(new Date(Date.now() - SWEEP_GRACE_MS))
        .catch((error: unknown) => onError(error, null))
        .finally(() => {
          if (!this.stopped) this.start();
        });
    }, sweepMs * (0.9 + Math.random() * 0.2));
  }

  /** Waits for what is being published now. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.sweeping;
    await Promise.all(this.busy.values());
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

  private async publish(kind: AnyKind, object: WithPending): Promise<void> {
    const { db, bus } = this.options;
    const pending = object.pending_events;
    await Promise.all([recordEvents(db, pending.map(({ event }) => event)), recordOperations(db, records(kind, object, pending))]);
    for (const { event } of pending) await bus.publishNotification(routingKeyOf(event), event);
    const published = pending.map(({ event }) => event.id);
    await guard(() =>
      db
        .collection<StoredObject>(kind.collection)
        .updateOne(
          { _id: object._id } as Filter<StoredObject>,
          { $pull: { pending_events: { 'event.id': { $in: published } } } } as never,
        ),
    );
  }
}

/** The newest record of each operation among the pending notifications. */
function records(kind: AnyKind, object: WithPending, pending: readonly PendingEvent[]) {
  const newest = new Map<string, ReturnType<typeof recordOf>>();
  for (const { event, operation } of pending) {
    if (operation !== null) newest.set(operation.uuid, recordOf(kind.name, object, operation, Number(event.sequence)));
  }
  return [...newest.values()];
}
