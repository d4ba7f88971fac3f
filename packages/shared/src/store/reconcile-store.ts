import type { Collection, Filter } from 'mongodb';
import { CetusError } from '../errors/index.ts';
import type { StoredObject } from '../schemas/object.ts';
import { guard } from './errors.ts';
import { collectionOf, type Kind } from './kind.ts';
import type { Store } from './store.ts';

/** The holder lost its lease: another process may be working on the object, so nothing of this round may be written. */
export class LeaseLostError extends Error {
  constructor(id: string) {
    super(`The lease of ${id} was lost`);
    this.name = 'LeaseLostError';
  }
}

/** What {@link ReconcileStore.claim} answers: the object with its lease, or why there is none. `elsewhere`: it is for other processes. */
export type Claim<T> =
  | { object: T & { lease: NonNullable<T extends StoredObject ? T['lease'] : never> } }
  | 'leased'
  | 'early'
  | 'elsewhere'
  | 'gone';

/**
 * The objects of one kind, as the service that reconciles them uses them: across all projects, under leases with fencing tokens.
 * Times are this process' clock; leases are far longer than the skew that NTP leaves.
 */
export class ReconcileStore<T extends StoredObject> {
  readonly kind: Kind<T>;
  private readonly collection: Collection<T>;

  constructor(store: Store, kind: Kind<T>) {
    this.kind = kind;
    this.collection = collectionOf(store.db, kind);
  }

  /**
   * Takes the lease of an object. Until it is released, `next_attempt_at` is the end of the lease, so that the sweep finds the object
   * of a holder that died.
   * @param options.dueBy claim only an object whose time has come by then; answers `early` for any other
   * @param options.ongoing claim only an object of which an operation goes on; answers `early` for any other
   * @param options.only what the process can work on; answers `elsewhere` for any other
   */
  async claim(
    id: string,
    owner: string,
    ttlMs: number,
    options: { now?: Date; dueBy?: Date | undefined; ongoing?: boolean; only?: Filter<T> | undefined } = {},
  ): Promise<Claim<T>> {
    const { now = new Date(), dueBy, ongoing = false, only } = options;
    const due = dueBy === undefined ? {} : { next_attempt_at: { $lte: dueBy } };
    const until = new Date(now.getTime() + ttlMs);
    const object = await guard(() =>
      this.collection.findOneAndUpdate(
        {
          _id: id,
          deleted_at: null,
          $or: [{ lease: null }, { 'lease.until': { $lte: now } }],
          ...due,
          ...(ongoing ? { 'operation.state': 'IN_PROGRESS' } : {}),
          ...both(only),
        } as Filter<T>,
        [
          {
            $set: {
              lease_token: { $add: ['$lease_token', 1] },
              // A lease that is still there was not given back: its holder died, or lost the database.
              abandoned: { $cond: [{ $eq: ['$lease', null] }, '$abandoned', { $add: ['$abandoned', 1] }] },
              lease: { owner: { $literal: owner }, until, token: { $add: ['$lease_token', 1] } },
              next_attempt_at: until,
            },
          },
        ],
        { returnDocument: 'after' },
      ),
    );
    if (object !== null) return { object: object as never };
    const held = await guard(() =>
      this.collection.findOne({ _id: id, deleted_at: null } as Filter<T>, { projection: { lease: 1 } }),
    );
    if (held === null) return 'gone';
    if (only !== undefined && !(await this.matches(id, only))) return 'elsewhere';
    return held.lease !== null || (dueBy === undefined && !ongoing) ? 'leased' : 'early';
  }

  private async matches(id: string, only: Filter<T>): Promise<boolean> {
    const filter = { _id: id, ...both(only) } as Filter<T>;
    return (await guard(() => this.collection.findOne(filter, { projection: { _id: 1 } }))) !== null;
  }

