import type { Collection, Filter } from 'mongodb';
import type { StoredCluster } from '../schemas/cluster.ts';
import type { ClusterHealth, FollowLease } from '../schemas/health.ts';
import type { PendingEvent } from '../schemas/object.ts';
import { guard } from './errors.ts';
import { collectionOf } from './kind.ts';
import { CLUSTER } from './kinds.ts';
import { LeaseLostError } from './reconcile-store.ts';
import { REPEATABLE_WRITE, type Store } from './store.ts';

/** A cluster that somebody must follow. */
export interface Followable {
  _id: string;
  follow: FollowLease | null;
  /** Differs between one kubeconfig and the next. */
  kubeconfigVersion: string;
}

/** What a holder writes: the health, and the notifications that go with it. */
export interface HealthWrite {
  health: ClusterHealth;
  /** Numbered from `current.sequence + 1`. */
  events: PendingEvent[];
  updated_at?: Date;
}

/** The end of a lease that was given back. */
const GIVEN_BACK = new Date(0);

/** Clusters with a kubeconfig that are not being deleted. The first condition is that of the index `followed`. */
const FOLLOWABLE = {
  'status.kubeconfig.nonce': { $type: 'string' },
  deleted_at: null,
  $nor: [{ 'operation.action': 'delete', 'operation.state': 'IN_PROGRESS' }],
} as unknown as Filter<StoredCluster>;

/**
 * Which process follows which cluster, and what it sees: leases with fencing tokens in the field `follow`, and the field `health` that
 * only the holder writes. The lease of a cluster is never removed, so that its token rises for ever.
 */
export class FollowStore {
  private readonly clusters: Collection<StoredCluster>;

  constructor(store: Pick<Store, 'db'>) {
    this.clusters = collectionOf(store.db, CLUSTER);
  }

  /** All clusters that are to be followed. @throws CetusError `store_unavailable` */
  async followable(): Promise<Followable[]> {
    return this.find(FOLLOWABLE);
  }

  /**
   * Takes the leases of clusters as they were read: those that nobody else took or renewed meanwhile. Answers those that are now held.
   * @param from `nobody`: leases that have ended; `holder`: whoever holds them loses them
   * @throws CetusError `store_unavailable`
   */
  async claim(
    wanted: readonly Followable[],
    owner: string,
    ttlMs: number,
    { from, now = new Date() }: { from: 'nobody' | 'holder'; now?: Date },
  ): Promise<Followable[]> {
    if (wanted.length === 0) return [];
    const until = new Date(now.getTime() + ttlMs);
    const ended = from === 'nobody' ? { 'follow.until': { $lte: now } } : {};
    const writes = wanted.map(({ _id, follow }) => ({
      updateOne: {
        filter: {
          ...FOLLOWABLE,
          _id,
          ...(follow === null ? { follow: null } : { 'follow.token': follow.token, ...ended }),
        },
        update: { $set: { follow: { owner, until, token: (follow?.token ?? 0) + 1 } } },
      },
    }));
    await guard(() => this.clusters.bulkWrite(writes as never, { ordered: false }));
    const ids = wanted.map(({ _id }) => _id);
    return this.find({ ...FOLLOWABLE, _id: { $in: ids }, 'follow.owner': owner });
  }

  /** Prolongs those leases that are still held; which they are, {@link followable} tells. @throws CetusError `store_unavailable` */
  async renew(ids: readonly string[], owner: string, ttlMs: number, now = new Date()): Promise<void> {
    if (ids.length === 0) return;
    await guard(() =>
      this.clusters.updateMany(
        { ...FOLLOWABLE, _id: { $in: ids }, 'follow.owner': owner },
        { $set: { 'follow.until': new Date(now.getTime() + ttlMs) } },
        REPEATABLE_WRITE,
      ),
    );
  }

  /** Gives all leases of a process back, so that others take them at once. @throws CetusError `store_unavailable` */
  async release(owner: string): Promise<void> {
    await guard(() =>
      this.clusters.updateMany(
        { ...FOLLOWABLE, 'follow.owner': owner },
        { $set: { 'follow.until': GIVEN_BACK } },
      ),
    );
  }

  /** A cluster, as its holder needs it to connect. @throws LeaseLostError, CetusError `store_unavailable` */
  async read(id: string, lease: Pick<FollowLease, 'owner' | 'token'>): Promise<StoredCluster> {
    const found = await guard(() => this.clusters.findOne(held(id, lease)));
    if (found === null) throw new LeaseLostError(id);
    return found;
  }

  /**
   * Writes the health, with its notifications. `build` gets the newest document; it is called again when another writer came first.
   * @throws LeaseLostError, CetusError `store_unavailable`
   */
  async write(
    id: string,
    lease: Pick<FollowLease, 'owner' | 'token'>,
    build: (current: StoredCluster) => HealthWrite,
  ): Promise<StoredCluster> {
    for (;;) {
      const current = await this.read(id, lease);
      const { events, ...fields } = build(current);
      const written = await guard(() =>
        this.clusters.findOneAndUpdate(
          { ...held(id, lease), revision: current.revision },
          {
            $set: { ...fields, sequence: current.sequence + events.length },
            $inc: { revision: 1 },
            ...(events.length === 0 ? {} : { $push: { pending_events: { $each: events } } }),
          },
          { returnDocument: 'after' },
        ),
      );
      if (written !== null) return written;
    }
  }

  /** Notes when clusters last answered. No reader is told: the entity tags stay. @throws CetusError `store_unavailable` */
  async noteContacts(
    contacts: readonly { id: string; lease: Pick<FollowLease, 'owner' | 'token'>; at: Date }[],
  ): Promise<void> {
    if (contacts.length === 0) return;
    const writes = contacts.map(({ id, lease, at }) => ({
      updateOne: {
        filter: { ...held(id, lease), 'health.status': { $type: 'string' } },
        update: { $set: { 'health.last_contact': at } },
      },
    }));
    await guard(() => this.clusters.bulkWrite(writes as never, { ordered: false, ...REPEATABLE_WRITE }));
  }

  private async find(filter: Filter<StoredCluster>): Promise<Followable[]> {
    const found = await guard(() =>
      this.clusters
        .find(filter)
        .project<{ _id: string; follow?: FollowLease | null; status: { kubeconfig: { nonce: string } } }>({
          follow: 1,
          'status.kubeconfig.nonce': 1,
        })
        .toArray(),
    );
    return found.map(({ _id, follow, status }) => ({
      _id,
      follow: follow ?? null,
      kubeconfigVersion: status.kubeconfig.nonce,
    }));
  }
}

function held(id: string, { owner, token }: Pick<FollowLease, 'owner' | 'token'>): Filter<StoredCluster> {
  return {
    _id: id,
    deleted_at: null,
    'follow.owner': owner,
    'follow.token': token,
  };
}
