import type { KubernetesConnection } from '@cetus/kubernetes/connection';
import { KubernetesUnreachableError } from '@cetus/kubernetes/errors';
import { ServedApis } from '@cetus/kubernetes/served-apis';
import type { Bus, Semaphore } from '@cetus/shared/bus';
import type { Relay } from '@cetus/shared/notifications';
import type { Logger } from '@cetus/shared/service';
import type { ObservationStore, PlacedApplication } from '@cetus/shared/store';

import { assess, type Assessed, type Observed, type ObservedFacts } from '../observe/observe.ts';
import type { Suspect } from '../observe/suspects.ts';
import { ApplicationWatches } from './application-watches.ts';
import { Directory, type Followed } from './directory.ts';
import { FactsTable } from './facts-table.ts';
import { Investigations } from './investigations.ts';
import { differenceOf, printOf } from './observation-write.ts';
import { ObservationWriter } from './observation-writer.ts';

/** When what is seen is written, in milliseconds. */
export interface ApplicationTimes {
  /** Changes that come so close together are looked at as one. */
  gatherMs: number;
  /** How often details that changed, with no transition, are written at most. */
  detailMs: number;
  /** The same of what an autoscaler measures, which is another figure each time. */
  measureMs: number;
  /** How soon what could not be done is tried again. */
  retryMs: number;
  /** How often all applications are compared with their documents. */
  resyncMs: number;
}

const APPLICATION_TIMES: ApplicationTimes = {
  gatherMs: 200,
  detailMs: 5_000,
  measureMs: 30_000,
  retryMs: 2_000,
  resyncMs: 300_000,
};

export interface ApplicationsFollowerOptions {
  clusterId: string;
  connection: KubernetesConnection;
  store: ObservationStore;
  relay: Pick<Relay, 'relay'>;
  bus: Pick<Bus, 'publishCommand'>;
  logger: Pick<Logger, 'warn'>;
  /** The fencing token of the cluster's lease. */
  token: number;
  /** Writes of this process at once, over all clusters. */
  writes: Semaphore;
  /** Default: those of Cetus. */
  times?: ApplicationTimes | undefined;
  /** A later follower of the cluster has written: nothing can be written here any more. */
  onLost: () => void;
}

/** Ids of applications that there are not, of labels that others have set, that are remembered. */
const MAX_STRANGERS = 10_000;

/**
 * Follows how the applications in one cluster do, and writes it into their documents: transitions at once, details now and then. What is
 * not written stays to be written, until it is or another follows the cluster. Nothing is said of an application before all that there is
 * of it has been seen, nor while the cluster cannot be reached.
 */
export class ApplicationsFollower {
  private readonly options: ApplicationsFollowerOptions;
  private readonly times: ApplicationTimes;
  private readonly directory: Directory;
  private readonly table = new FactsTable();
  private readonly ended = new AbortController();
  private readonly apis: ServedApis;
  private readonly investigations: Investigations;
  private readonly writer: ObservationWriter;
  private watches: ApplicationWatches | undefined;
  /** Of watches that were ended. */
  private ends: Promise<unknown> = Promise.resolve();
  /** To be looked at with the next gathering, at a time, and now. */
  private readonly soon = new Set<string>();
  private readonly later = new Map<string, number>();
  private readonly busy = new Map<string, Promise<void>>();
  /** Not in the directory, though objects have their label: to be looked up, and lately looked up. */
  private readonly strangers = new Set<string>();
  private readonly unknown = new Set<string>();
  private gathering: NodeJS.Timeout | undefined;
  private loading: Promise<void> | undefined;
  private loadAt = 0;
  private tookOver = false;
  private running = false;

  constructor(options: ApplicationsFollowerOptions) {
    this.options = options;
    this.times = options.times ?? APPLICATION_TIMES;
    this.directory = new Directory(options.clusterId);
    this.apis = new ServedApis(options.connection);
    this.investigations = new Investigations(options.connection, this.ended.signal);
    this.writer = new ObservationWriter({
      ...options,
      signal: this.ended.signal,
      observe: (one) => this.observe(one),
      resourceGeneration: (one) => this.factsOf(one).workload?.resourceGeneration ?? null,
      onRetry: (id) => this.lookAtLater(id, Date.now() + this.times.retryMs),
      onLeft: (id) => this.leave(id),
    });
  }

  /** How many applications are followed. */
  get size(): number {
    return this.directory.size;
  }

