import type { DeniedNetworks } from '@cetus/kubernetes/denied-networks';
import type { Backbone } from '@cetus/shared/backbone';
import { Semaphore, type Subscription } from '@cetus/shared/bus';
import type { SecretBox } from '@cetus/shared/secrets';
import type { Logger, Metrics, Resource } from '@cetus/shared/service';
import { ServiceRegistry } from '@cetus/shared/service-registry';
import { FollowStore, ObservationStore, type Followable } from '@cetus/shared/store';
import { ApplicationNews } from '../application/follow/application-news.ts';
import type { ApplicationTimes } from '../application/follow/applications-follower.ts';
import { ClusterFollower, type FollowerOptions, type FollowTimes } from './cluster-follower.ts';
import { planFollowing } from './follow-plan.ts';
import { followerMetrics } from './follower-metrics.ts';
import type { TrackerLimits } from './health-tracker.ts';
import { Rounds } from './rounds.ts';

export interface HealthServiceOptions {
  /** This process, as it is in the registry of services. */
  owner: string;
  backbone: Pick<Backbone, 'store' | 'bus' | 'relay'>;
  secrets: SecretBox;
  logger: Logger;
  metrics: Metrics;
  limits: TrackerLimits;
  /** Where no cluster that others made may be; default: anywhere. */
  deniedNetworks?: DeniedNetworks;
  /** How long a lease lasts without being renewed, in milliseconds; default 15,000. */
  leaseMs?: number;
  /** How often leases are renewed and clusters are shared out, in milliseconds; default 3,000. */
  roundMs?: number;
  /** How often followers look at the clock, in milliseconds; default 1,000. */
  tickMs?: number;
  /** Default: as `limits` make them. */
  times?: FollowTimes;
  /** Default: those of whoever follows applications. */
  applicationTimes?: ApplicationTimes;
}

/** The binary of the processes that share the clusters. */
const BINARY = 'cetus-conductor';
const LEASE_MS = 15_000;
const ROUND_MS = 3_000;
/** Notifications that come close together bring about one round. */
const GATHER_MS = 250;
const TICK_MS = 1_000;
/** Clusters that one round begins to follow, so that connections are not all made at once. */
const CLAIM_LIMIT = 100;
/** Writes of what is seen of applications at once: fewer than there are connections to the database. */
const APPLICATION_WRITES = 24;

/**
 * Follows clusters: takes an even share of them, under leases, and keeps a follower for each. A round every few seconds renews the leases
 * and shares out anew; the notification that a cluster was made, changed or is being deleted brings one about at once.
 */
export class HealthService implements Resource {
  readonly name = 'health';
  private readonly options: HealthServiceOptions;
  private readonly followers = new Map<string, ClusterFollower>();
  /** Of the followers that are being stopped: until the last has, no other begins. */
  private readonly ending = new Set<Promise<void>>();
  private readonly measure;
  private readonly rounds: Rounds;
  private store: FollowStore | undefined;
  private registry: ServiceRegistry | undefined;
  private news: ApplicationNews | undefined;
  private observations: ObservationStore | undefined;
  private readonly writes = new Semaphore(APPLICATION_WRITES);
  private subscription: Subscription | undefined;
  private ticking: NodeJS.Timeout | undefined;
  private stopped = false;
  private free: ReadonlySet<string> = new Set();
  /** Until when the leases are held for certain, in milliseconds. */
  private heldUntil = 0;

  constructor(options: HealthServiceOptions) {
    this.options = options;
    this.measure = followerMetrics(options.metrics, () => this.followers.size);
    this.rounds = new Rounds({ run: () => this.tryRound(), everyMs: options.roundMs ?? ROUND_MS });
  }