  /** @throws LeaseLostError */
  async renew(id: string, token: number, ttlMs: number, now = new Date()): Promise<void> {
    const until = new Date(now.getTime() + ttlMs);
    const { matchedCount } = await guard(() =>
      this.collection.updateOne(
        { _id: id, 'lease.token': token } as unknown as Filter<T>,
        { $set: { 'lease.until': until, next_attempt_at: until } } as never,
      ),
    );
    if (matchedCount === 0) throw new LeaseLostError(id);
  }

  /** Gives a lease back with nothing written, so that another process takes the object at once. Does nothing when it was lost. */
  async release(id: string, token: number, now = new Date()): Promise<void> {
    await guard(() =>
      this.collection.updateOne(
        { _id: id, 'lease.token': token } as unknown as Filter<T>,
        { $set: { lease: null, next_attempt_at: now } } as never,
      ),
    );
  }

  /**
   * The one status write of a round. `build` gets the newest document (the API may have accepted something meanwhile) and answers
   * the fields to set; it is called again when the API came first. What is asked for (`spec`) is never written.
   * @throws LeaseLostError, CetusError `store_unavailable`
   */
  async commit(claimed: T, build: (current: T) => CommitFields<T>): Promise<T> {
    const token = claimed.lease?.token;
    let current = claimed;
    for (;;) {
      const { events, visible = true, ...fields } = build(current);
      const filter = {
        _id: claimed._id,
        'lease.token': token,
        revision: current.revision,
      } as unknown as Filter<T>;
      const push = events.length === 0 ? {} : { $push: { pending_events: { $each: events } } };
      const written = await guard(() =>
        this.collection.findOneAndUpdate(
          filter,
          {
            $set: { ...fields, sequence: current.sequence + events.length },
            $inc: { revision: visible ? 1 : 0 },
            ...push,
          } as never,
          { returnDocument: 'after' },
        ),
      );
      if (written !== null) return written as T;
      const newest = await guard(() =>
        this.collection.findOne({ _id: claimed._id, 'lease.token': token } as unknown as Filter<T>),
      );
      if (newest === null) throw new LeaseLostError(claimed._id);
      current = newest as T;
    }
  }

  /**
   * Objects that want to be looked at now, longest overdue first.
   * @param only as in {@link claim}
   */
  async due(
    now: Date,
    limit: number,
    only?: Filter<T>,
  ): Promise<Pick<T, '_id' | 'project_id' | 'generation' | 'next_attempt_at'>[]> {
    return guard(() =>
      this.collection
        // The type is said because the index is partial.
        .find({ next_attempt_at: { $lte: now, $type: 'date' }, ...both(only) } as Filter<T>)
        .sort({ next_attempt_at: 1 })
        .limit(limit)
        .project<Pick<T, '_id' | 'project_id' | 'generation' | 'next_attempt_at'>>({
          project_id: 1,
          generation: 1,
          next_attempt_at: 1,
        })
        .toArray(),
    );
  }

  /** @throws CetusError `not_found` */
  async read(id: string): Promise<T> {
    const object = await guard(() => this.collection.findOne({ _id: id } as Filter<T>));
    if (object === null) throw new CetusError('not_found', `There is no ${this.kind.name} ${id}`);
    return object as T;
  }
}

/** A condition besides others. */
function both<T>(only: Filter<T> | undefined): { $and?: Filter<T>[] } {
  return only === undefined ? {} : { $and: [only] };
}

/** What a round may write. */
export type CommitFields<T extends StoredObject> = Partial<
  Pick<
    T,
    | 'generation'
    | 'status'
    | 'operation'
    | 'lease'
    | 'next_attempt_at'
    | 'attempts'
    | 'abandoned'
    | 'deleted_at'
    | 'updated_at'
  >
> & {
  /** Notifications to append, numbered from `current.sequence + 1`. */
  events: T['pending_events'];
  /** False when a reader sees no difference; the entity tag then stays. Default true. */
  visible?: boolean;
};
