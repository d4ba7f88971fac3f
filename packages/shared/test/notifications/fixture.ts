import { waitFor } from '@cetus/test-kit';
import { createInProcessBus, type Bus } from '@cetus/shared/bus';
import { CetusError } from '@cetus/shared/errors';
import { Relay, type RelayOptions } from '@cetus/shared/notifications';
import { acceptOperation } from '@cetus/shared/operations';
import { settle, type Outcome } from '@cetus/shared/reconcile';
import type { CloudEvent, StoredCluster } from '@cetus/shared/schemas';
import { CLUSTER, collectionOf, ReconcileStore, ScopedStore, scopeOf, type Store } from '@cetus/shared/store';
import { requester } from '../store/builders.ts';

/** A bus that can be told to fail, or to lose what it is given. */
export class FragileBus {
  readonly bus: Bus;
  /** Every notification that was delivered, in order. */
  readonly delivered: CloudEvent[] = [];
  /** Refuses a notification when it answers true. */
  refuses: (event: CloudEvent) => boolean = () => false;
  /** Takes a notification and delivers it to nobody when it answers true. */
  loses: (event: CloudEvent) => boolean = () => false;
  private readonly inner = createInProcessBus();
  private readonly interrupts = new Set<() => void>();

  constructor() {
    this.bus = {
      ...this.inner,
      publishNotification: async (key, event) => {
        if (this.refuses(event))
          throw new CetusError('bus_unavailable', 'RabbitMQ did not confirm a message');
        if (this.loses(event)) return;
        this.delivered.push(event);
        await this.inner.publishNotification(key, event);
      },
      subscribeNotifications: async (pattern, handler, { onInterrupted = () => undefined } = {}) => {
        this.interrupts.add(onInterrupted);
        const subscription = await this.inner.subscribeNotifications(pattern, handler);
        return {
          close: async () => {
            this.interrupts.delete(onInterrupted);
            await subscription.close();
          },
        };
      },
    };
  }

  /** Tells the subscribers that they may have missed something. */
  interrupt(): void {
    for (const tell of this.interrupts) tell();
  }

  /** The sequence numbers delivered of an object, in order. */
  sequencesOf(id: string): number[] {
    return this.delivered.filter(({ subject }) => subject === id).map(({ sequence }) => Number(sequence));
  }
}

export function startRelay(
  store: Store,
  bus: Bus,
  options: Partial<RelayOptions> = {},
): { relay: Relay; errors: unknown[] } {
  const errors: unknown[] = [];
  const relay = new Relay({
    db: store.db,
    bus,
    kinds: [CLUSTER],
    onError: (error) => errors.push(error),
    ...options,
  });
  return { relay, errors };
}

/** The API and the conductor as far as writing goes. */
export class Writer {
  private readonly api: ScopedStore<StoredCluster>;
  private readonly conductor: ReconcileStore<StoredCluster>;
  private readonly store: Store;

  constructor(store: Store) {
    this.store = store;
    this.api = new ScopedStore(store, CLUSTER);
    this.conductor = new ReconcileStore(store, CLUSTER);
  }

  async create(object: StoredCluster): Promise<StoredCluster> {
    return (await this.api.create(object)).object;
  }

  accept(object: StoredCluster, requested: 'update' | 'delete'): Promise<StoredCluster> {
    const { project_id } = object;
    return this.api.change(scopeOf({ projectId: project_id }), object._id, (current) =>
      acceptOperation(current, {
        kind: CLUSTER,
        caller: requester(project_id),
        requested,
        deadlineMs: 60_000,
      }),
    );
  }

  async settle(object: StoredCluster, outcome: Outcome<StoredCluster>): Promise<StoredCluster> {
    const claim = await this.conductor.claim(object._id, 'test', 10_000);
    if (typeof claim === 'string') throw new Error(claim);
    return this.conductor.commit(claim.object, (current) =>
      settle(current, claim.object, outcome, {
        kind: CLUSTER,
        now: new Date(),
        resyncMs: 60_000,
        attempts: 0,
      }),
    );
  }

  /** Makes what was written look as old as the sweep wants it. */
  async age(object: StoredCluster, ms = 60_000): Promise<void> {
    await collectionOf(this.store.db, CLUSTER).updateOne(
      { _id: object._id },
      { $set: { updated_at: new Date(Date.now() - ms) } },
    );
  }

  read(id: string): Promise<StoredCluster> {
    return this.conductor.read(id);
  }

  async untilNothingIsPending(id: string): Promise<void> {
    await waitFor(async () => (await this.read(id)).pending_events.length === 0, {
      what: 'nothing is pending',
    });
  }
}

/** Every number once, and each for the first time after those before it. */
export function firstsOf(sequences: readonly number[]): number[] {
  return [...new Set(sequences)];
}
