import type { Backbone } from '@cetus/shared/backbone';
import type { Subscription } from '@cetus/shared/bus';
import { ReconcileLoop } from '@cetus/shared/reconcile';
import { driverService, type StoredCluster } from '@cetus/shared/schemas';
import type { SecretBox } from '@cetus/shared/secrets';
import type { Logger, Resource } from '@cetus/shared/service';
import { ServiceRegistry } from '@cetus/shared/service-registry';
import { CLUSTER, KINDS, purgeDeleted, ReconcileStore } from '@cetus/shared/store';
import { ClusterReconciler } from './cluster/cluster-reconciler.ts';
import { clusterRequests } from './cluster/cluster-requests.ts';
import { ClusterDrain } from './cluster/drain/cluster-drain.ts';
import type { DriverRegistry } from './cluster/driver-registry.ts';
import type { ConductorConfig } from './config.ts';
import type { RoundMetric } from './round-metric.ts';

type LoopConfig = Pick<
  ConductorConfig,
  | 'CETUS_CONDUCTOR_CONCURRENCY'
  | 'CETUS_LEASE_SECONDS'
  | 'CETUS_RESYNC_SECONDS'
  | 'CETUS_RETAIN_DELETED_HOURS'
  | 'CETUS_DRAIN_TIMEOUT_MINUTES'
>;

export interface ClusterServiceOptions {
  /** Unique to the process: the owner of its leases. */
  owner: string;
  config: LoopConfig;
  backbone: Backbone;
  drivers: DriverRegistry;
  secrets: SecretBox;
  logger: Logger;
  rounds: RoundMetric;
}

const SERVICE = 'conductor';
const PURGE_MS = 300_000;

/** The conductor's work on clusters: the reconcile loop, the answers to the API, and the forgetting of what was deleted. */
export class ClusterService implements Resource {
  readonly name = 'clusters';
  private readonly options: ClusterServiceOptions;
  private loop: ReconcileLoop<StoredCluster> | undefined;
  private requests: Subscription[] = [];
  private purging: NodeJS.Timeout | undefined;

  constructor(options: ClusterServiceOptions) {
    this.options = options;
  }

  async start(): Promise<void> {
    const { owner, config, backbone, drivers, secrets, logger } = this.options;
    const { store, bus, relay } = backbone;
    const drain = new ClusterDrain({ secrets, timeoutMs: config.CETUS_DRAIN_TIMEOUT_MINUTES * 60_000 });
    const clusters = new ReconcileStore(store, CLUSTER);
    const registry = new ServiceRegistry(store);
    this.loop = new ReconcileLoop({
      service: SERVICE,
      owner,
      store: clusters,
      reconciler: new ClusterReconciler(drivers, drain),
      bus,
      relay,
      logger,
      concurrency: config.CETUS_CONDUCTOR_CONCURRENCY,
      leaseMs: config.CETUS_LEASE_SECONDS * 1000,
      resyncMs: config.CETUS_RESYNC_SECONDS * 1000,
      // What another conductor has the driver of, and this one has not, is left to it.
      mine: async () => {
        const lacking = drivers.lacks(await registry.drivers());
        return lacking.length === 0 ? undefined : { 'spec.driver': { $nin: lacking } };
      },
      onRound: this.options.rounds(CLUSTER.name),
    });
    const answer = clusterRequests(drivers, clusters);
    for (const { name } of drivers.describe())
      this.requests.push(await bus.serveRequests(driverService(name), answer));
    await this.loop.start();
    this.purging = setInterval(() => void this.purge(), PURGE_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.purging);
    await Promise.all(this.requests.map((requests) => requests.close()));
    await this.loop?.stop();
  }

  private async purge(): Promise<void> {
    const olderThan = new Date(Date.now() - this.options.config.CETUS_RETAIN_DELETED_HOURS * 3_600_000);
    try {
      const count = await purgeDeleted(this.options.backbone.store.db, KINDS, olderThan);
      if (count > 0) this.options.logger.info({ count }, 'deleted objects forgotten');
    } catch (err) {
      this.options.logger.warn(
        { err },
        'deleted objects could not be forgotten now; the next time tries again',
      );
    }
  }
}
