import type { DeniedNetworks } from '@cetus/kubernetes/denied-networks';
import type { Backbone } from '@cetus/shared/backbone';
import type { Subscription } from '@cetus/shared/bus';
import { ReconcileLoop } from '@cetus/shared/reconcile';
import type { CloudEvent, StoredApplication } from '@cetus/shared/schemas';
import type { SecretBox } from '@cetus/shared/secrets';
import type { Logger, Resource } from '@cetus/shared/service';
import { APPLICATION, APPLICATION_SERVICE, PlacementStore, ReconcileStore } from '@cetus/shared/store';
import type { ConductorConfig } from '../config.ts';
import type { RoundMetric } from '../round-metric.ts';
import type { StreamServer } from '../streams/stream-server.ts';
import { ApplicationReconciler } from './application-reconciler.ts';
import { applicationRequests } from './application-requests.ts';
import { ClusterConnections } from './cluster-connections.ts';
import { namespacePolicy } from './namespace/policy.ts';

type ServiceConfig = Pick<
  ConductorConfig,
  | 'CETUS_APPLICATION_CONCURRENCY'
  | 'CETUS_APPLICATION_RESYNC_SECONDS'
  | 'CETUS_LEASE_SECONDS'
  | 'CETUS_POD_SECURITY_LEVEL'
  | 'CETUS_NAMESPACE_QUOTA'
  | 'CETUS_NAMESPACE_LIMITS'
>;

export interface ApplicationServiceOptions {
  /** Unique to the process: the owner of its leases. */
  owner: string;
  config: ServiceConfig;
  backbone: Backbone;
  secrets: SecretBox;
  streams: StreamServer;
  deniedNetworks: DeniedNetworks;
  logger: Logger;
  rounds: RoundMetric;
}

/** The conductor's work on applications: the reconcile loop, the answers to the API, and the wake-ups when a cluster comes, goes or answers again. */
export class ApplicationService implements Resource {
  readonly name = 'applications';
  private readonly options: ApplicationServiceOptions;
  private connections: ClusterConnections | undefined;
  private loop: ReconcileLoop<StoredApplication> | undefined;
  private subscriptions: Subscription[] = [];
  private readonly waking = new Set<Promise<void>>();

  constructor(options: ApplicationServiceOptions) {
    this.options = options;
  }

  async start(): Promise<void> {
    const { owner, config, backbone, secrets, streams, deniedNetworks, logger } = this.options;
    const { store, bus, relay } = backbone;
    const places = new PlacementStore(store);
    const applications = new ReconcileStore(store, APPLICATION);
    const connections = (this.connections = new ClusterConnections({ secrets, deniedNetworks }));
    const policy = namespacePolicy(config);
    this.loop = new ReconcileLoop({
      service: APPLICATION_SERVICE,
      owner,
      store: applications,
      reconciler: new ApplicationReconciler({ places, connections, secrets, policy }),
      bus,
      relay,
      logger,
      concurrency: config.CETUS_APPLICATION_CONCURRENCY,
      leaseMs: config.CETUS_LEASE_SECONDS * 1000,
      resyncMs: config.CETUS_APPLICATION_RESYNC_SECONDS * 1000,
      onRound: this.options.rounds(APPLICATION.name),
    });
    const answer = applicationRequests({ applications, places, connections, secrets, policy, streams });
    this.subscriptions = [
      await bus.serveRequests(APPLICATION_SERVICE, answer),
      await bus.subscribeNotifications('cluster.#', (event) => this.onCluster(places, event)),
    ];
    await this.loop.start();
  }

  async stop(): Promise<void> {
    await Promise.all(this.subscriptions.map((subscription) => subscription.close()));
    await this.loop?.stop();
    await Promise.all(this.waking);
    await this.connections?.close();
  }

  /** What goes on in a cluster matters to the applications that wait for it. What is missed here, their resync finds. */
  private onCluster(places: PlacementStore, event: CloudEvent): void {
    const waking = wake(places, event)
      .catch((err: unknown) =>
        this.options.logger.warn({ err }, 'applications not told of their cluster; their resync finds it'),
      )
      .finally(() => this.waking.delete(waking));
    this.waking.add(waking);
  }
}

/** A cluster that is made, changed or gone may be, or not be, what labels say; one that answers again can be brought up to date. */
async function wake(places: PlacementStore, { type, data }: CloudEvent): Promise<void> {
  const [, kind, action, phase] = type.split('.');
  if (kind !== 'cluster') return;
  const condition = data.condition as { type?: string; status?: string } | undefined;
  const answers = condition?.type === 'Reachable' && condition.status === 'True';
  if (phase === 'end' || answers) await places.wakeUnsettled(data.uuid);
  if (phase === 'end' && (action === 'create' || action === 'delete'))
    await places.wakeFollowingLabels(data.project_id);
}
