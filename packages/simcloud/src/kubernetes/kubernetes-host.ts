import { Documents } from '../documents.ts';
import { Scheduler } from '../scheduler.ts';
import type { ClusterSeconds } from './cluster-context.ts';
import { HttpFront } from './listener.ts';
import { SimCluster } from './sim-cluster.ts';
import type { SimClusterSpec } from './spec.ts';
import type { StoreDocument } from './store.ts';

export type { UpgradeFault } from './controllers/controller-context.ts';
export type { NodeReadiness } from './controllers/nodes.ts';
export type { Network } from './listener.ts';
export type { SimCluster } from './sim-cluster.ts';
export type { SimClusterSpec, SimNode } from './spec.ts';

export interface KubernetesHostOptions {
  /** Default: one of its own. */
  scheduler?: Scheduler;
  /** Folder for the state of clusters; without it nothing outlives the process. */
  folder?: string;
  /** Times other than the usual ones. */
  seconds?: Partial<ClusterSeconds>;
  /** Called for what goes wrong outside a request. Default: the error is thrown as an uncaught exception. */
  onError?: (error: unknown) => void;
  /** Told once what a user should know: that an address cannot be listened on. */
  log?: (message: string) => void;
}

interface ClusterDocument {
  id: string;
  state: StoreDocument;
}

/** Times with which a workload is ready in a second or so. */
const SECONDS: ClusterSeconds = {
  podStart: 0.3,
  podStop: 0.2,
  jobRun: 0.5,
  logLine: 1,
  loadBalancer: 0.5,
  volume: 0.2,
  crashBackOff: 1,
  nodeUpgrade: 0.5,
  nodeSilence: 2,
};
/** Changes of one cluster are written at most this often, milliseconds. */
const WRITE_EVERY_MS = 200;

/** Simulated Kubernetes clusters, any number in one process: one scheduler and one HTTP server for all. */
export class KubernetesHost {
  readonly #scheduler: Scheduler;
  readonly #ownsScheduler: boolean;
  readonly #options: KubernetesHostOptions;
  readonly #seconds: ClusterSeconds;
  readonly #onError: (error: unknown) => void;
  readonly #documents: Documents;
  readonly #front = new HttpFront();
  readonly #clusters = new Map<string, SimCluster>();
  readonly #turns = new Map<string, Promise<void>>();
  readonly #unsaved = new Set<string>();
  #stored: Promise<Map<string, StoreDocument>> | undefined;
  #hasComplained = false;

  constructor(options: KubernetesHostOptions = {}) {
    this.#options = options;
    this.#onError =
      options.onError ??
      ((error: unknown) => {
        queueMicrotask(() => {
          throw error;
        });
      });
    this.#ownsScheduler = options.scheduler === undefined;
    this.#scheduler = options.scheduler ?? new Scheduler(this.#onError);
    this.#seconds = { ...SECONDS, ...options.seconds };
    this.#documents = new Documents(options.folder);
  }

  /**
   * Starts a cluster, or changes it to the spec. Its objects outlive calls and, with a folder, the process.
   * @throws the system's error when its address is in use; TypeError for an authority that is none
   */
  apply(spec: SimClusterSpec): Promise<void> {
    return this.#inTurn(spec.id, async () => {
      const cluster = this.#clusters.get(spec.id);
      if (cluster === undefined) await this.#start(spec);
      else await cluster.change(spec);
    });
  }

  /** Ends a cluster and forgets its objects; nothing when there is none. */
  remove(id: string): Promise<void> {
    return this.#inTurn(id, async () => {
      const cluster = this.#clusters.get(id);
      this.#clusters.delete(id);
      this.#unsaved.delete(id);
      await cluster?.close();
      await this.#documents.remove(id);
      (await this.#stored)?.delete(id);
    });
  }

  get(id: string): SimCluster | undefined {
    return this.#clusters.get(id);
  }

  /** Ids of all clusters that run. */
  ids(): string[] {
    return [...this.#clusters.keys()];
  }

  /** Ends all clusters and writes what is not written. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#turns.values());
    await Promise.all([...this.#clusters.values()].map((cluster) => cluster.close()));
    this.#front.close();
    await Promise.all([...this.#unsaved].map((id) => this.#save(id)));
    await this.#documents.settled();
    this.#clusters.clear();
    if (this.#ownsScheduler) this.#scheduler.close();
  }

  async #start(spec: SimClusterSpec): Promise<void> {
    this.#stored ??= this.#load();
    const stored = await this.#stored;
    const cluster = new SimCluster(spec, {
      scheduler: this.#scheduler,
      front: this.#front,
      seconds: this.#seconds,
      document: stored.get(spec.id),
      onError: this.#onError,
      onChange: () => this.#touch(spec.id),
    });
    stored.delete(spec.id);
    this.#clusters.set(spec.id, cluster);
    try {
      if (!(await cluster.start())) this.#complain(spec.address);
    } catch (error) {
      this.#clusters.delete(spec.id);
      throw error;
    }
  }

  #complain(address: string): void {
    if (this.#hasComplained) return;
    this.#hasComplained = true;
    this.#options.log?.(
      `No Kubernetes API can listen on ${address} on this machine; simulated clusters exist, but cannot be reached.`,
    );
  }

  async #load(): Promise<Map<string, StoreDocument>> {
    const documents = (await this.#documents.load()) as ClusterDocument[];
    return new Map(documents.map(({ id, state }) => [id, state]));
  }

  /** One thing at a time with each cluster. */
  #inTurn(id: string, run: () => Promise<void>): Promise<void> {
    const before = this.#turns.get(id) ?? Promise.resolve();
    const turn = before.catch(() => undefined).then(run);
    this.#turns.set(id, turn);
    const done = (): void => {
      if (this.#turns.get(id) === turn) this.#turns.delete(id);
    };
    turn.then(done, done);
    return turn;
  }

  #touch(id: string): void {
    if (this.#options.folder === undefined || this.#unsaved.has(id)) return;
    this.#unsaved.add(id);
    this.#scheduler.at(Date.now() + WRITE_EVERY_MS, () => {
      this.#save(id).catch(this.#onError);
    });
  }

  #save(id: string): Promise<void> {
    const cluster = this.#clusters.get(id);
    if (cluster === undefined || !this.#unsaved.delete(id)) return Promise.resolve();
    return this.#documents.save(id, (): ClusterDocument => ({ id, state: cluster.store.toDocument() }));
  }
}
