import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Backbone } from '@cetus/shared/backbone';
import type { Subscription } from '@cetus/shared/bus';
import { ReconcileLoop } from '@cetus/shared/reconcile';
import type { StoredCluster } from '@cetus/shared/schemas';
import type { Logger, Metrics, Resource } from '@cetus/shared/service';
import { CLUSTER, KINDS, purgeDeleted, ReconcileStore } from '@cetus/shared/store';
import { ClusterReconciler } from './cluster/cluster-reconciler.ts';
import { clusterRequests } from './cluster/cluster-requests.ts';
import type { DriverRegistry } from './cluster/driver-registry.ts';
import type { ConductorConfig } from './config.ts';

type LoopConfig = Pick<
  ConductorConfig,
  | 'CETUS_CONDUCTOR_CONCURRENCY'
  | 'CETUS_LEASE_SECONDS'
  | 'CETUS_RESYNC_SECONDS'
  | 'CETUS_RETAIN_DELETED_HOURS'
>;

const SERVICE = 'conductor';
const PURGE_MS = 300_000;

/** The conductor's work on clusters: the reconcile loop, the answers to the API, and the forgetting of what was deleted. */
export class ClusterService implements Resource {
  readonly name = 'clusters';
  private readonly config: LoopConfig;
  private readonly backbone: Backbone;
  private readonly drivers: DriverRegistry;
  private readonly logger: Logger;
  private readonly rounds;
  private loop: ReconcileLoop<StoredCluster> | undefined;
  private requests: Subscription | undefined;
  private purging: NodeJS.Timeout | undefined;

  constructor(
    config: LoopConfig,
    backbone: Backbone,
    drivers: DriverRegistry,
    logger: Logger,
    metrics: Metrics,
  ) {
    this.config = config;
    this.backbone = backbone;
    this.drivers = drivers;
    this.logger = logger;
    this.rounds = metrics.histogram({
      name: 'reconcile_round_seconds',
      help: 'How long rounds of reconciling took, by kind and by how they ended.',
      labels: { kind: ['cluster'], result: ['progress', 'ended', 'retry', 'failed', 'lost'] },
    });
  }

  async start(): Promise<void> {
    const { store, bus, relay } = this.backbone;
    const { config, logger } = this;
    this.loop = new ReconcileLoop({
      service: SERVICE,
      owner: `${hostname()}/${String(process.pid)}/${randomBytes(4).toString('hex')}`,
      store: new ReconcileStore(store, CLUSTER),
      reconciler: new ClusterReconciler(this.drivers),
      bus,
      relay,
      logger,
      concurrency: config.CETUS_CONDUCTOR_CONCURRENCY,
      leaseMs: config.CETUS_LEASE_SECONDS * 1000,
      resyncMs: config.CETUS_RESYNC_SECONDS * 1000,
      onRound: (result, seconds) => this.rounds.observe({ kind: CLUSTER.name, result }, seconds),
    });
    this.requests = await bus.serveRequests(SERVICE, clusterRequests(this.drivers));
    await this.loop.start();
    this.purging = setInterval(() => void this.purge(), PURGE_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.purging);
    await this.requests?.close();
    await this.loop?.stop();
  }

  private async purge(): Promise<void> {
    const olderThan = new Date(Date.now() - this.config.CETUS_RETAIN_DELETED_HOURS * 3_600_000);
    try {
      const count = await purgeDeleted(this.backbone.store.db, KINDS, olderThan);
      if (count > 0) this.logger.info({ count }, 'deleted objects forgotten');
    } catch (err) {
      this.logger.warn({ err }, 'deleted objects could not be forgotten now; the next time tries again');
    }
  }
}