  async start(): Promise<void> {
    const { store, bus } = this.options.backbone;
    this.store = new FollowStore(store);
    this.registry = new ServiceRegistry(store);
    const observations = (this.observations = new ObservationStore(store));
    this.news = new ApplicationNews({
      bus,
      store: observations,
      logger: this.options.logger,
      onChanged: (application) => this.followers.forEach((one) => one.applications?.note(application)),
      onGone: (id) => this.followers.forEach((one) => one.applications?.forget(id)),
    });
    await this.news.start();
    this.subscription = await bus.subscribeNotifications('cluster.*.*', (_, key) => {
      if (!key.endsWith('.changed')) this.rounds.within(GATHER_MS);
    });
    this.ticking = setInterval(() => this.tick(), this.options.tickMs ?? TICK_MS);
    this.rounds.within(0);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearInterval(this.ticking);
    await this.subscription?.close();
    await this.news?.stop();
    await this.rounds.stop();
    for (const id of this.followers.keys()) this.unfollow(id);
    await Promise.all(this.ending);
    try {
      await this.store?.release(this.options.owner);
    } catch (err) {
      this.options.logger.warn({ err }, 'leases of clusters not given back; they end by themselves');
    }
  }

  private async tryRound(): Promise<void> {
    try {
      await this.round(this.store as FollowStore, this.registry as ServiceRegistry);
    } catch (err) {
      this.options.logger.warn({ err }, 'leases of clusters not renewed; the next round tries again');
    }
  }

  private async round(store: FollowStore, registry: ServiceRegistry): Promise<void> {
    const { owner } = this.options;
    const leaseMs = this.options.leaseMs ?? LEASE_MS;
    const now = new Date();
    const [followable, up] = await Promise.all([store.followable(), registry.up(BINARY, now)]);
    const plan = planFollowing({
      followable,
      owner,
      up: up.map(({ _id }) => _id),
      freeBefore: this.free,
      limit: CLAIM_LIMIT,
      now,
    });
    this.free = plan.free;
    const [, claimed, taken] = await Promise.all([
      store.renew(
        plan.mine.map(({ _id }) => _id),
        owner,
        leaseMs,
        now,
      ),
      store.claim(plan.claim, owner, leaseMs, { from: 'nobody', now }),
      store.claim(plan.take, owner, leaseMs, { from: 'holder', now }),
    ]);
    this.heldUntil = now.getTime() + leaseMs;
    const begun = [...claimed, ...taken];
    if (begun.length > 0) this.options.logger.info({ count: begun.length }, 'clusters to follow');
    await this.follow([...plan.mine, ...begun]);
    await this.noteContacts(store);
  }

  /** Makes the followers be those of what is held. */
  private async follow(held: readonly Followable[]): Promise<void> {
    const wanted = new Map(held.map((one) => [one._id, one]));
    const ended = [...this.followers].filter(([id, follower]) => !follower.follows(wanted.get(id)));
    for (const [id] of ended) this.unfollow(id);
    await Promise.all(this.ending);
    if (this.stopped) return;
    for (const one of held) if (!this.followers.has(one._id)) this.begin(one);
  }

  private begin(one: Followable): void {
    const { backbone, secrets, logger, limits, owner, deniedNetworks, times } = this.options;
    const options: FollowerOptions = {
      store: this.store as FollowStore,
      relay: backbone.relay,
      secrets,
      logger,
      limits,
      times,
      deniedNetworks,
      measure: this.measure,
      applications: {
        store: this.observations as ObservationStore,
        bus: backbone.bus,
        writes: this.writes,
        times: this.options.applicationTimes,
      },
      lease: { owner, token: one.follow?.token ?? 0 },
      // The round would notice too, a little later.
      onLost: (follower) => {
        if (this.followers.get(one._id) === follower) this.unfollow(one._id);
      },
    };
    this.followers.set(one._id, new ClusterFollower(one, options));
  }

  private unfollow(id: string): void {
    const follower = this.followers.get(id);
    if (follower === undefined) return;
    this.followers.delete(id);
    const ending = follower
      .stop()
      .catch((err: unknown) => this.options.logger.warn({ cluster: id, err }, 'connection not closed'))
      .finally(() => this.ending.delete(ending));
    this.ending.add(ending);
  }

  private tick(): void {
    const now = Date.now();
    if (now >= this.heldUntil && this.followers.size > 0) {
      this.options.logger.warn({ count: this.followers.size }, 'leases of clusters ran out');
      for (const id of this.followers.keys()) this.unfollow(id);
    }
    for (const follower of this.followers.values()) follower.tick(now);
  }

  private async noteContacts(store: FollowStore): Promise<void> {
    const now = Date.now();
    const due = [...this.followers.values()].map((follower) => follower.contactToNote(now));
    await store.noteContacts(due.filter((contact) => contact !== null));
  }
}
