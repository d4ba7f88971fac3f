import type { DeniedNetworks } from '@cetus/kubernetes/denied-networks';
import { KubernetesConnection } from '@cetus/kubernetes/connection';
import type { Relay } from '@cetus/shared/notifications';
import type { ClusterHealth, FollowLease } from '@cetus/shared/schemas';
import type { SecretBox } from '@cetus/shared/secrets';
import type { Logger } from '@cetus/shared/service';
import { CLUSTER, LeaseLostError, type Followable, type FollowStore } from '@cetus/shared/store';
import {
  ApplicationsFollower,
  type ApplicationsFollowerOptions,
} from '../application/follow/applications-follower.ts';
import { openKubeconfig } from '../cluster/kubeconfig/sealed-kubeconfig.ts';
import { ClusterProbe } from './cluster-probe.ts';
import { ClusterWatches } from './cluster-watches.ts';
import type { FollowerMeasure } from './follower-metrics.ts';
import { HealthTracker, type ToldHealth, type TrackerLimits } from './health-tracker.ts';
import { differenceOf, healthWrite } from './health-write.ts';
import { troubleOf } from './trouble.ts';

/** When a cluster is asked, and what it is like written, in milliseconds. */
export interface FollowTimes {
  /** How long it may be silent until it is asked. */
  silenceMs: number;
  /** How soon it is asked again that did not answer or is not ready. */
  retryMs: number;
  /** How long an answer may take. */
  answerMs: number;
  /** How often details that changed, with no condition, are written at most. */
  detailMs: number;
}

export interface FollowerOptions {
  store: FollowStore;
  relay: Pick<Relay, 'relay'>;
  secrets: SecretBox;
  logger: Logger;
  limits: TrackerLimits;
  /** Default: {@link timesFor} the limits. */
  times?: FollowTimes | undefined;
  /** Where no cluster that others made may be. */
  deniedNetworks?: DeniedNetworks | undefined;
  measure: FollowerMeasure;
  /** What the applications in it are followed with; undefined: they are not. */
  applications?: Pick<ApplicationsFollowerOptions, 'store' | 'bus' | 'writes' | 'times'> | undefined;
  lease: Pick<FollowLease, 'owner' | 'token'>;
  /** The lease is another's: nothing can be written any more. */
  onLost: (follower: ClusterFollower) => void;
}

/** The largest answer that is read. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;
/** The longest of {@link FollowTimes}. */
const MAX_SILENCE_MS = 15_000;
const MAX_ANSWER_MS = 5_000;
const MAX_RETRY_MS = 3_000;
const DETAIL_MS = 5_000;
/** How often one is asked at least. */
const CHECK_MS = 30_000;
/** How soon one is asked again that has not answered for a while. */
const SLOW_RETRY_MS = 10_000;
const SLOW_AFTER_MS = 120_000;
/** The time of the last answer is written this often. */
const CONTACT_MS = 60_000;

interface Opened {
  probe: ClusterProbe;
  watches: ClusterWatches;
  applications: ApplicationsFollower | undefined;
  connection: KubernetesConnection;
}

/** Sockets that are opened when they are needed: lists and questions about applications do not hold up the question how the cluster is. */
const SOCKETS = 14;
/** For two watches of its own, one for each kind that applications are made of, and four logs at once. */
const WATCH_SOCKETS = 16;

/** Follows one cluster under one lease, until it is stopped: watches it, asks it when it is silent, and writes what there is to tell. */
export class ClusterFollower {
  private readonly one: Followable;
  private readonly options: FollowerOptions;
  private readonly ended = new AbortController();
  private opened: Opened | undefined;
  private tracker: HealthTracker | undefined;
  private written: ClusterHealth | null = null;
  private writtenAt = 0;
  private nextProbeAt = 0;
  /** When it is asked however much its watches bring: they do not tell how the API server is. */
  private checkBy = 0;
  private readonly startedAt = Date.now();
  /** What goes on now: opening and asking, and writing. */
  private asking: Promise<void> | undefined;
  private writing: Promise<void> | undefined;
  private readonly contactMs = CONTACT_MS * (0.9 + Math.random() * 0.2);

