import { setTimeout as delay } from 'node:timers/promises';
import { waitFor } from '@cetus/test-kit';
import type { Bus } from '@cetus/shared/bus';
import { Relay } from '@cetus/shared/notifications';
import { Dispatcher } from '@cetus/shared/operations';
import {
  ReconcileLoop,
  type Outcome,
  type ReconcileContext,
  type ReconcileLoopOptions,
} from '@cetus/shared/reconcile';
import { stateOf, type ObjectState, type StoredCluster } from '@cetus/shared/schemas';
import { CLUSTER, collectionOf, ReconcileStore, ScopedStore, type Store } from '@cetus/shared/store';
import { openTestStore } from '../store/test-store.ts';

export type Script = (
  object: StoredCluster,
  context: ReconcileContext & { round: number; by: string },
) => Promise<Outcome<StoredCluster>> | Outcome<StoredCluster>;

/** One round that was run: by whom, of what, from when to when. */
export interface Round {
  by: string;
  id: string;
  project: string;
  started: number;
  ended?: number;
}

/** A store, a bus and loops over them, with a reconciler that does what each test says. */
export class LoopFixture {
  readonly rounds: Round[] = [];
  readonly log: { level: string; message: string; fields: object }[] = [];
  readonly results: string[] = [];
  readonly objects: ReconcileStore<StoredCluster>;
  readonly api: ScopedStore<StoredCluster>;
  private readonly store: Store;
  private readonly relay: Relay;
  private readonly dispatcher: Dispatcher;
  private readonly join: () => Promise<Bus>;
  private readonly bus: Bus;
  private loops: ReconcileLoop<StoredCluster>[] = [];
  private started = 0;

  private constructor(store: Store, bus: Bus, join: () => Promise<Bus>) {
    this.store = store;
    this.join = join;
    this.bus = bus;
    this.objects = new ReconcileStore(store, CLUSTER);
    this.api = new ScopedStore(store, CLUSTER);
    const onError = (error: unknown): void =>
      void this.log.push({ level: 'error', message: String(error), fields: {} });
    this.relay = new Relay({ db: store.db, bus, kinds: [CLUSTER], onError });
    this.dispatcher = new Dispatcher({ bus, relay: this.relay, onError });
  }

  static async open(join: () => Promise<Bus>): Promise<LoopFixture> {
    return new LoopFixture(await openTestStore('reconcile-loop'), await join(), join);
  }

  /** Starts a loop as a process of its own. */
  async start(
    script: Script,
    options: Partial<ReconcileLoopOptions<StoredCluster>> = {},
  ): Promise<ReconcileLoop<StoredCluster>> {
    const owner = `process-${String((this.started += 1))}`;
    const note = (level: string) => (fields: object, message: string) =>
      void this.log.push({ level, message, fields });
    const loop = new ReconcileLoop<StoredCluster>({
      service: CLUSTER.service as string,
      owner,
      store: this.objects,
      reconciler: { reconcile: (object, context) => this.round(owner, object, context, script) },
      bus: await this.join(),
      relay: this.relay,
      logger: { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') },
      concurrency: 4,
      leaseMs: 5_000,
      sweepMs: 100,
      resyncMs: 600_000,
      backoff: { initialMs: 50, maxMs: 100 },
      onRound: (result) => this.results.push(result),
      ...options,
    });
    this.loops.push(loop);
    await loop.start();
    return loop;
  }

  private async round(
    by: string,
    object: StoredCluster,
    context: ReconcileContext,
    script: Script,
  ): Promise<Outcome<StoredCluster>> {
    const round: Round = { by, id: object._id, project: object.project_id, started: Date.now() };
    this.rounds.push(round);
    try {
      return await script(object, { ...context, by, round: this.roundsOf(object._id).length });
    } finally {
      round.ended = Date.now();
    }
  }

  roundsOf(id: string): Round[] {
    return this.rounds.filter((round) => round.id === id);
  }

  /** Writes what the API would have accepted, and sends its command. */
  async accept(object: StoredCluster): Promise<StoredCluster> {
    const { object: made } = await this.api.create(object);
    await this.dispatcher.dispatch(CLUSTER, made);
    return made;
  }

  async wakeUp(object: StoredCluster): Promise<void> {
    await this.dispatcher.wakeUp(CLUSTER, object, 'resync');
  }

  async send({ _id: id, project_id, generation }: StoredCluster, reason: string): Promise<void> {
    await this.bus.publishCommand({ kind: CLUSTER.name, id, project_id, generation, reason });
  }

  /** Writes what the API would have accepted, as it is left when the API dies then. */
  async acceptSilently(...objects: StoredCluster[]): Promise<void> {
    await collectionOf(this.store.db, CLUSTER).insertMany(objects);
  }

  async until(id: string, state: ObjectState, timeoutMs?: number): Promise<StoredCluster> {
    const reached = async (): Promise<StoredCluster | null> => {
      const object = await this.objects.read(id);
      return stateOf(object) === state ? object : null;
    };
    return waitFor(reached, { what: `${id} is ${state}`, ...(timeoutMs === undefined ? {} : { timeoutMs }) });
  }

  /** Takes a lease away, as if its holder had been taken for dead. */
  async stealLease(id: string): Promise<void> {
    const lease = { owner: 'thief', until: new Date(Date.now() + 60_000), token: 1_000 };
    await collectionOf(this.store.db, CLUSTER).updateOne(
      { _id: id },
      { $set: { lease, lease_token: 1_000 } },
    );
  }

  /** Stops the loops and forgets all objects. */
  async reset(): Promise<void> {
    await Promise.all(this.loops.map((loop) => loop.stop(0)));
    await this.dispatcher.close();
    await this.relay.stop();
    this.loops = [];
    this.started = 0;
    await collectionOf(this.store.db, CLUSTER).deleteMany({});
    for (const list of [this.rounds, this.log, this.results]) list.length = 0;
  }

  async close(): Promise<void> {
    await this.store.close();
  }
}

/** Waits, unless the round is aborted before. */
export const pause = (ms: number, signal?: AbortSignal): Promise<void> =>
  delay(ms, undefined, signal === undefined ? {} : { signal });