  /** Begins, once the cluster answers; does nothing when it has. */
  start(): void {
    if (this.running || this.ended.signal.aborted) return;
    this.running = true;
    const { connection } = this.options;
    // What it serves may have changed while it did not answer.
    this.apis.forget();
    this.watches = new ApplicationWatches({
      connection,
      apis: this.apis,
      onSeen: (what, facts) => {
        this.table.put(what, facts);
        this.changed(facts);
      },
      onGone: (what, facts) => {
        this.table.drop(what, facts);
        this.changed(facts);
      },
      onSynced: () => this.lookAtAll(),
      onFailed: (err) => {
        this.options.logger.warn(
          { cluster: this.options.clusterId, err },
          'watch not begun; it is tried again',
        );
        this.loadAt = Math.min(this.loadAt, Date.now() + this.times.retryMs);
      },
    });
    this.loadAt = 0;
    this.tick(Date.now());
  }

  /** Ends the watches: the cluster does not answer. What was written of its applications stays. They may be begun anew. */
  stop(): void {
    if (!this.running) return;
    this.running = false;
    this.ends = Promise.all([this.ends, this.watches?.close()]);
    this.watches = undefined;
    this.table.clear();
    this.soon.clear();
    this.later.clear();
    clearTimeout(this.gathering);
    this.gathering = undefined;
  }

  /** Ends; waits for what goes on. */
  async close(): Promise<void> {
    this.ended.abort(new Error('The applications of the cluster are not followed here any more'));
    this.stop();
    await Promise.all([this.ends, this.loading, ...this.busy.values()]);
  }

  /** Does what is due: to be called about every second. */
  tick(now: number): void {
    if (!this.running) return;
    if (now >= this.loadAt && this.loading === undefined)
      this.loading = this.load().finally(() => (this.loading = undefined));
    for (const [id, at] of this.later) {
      if (at > now) continue;
      this.later.delete(id);
      this.lookAt(id);
    }
  }

  /** An application as its document is now, wherever it is placed. */
  note(application: PlacedApplication): void {
    if (!this.running) return;
    const { _id: id } = application;
    const wasHere = this.directory.get(id) !== undefined;
    if (this.directory.note(application, false)) {
      this.strangers.delete(id);
      this.unknown.delete(id);
      this.lookAt(id);
    } else if (wasHere) this.leave(id);
    else return;
    this.watches?.follow(this.directory.kinds());
  }

  /** An application that is no more. */
  forget(id: string): void {
    if (!this.directory.delete(id)) return;
    this.investigations.forget(id);
    this.watches?.follow(this.directory.kinds());
  }

  /** All applications of the cluster, as their documents are now. */
  private async load(): Promise<void> {
    const { store, clusterId, token, logger } = this.options;
    const { retryMs, resyncMs } = this.times;
    this.loadAt = Date.now() + resyncMs * (0.9 + Math.random() * 0.2);
    try {
      if (!this.tookOver) await store.takeOver(clusterId, token);
      this.tookOver = true;
      const gone = new Set(this.directory.ids());
      for await (const batch of store.placed(clusterId)) {
        if (!this.running) return;
        for (const application of batch) {
          gone.delete(application._id);
          // What is being written is compared by that write.
          this.directory.note(application, !this.busy.has(application._id));
          this.lookAt(application._id);
        }
      }
      for (const id of gone) this.leave(id);
      this.unknown.clear();
      this.watches?.follow(this.directory.kinds());
    } catch (err) {
      if (this.ended.signal.aborted) return;
      this.loadAt = Date.now() + retryMs;
      logger.warn({ cluster: clusterId, err }, 'applications of the cluster not read; it is tried again');
    }
  }

  /** An application is not in the cluster any more. */
  private leave(id: string): void {
    const { store, clusterId, token, logger } = this.options;
    this.directory.delete(id);
    this.investigations.forget(id);
    this.run(id, async () => {
      try {
        await store.forget(id, clusterId, token);
      } catch (err) {
        logger.warn(
          { cluster: clusterId, application: id, err },
          'what was seen of an application not removed',
        );
      }
    });
  }

  private changed({ application }: { application: string }): void {
    if (this.directory.get(application) !== undefined) this.lookAt(application);
    else if (!this.unknown.has(application) && this.strangers.size < MAX_STRANGERS) {
      this.strangers.add(application);
      this.gather();
    }
  }

  private lookAtAll(): void {
    for (const id of this.directory.ids()) this.soon.add(id);
    this.gather();
  }

  private lookAt(id: string): void {
    this.soon.add(id);
    this.gather();
  }

  private gather(): void {
    if (!this.running) return;
    this.gathering ??= setTimeout(() => {
      this.gathering = undefined;
      this.flush();
    }, this.times.gatherMs);
  }

  private flush(): void {
    const ids = [...this.soon];
    this.soon.clear();
    for (const id of ids) {
      // Once more when what goes on has ended.
      if (this.busy.has(id)) this.lookAtLater(id, Date.now());
      else this.look(id);
    }
    if (this.strangers.size > 0) this.run('', () => this.findStrangers());
  }