  private readonly times: FollowTimes;

  constructor(one: Followable, options: FollowerOptions) {
    this.one = one;
    this.options = options;
    this.times = options.times ?? timesFor(options.limits);
    this.ask(Date.now());
  }

  /** Whether this is what follows the cluster as it is held now. */
  follows(held: Followable | undefined): boolean {
    return (
      held?.follow?.token === this.options.lease.token &&
      held.kubeconfigVersion === this.one.kubeconfigVersion
    );
  }

  /** Does what is due: to be called about every second. */
  tick(now: number): void {
    if (this.ended.signal.aborted) return;
    const { tracker, opened } = this;
    if (tracker !== undefined && opened !== undefined) this.hear(tracker, opened);
    if (this.asking === undefined && now >= this.nextProbeAt) this.ask(now);
    const told = tracker?.tell(now) ?? null;
    // Begun anew when it answers, they have all that there is at once.
    if (tracker?.reachability.isGone === true) {
      opened?.watches.stop();
      opened?.applications?.stop();
    }
    opened?.applications?.tick(now);
    if (told === null || this.writing !== undefined) return;
    const difference = differenceOf(this.written, told);
    if (
      difference === 'transition' ||
      (difference === 'detail' && now - this.writtenAt >= this.times.detailMs)
    )
      this.writing = this.write(told, now).finally(() => (this.writing = undefined));
  }

  /** What follows the applications in the cluster, once it has been opened. */
  get applications(): ApplicationsFollower | undefined {
    return this.opened?.applications;
  }

  /** When the cluster last answered, when that is long enough after what is written. */
  contactToNote(now: number): { id: string; lease: FollowerOptions['lease']; at: Date } | null {
    const contact = this.tracker?.reachability.contactedAt ?? null;
    const written = this.written?.last_contact?.getTime() ?? 0;
    if (this.written === null || contact === null || now - written < this.contactMs || contact <= written)
      return null;
    const at = new Date(contact);
    this.written = { ...this.written, last_contact: at };
    return { id: this.one._id, lease: this.options.lease, at };
  }

  /** Ends the connection; a write that goes on is waited for. */
  async stop(): Promise<void> {
    this.ended.abort(new Error('The cluster is not followed here any more'));
    await this.close();
    await Promise.all([this.asking, this.writing]);
    // What was opened meanwhile.
    await this.close();
  }

  private async close(): Promise<void> {
    const { watches, applications, connection } = this.opened ?? {};
    await Promise.all([watches?.close(), applications?.close(), connection?.close()]);
  }

  /** Asks the cluster, at first with what that needs; then it is known when to ask next. */
  private ask(now: number): void {
    this.asking = this.attempt(now)
      .catch((err: unknown) => {
        if (this.ended.signal.aborted) return;
        this.nextProbeAt = Date.now() + this.times.retryMs;
        if (err instanceof LeaseLostError) this.options.onLost(this);
        else this.options.logger.warn({ cluster: this.one._id, err }, 'cluster not asked; it is tried again');
      })
      .finally(() => (this.asking = undefined));
  }

  private async attempt(now: number): Promise<void> {
    const tracker = (this.tracker ??= await this.load(now));
    const { reachability } = tracker;
    try {
      const { probe, watches, applications } = (this.opened ??= await this.open(tracker));
      if (reachability.contactedAt !== null)
        this.options.measure.silence(Math.max(0, now - reachability.contactedAt) / 1_000);
      const closely = reachability.isFailing || !watches.started;
      await probe.ask({ closely, nodes: watches.nodesRefused }, this.ended.signal);
      reachability.contact(Date.now());
      watches.start();
      applications?.start();
      const failed = (tracker.failedChecks ?? []).length > 0;
      this.checkBy = Date.now() + CHECK_MS;
      this.nextProbeAt = Date.now() + (failed ? this.times.retryMs : this.times.silenceMs);
    } catch (error) {
      if (this.ended.signal.aborted) return;
      this.notReached(error, now);
    }
  }

