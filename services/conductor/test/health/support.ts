import { createAuthority, type KeyPair } from '@cetus/shared/pki';
import { createInProcessBus, type Bus } from '@cetus/shared/bus';
import { Relay } from '@cetus/shared/notifications';
import { newObject } from '@cetus/shared/operations';
import type { CloudEvent, Condition, StoredCluster } from '@cetus/shared/schemas';
import { KeyRing, SecretBox } from '@cetus/shared/secrets';
import { createLogger, createMetrics, type Metrics } from '@cetus/shared/service';
import { ensureServiceIndexes, Heartbeat, ServiceRegistry } from '@cetus/shared/service-registry';
import { CLUSTER, collectionOf, connectStore, ensureIndexes, type Store } from '@cetus/shared/store';
import { KubernetesHost, type SimClusterSpec } from '@cetus/simcloud/kubernetes/kubernetes-host';
import { startTestMongo, waitFor } from '@cetus/test-kit';
import { sealKubeconfig } from '../../src/cluster/kubeconfig/sealed-kubeconfig.ts';
import { HealthService, type HealthServiceOptions } from '../../src/health/health-service.ts';
import { adminKubeconfig, simSpec } from './sim-cluster.ts';

const TIMES: Pick<HealthServiceOptions, 'limits' | 'times' | 'tickMs'> = {
  limits: { unreachableMs: 1_500, unhealthyMs: 300, healthyMs: 200 },
  times: { silenceMs: 200, retryMs: 100, answerMs: 750, detailMs: 500 },
  tickMs: 50,
};

/** For tests in which a cluster is not reached, and in which it does not matter that a busy machine takes one for unreachable. */
export const HASTY: typeof TIMES = {
  ...TIMES,
  limits: { ...TIMES.limits, unreachableMs: 400 },
  times: { silenceMs: 200, retryMs: 100, answerMs: 300, detailMs: 100 },
};

interface Running {
  id: string;
  service: HealthService;
  heartbeat: Heartbeat;
  metrics: Metrics;
}

/** A database, simulated Kubernetes clusters with documents that say how to reach them, and conductors' followers. */
export class HealthFixture {
  readonly store: Store;
  readonly host = new KubernetesHost();
  readonly box = new SecretBox(KeyRing.parse(`k1:${Buffer.alloc(32, 7).toString('base64')}`));
  readonly events: CloudEvent[] = [];
  private readonly bus: Bus;
  private readonly relay: Relay;
  private readonly authority: KeyPair;
  private readonly running = new Map<string, Running>();

  private constructor(store: Store, bus: Bus) {
    this.store = store;
    this.bus = bus;
    this.relay = new Relay({ db: store.db, bus, kinds: [CLUSTER], onError: (error) => void error });
    this.authority = createAuthority({ commonName: 'test', days: 1 });
  }

  static async open(): Promise<HealthFixture> {
    const mongo = await startTestMongo();
    const store = await connectStore({ uri: mongo.uri, database: mongo.databaseName('health') });
    await ensureIndexes(store.db, CLUSTER);
    await ensureServiceIndexes(store.db);
    const fixture = new HealthFixture(store, createInProcessBus());
    await fixture.bus.subscribeNotifications('#', (event) => void fixture.events.push(event));
    return fixture;
  }

  /** A simulated cluster and its document. */
  async cluster(changes: Partial<SimClusterSpec> = {}): Promise<StoredCluster> {
    const made = newObject<StoredCluster['spec'], StoredCluster['status']>({
      kind: CLUSTER,
      caller: { userId: 'u1', projectId: 'p1', requestId: 'r1' },
      name: 'c',
      spec: { driver: 'heat', node_groups: [] } as unknown as StoredCluster['spec'],
      status: { node_groups: [], secrets: null, kubeconfig: null } as unknown as StoredCluster['status'],
      deadlineMs: null,
    });
    await this.host.apply(this.specOf(made._id, changes));
    const status = {
      ...made.status,
      kubeconfig: sealKubeconfig(this.box, made._id, this.kubeconfig(made._id)),
    };
    const cluster = { ...made, status, health: null, follow: null, pending_events: [], sequence: 0 };
    await collectionOf(this.store.db, CLUSTER).insertOne(cluster);
    return cluster;
  }