  /** Applications that an object belongs to, as it says: whether there are any, and whether they are in this cluster. */
  private async findStrangers(): Promise<void> {
    const ids = [...this.strangers];
    this.strangers.clear();
    try {
      const found = await this.options.store.find(ids);
      for (const application of found) this.note(application);
      for (const id of ids) {
        if (this.directory.get(id) === undefined && this.unknown.size < MAX_STRANGERS) this.unknown.add(id);
      }
    } catch (err) {
      this.options.logger.warn(
        { cluster: this.options.clusterId, err },
        'applications not found; it is tried again',
      );
      this.loadAt = Math.min(this.loadAt, Date.now() + this.times.retryMs);
    }
  }

  private look(id: string): void {
    const one = this.directory.get(id);
    if (one === undefined || !this.isCurrent(one)) return;
    const now = Date.now();
    const assessed = this.assess(one, now);
    const { suspect, lookAgainAt } = assessed;
    // What was not brought there yet is not missed.
    if (assessed.observation.phase === 'Missing' && one.written === null && !one.applied) return;
    const difference = differenceOf(one.written, printOf(assessed.observation));
    const askAt = suspect === null ? null : this.investigations.dueAt(id, suspect);
    if (suspect === null) this.investigations.forget(id);
    const isDue = suspect !== null && askAt !== null && askAt <= now;
    // So that what is told first says why, unless so much is wrong that it would be told late.
    if (isDue && (this.investigations.hasRoom || difference !== 'transition')) {
      this.run(id, () => this.ask(id, suspect));
      return;
    }
    for (const at of [askAt, lookAgainAt]) if (at !== null) this.lookAtLater(id, at);
    const { detailMs, measureMs } = this.times;
    const writeAt = one.writtenAt + (difference === 'measure' ? measureMs : detailMs);
    const isTime = difference === 'transition' || (difference !== null && now >= writeAt);
    if (isTime) this.run(id, () => this.writer.write(one));
    else if (difference !== null) this.lookAtLater(id, writeAt);
    if (this.hasDrifted(one)) one.owesCommand = 'drifted';
    if (!isTime && one.owesCommand !== null) this.run(id, () => this.writer.announce(one));
  }

  private isCurrent({ workload, autoscaled }: Followed): boolean {
    return this.running && this.watches?.isCurrent(workload, autoscaled) === true;
  }

  /** How an application is at the moment of a write; undefined: that is not known, or not yet why. */
  private observe(one: Followed): Observed | undefined {
    // While the cluster does not answer, what was seen is not known to be so.
    if (!this.isCurrent(one)) return undefined;
    const now = Date.now();
    const { observation, suspect } = this.assess(one, now);
    const askAt = suspect === null ? null : this.investigations.dueAt(one.id, suspect);
    if (askAt === null || askAt > now || !this.investigations.hasRoom) return observation;
    // It has become another since it was decided to write: what is asked first, is told with it.
    this.lookAt(one.id);
    return undefined;
  }

  private assess(one: Followed, now: number): Assessed {
    const findings = this.investigations.findingOf(one.id);
    return assess({ asked: one.asked, ...this.factsOf(one), findings, now });
  }

  private factsOf({ id, namespace, name, workload }: Followed): ObservedFacts {
    return this.table.factsOf({ application: id, namespace, name, workload });
  }

  /** Whether the workload is not as it was applied last, and the reconciler was not told of it. */
  private hasDrifted(one: Followed): boolean {
    const seen = this.factsOf(one).workload?.resourceGeneration ?? null;
    if (seen === null || one.workloadGeneration === null) return false;
    return seen !== one.workloadGeneration && seen !== one.announced;
  }

  private lookAtLater(id: string, at: number): void {
    this.later.set(id, Math.min(at, this.later.get(id) ?? Infinity));
  }

  /** One thing at a time with each application. */
  private run(id: string, task: () => Promise<void>): void {
    if (this.ended.signal.aborted) return;
    const before = this.busy.get(id);
    const running = (before ?? Promise.resolve()).then(task).finally(() => {
      if (this.busy.get(id) === running) this.busy.delete(id);
    });
    this.busy.set(id, running);
  }

  /** Asks the cluster what its objects do not say, then looks again. */
  private async ask(id: string, suspect: Suspect): Promise<void> {
    try {
      await this.investigations.ask(id, suspect);
      this.lookAt(id);
    } catch (err) {
      if (this.ended.signal.aborted) return;
      this.lookAt(id);
      // That it does not answer is told by whoever asks it how it is.
      if (err instanceof KubernetesUnreachableError) return;
      this.options.logger.warn(
        { cluster: this.options.clusterId, application: id, err },
        'cluster not asked',
      );
    }
  }
}