  /** @throws the error, when it says nothing about the cluster */
  private notReached(error: unknown, since: number): void {
    const { reachability } = this.tracker as HealthTracker;
    const trouble = troubleOf(error);
    if (trouble === null) throw error;
    reachability.trouble(trouble, since);
    const now = Date.now();
    const long = now - (reachability.contactedAt ?? this.startedAt) > SLOW_AFTER_MS;
    this.nextProbeAt = now + (long ? SLOW_RETRY_MS : this.times.retryMs);
  }

  /** What is known already, by whatever process. @throws LeaseLostError, CetusError `store_unavailable` */
  private async load(now: number): Promise<HealthTracker> {
    const { store, lease, limits } = this.options;
    const { health } = await store.read(this.one._id, lease);
    this.written = health ?? null;
    return new HealthTracker(this.written, this.one.kubeconfigVersion, limits, now);
  }

  /** @throws LeaseLostError, SecretError, CetusError `invalid_field`, `conflict`, `store_unavailable` */
  private async open(tracker: HealthTracker): Promise<Opened> {
    const { store, lease, secrets, measure, deniedNetworks } = this.options;
    const cluster = await store.read(this.one._id, lease);
    const connection = KubernetesConnection.fromKubeconfig(openKubeconfig(secrets, cluster), {
      sockets: SOCKETS,
      watchSockets: WATCH_SOCKETS,
      // An answer takes several times its length in memory, and there are hundreds of clusters.
      maxBodyBytes: MAX_BODY_BYTES,
      // What the name of an imported cluster stands for may have changed since it was taken in.
      ...(cluster.spec.imported === null ? {} : { deniedNetworks }),
    });
    const watches = new ClusterWatches({
      connection,
      tracker,
      measure,
      // Whether that means anything, the cluster is asked.
      onFailed: () => (this.nextProbeAt = Math.min(this.nextProbeAt, Date.now())),
    });
    const probe = new ClusterProbe(connection, tracker, this.times.answerMs);
    return { connection, watches, applications: this.applicationsOn(connection), probe };
  }

  private applicationsOn(connection: KubernetesConnection): ApplicationsFollower | undefined {
    const { applications, relay, logger, lease, onLost } = this.options;
    if (applications === undefined) return undefined;
    return new ApplicationsFollower({
      ...applications,
      clusterId: this.one._id,
      connection,
      relay,
      logger,
      token: lease.token,
      onLost: () => onLost(this),
    });
  }

  /** What the watches brought counts as an answer, unless the cluster is being asked whether it is itself. */
  private hear(tracker: HealthTracker, { watches }: Opened): void {
    const { reachability, failedChecks } = tracker;
    const heardAt = watches.contactedAt;
    if (reachability.isFailing || heardAt <= (reachability.contactedAt ?? 0)) return;
    reachability.contact(heardAt);
    if ((failedChecks ?? []).length === 0)
      this.nextProbeAt = Math.min(heardAt + this.times.silenceMs, this.checkBy);
  }

  private async write(told: ToldHealth, now: number): Promise<void> {
    const { store, relay, lease, logger } = this.options;
    try {
      const written = await store.write(this.one._id, lease, (current) => {
        // Whoever follows it next begins with what is written by then.
        if (this.ended.signal.aborted) throw new LeaseLostError(this.one._id);
        return healthWrite(current, told);
      });
      this.written = written.health;
      this.writtenAt = now;
      void relay.relay(CLUSTER, written);
    } catch (err) {
      if (err instanceof LeaseLostError) this.options.onLost(this);
      else logger.warn({ cluster: this.one._id, err }, 'health not written; it is tried again');
    }
  }
}

/** So that a cluster is asked more than once before it is called unreachable. */
export function timesFor({ unreachableMs }: TrackerLimits): FollowTimes {
  return {
    silenceMs: Math.min(MAX_SILENCE_MS, unreachableMs * 0.75),
    retryMs: Math.min(MAX_RETRY_MS, unreachableMs / 4),
    answerMs: Math.min(MAX_ANSWER_MS, unreachableMs / 2),
    detailMs: DETAIL_MS,
  };
}