  specOf(id: string, changes: Partial<SimClusterSpec> = {}): SimClusterSpec {
    return { ...simSpec(id, this.authority), ...changes };
  }

  kubeconfig(id: string): string {
    return adminKubeconfig(this.host.get(id)?.url ?? '', this.authority);
  }

  /** Starts the followers of a conductor of its own. */
  async conductor(id: string, options: Partial<HealthServiceOptions> = {}): Promise<HealthService> {
    const logger = createLogger({ service: id, level: (process.env['LOG'] ?? 'silent') as 'silent' });
    const metrics = createMetrics(id, { process: false });
    const backbone = { store: this.store, bus: this.bus, relay: this.relay };
    const heartbeat = new Heartbeat({ binary: 'cetus-conductor', id, backbone, logger, intervalMs: 200 });
    const service = new HealthService({
      owner: id,
      backbone,
      secrets: this.box,
      logger,
      metrics,
      ...TIMES,
      leaseMs: 1_500,
      roundMs: 200,
      ...options,
    });
    await heartbeat.start();
    await service.start();
    this.running.set(id, { id, service, heartbeat, metrics });
    return service;
  }

  /** One report of a process that then does nothing more. */
  async heartbeat(id: string): Promise<void> {
    const now = new Date();
    const record = {
      binary: 'cetus-conductor',
      host: 'h',
      started_at: now,
      last_seen_at: now,
      created_at: now,
    };
    await new ServiceRegistry(this.store).report({
      _id: id,
      ...record,
      stopped_at: null,
      report_count: 1,
      drivers: [],
    });
  }

  async stop(id: string): Promise<void> {
    const one = this.running.get(id);
    this.running.delete(id);
    await one?.service.stop();
    await one?.heartbeat.stop();
  }

  metric(id: string, name: string): Promise<string> {
    return this.running.get(id)?.metrics.registry.getSingleMetricAsString(name) ?? Promise.resolve('');
  }

  async read(id: string): Promise<StoredCluster> {
    const found = await collectionOf(this.store.db, CLUSTER).findOne({ _id: id });
    if (found === null) throw new Error(`no cluster ${id}`);
    return found;
  }

  async change(id: string, set: Record<string, unknown>): Promise<void> {
    await collectionOf(this.store.db, CLUSTER).updateOne({ _id: id }, { $set: set, $inc: { revision: 1 } });
  }

  /** Waits until a condition of a cluster's health has a status, and answers it. */
  until(id: string, type: string, status: Condition['status'], reason?: string): Promise<Condition> {
    const what = `${type} is ${status} ${reason ?? ''}`;
    return waitFor(
      async () => {
        const condition = (await this.read(id)).health?.conditions.find((one) => one.type === type);
        const same = condition?.status === status && (reason === undefined || condition.reason === reason);
        return same ? condition : null;
      },
      { what, timeoutMs: 15_000 },
    );
  }

  /** How many clusters each owner holds now. */
  async shares(): Promise<Record<string, number>> {
    const now = new Date();
    const all = await collectionOf(this.store.db, CLUSTER)
      .find({ 'follow.until': { $gt: now } })
      .toArray();
    const shares: Record<string, number> = {};
    for (const { follow } of all) shares[follow?.owner ?? ''] = (shares[follow?.owner ?? ''] ?? 0) + 1;
    return shares;
  }

  async reset(): Promise<void> {
    for (const id of [...this.running.keys()]) await this.stop(id);
    for (const id of this.host.ids()) await this.host.remove(id);
    await collectionOf(this.store.db, CLUSTER).deleteMany({});
    await this.store.db.collection('services').deleteMany({});
    this.events.length = 0;
  }

  async close(): Promise<void> {
    await this.reset();
    await this.host.close();
    await this.relay.stop();
    await this.bus.close();
    await this.store.close();
  }
}
