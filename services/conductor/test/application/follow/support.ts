import assert from 'node:assert/strict';
import { KubernetesConnection } from '@cetus/kubernetes/connection';
import { createInProcessBus, Semaphore, type Bus, type Command } from '@cetus/shared/bus';
import { Relay } from '@cetus/shared/notifications';
import { newObject } from '@cetus/shared/operations';
import { createAuthority, type KeyPair } from '@cetus/shared/pki';
import {
  APPLICATION_LABEL,
  GENERATION_ANNOTATION,
  MANAGED_BY,
  MANAGED_BY_LABEL,
  type ApplicationSpec,
  type ApplicationStatus,
  type Autoscaling,
  type CloudEvent,
  type Observation,
  type PlacementStatus,
  type StoredApplication,
} from '@cetus/shared/schemas';
import { createLogger } from '@cetus/shared/service';
import {
  APPLICATION,
  APPLICATION_SERVICE,
  collectionOf,
  connectStore,
  ensureIndexes,
  ObservationStore,
  type Store,
} from '@cetus/shared/store';
import { KubernetesHost, type SimCluster } from '@cetus/simcloud/kubernetes/kubernetes-host';
import { startTestMongo, waitFor } from '@cetus/test-kit';
import {
  ApplicationsFollower,
  type ApplicationTimes,
} from '../../../src/application/follow/applications-follower.ts';
import { adminKubeconfig, simSpec } from '../../health/sim-cluster.ts';

/** Short waits: what they are for does not depend on how long they are. */
const TIMES: ApplicationTimes = {
  gatherMs: 50,
  detailMs: 300,
  measureMs: 600,
  retryMs: 200,
  resyncMs: 60_000,
};

export interface Site {
  id: string;
  sim: SimCluster;
  connection: KubernetesConnection;
}

interface Running {
  follower: ApplicationsFollower;
  ticking: NodeJS.Timeout;
  lost: boolean;
}

/** Simulated clusters, a database with applications in it, and followers of the clusters. */
export class FollowFixture {
  readonly store: Store;
  readonly bus: Bus;
  readonly observations: ObservationStore;
  readonly events: CloudEvent[] = [];
  readonly commands: Command[] = [];
  private readonly host = new KubernetesHost();
  private readonly relay: Relay;
  private readonly authority: KeyPair = createAuthority({ commonName: 'test', days: 1 });
  private readonly connections: KubernetesConnection[] = [];
  private readonly running = new Set<Running>();
  private readonly logger = createLogger({
    service: 'follow-test',
    level: (process.env['LOG'] ?? 'silent') as 'silent',
  });

  private constructor(store: Store) {
    this.store = store;
    this.bus = createInProcessBus();
    this.observations = new ObservationStore(store);
    this.relay = new Relay({
      db: store.db,
      bus: this.bus,
      kinds: [APPLICATION],
      onError: (error) => void error,
    });
  }

  static async open(): Promise<FollowFixture> {
    const mongo = await startTestMongo();
    const store = await connectStore({ uri: mongo.uri, database: mongo.databaseName('observations') });
    await ensureIndexes(store.db, APPLICATION);
    const fixture = new FollowFixture(store);
    await fixture.bus.subscribeNotifications('#', (event) => void fixture.events.push(event));
    await fixture.bus.consumeCommands({
      service: APPLICATION_SERVICE,
      kinds: [APPLICATION.name],
      prefetch: 10,
      handler: async (command) => void fixture.commands.push(command),
    });
    return fixture;
  }

  /** A simulated cluster, with a namespace for applications. */
  async site(id: string = crypto.randomUUID()): Promise<Site> {
    await this.host.apply(simSpec(id, this.authority));
    const sim = this.host.get(id);
    assert.ok(sim !== undefined);
    const connection = this.connect(sim);
    for (const name of ['apps', 'elsewhere']) {
      await connection.request('POST', '/api/v1/namespaces', { body: { metadata: { name } } });
      await waitFor(
        async () =>
          (await connection.get<{ items: unknown[] }>(`/api/v1/namespaces/${name}/serviceaccounts`)).items
            .length > 0,
        { what: 'the service account' },
      );
    }
    return { id, sim, connection };
  }

  connect(sim: SimCluster): KubernetesConnection {
    const connection = KubernetesConnection.fromKubeconfig(adminKubeconfig(sim.url, this.authority), {
      requestTimeoutMs: 5_000,
    });
    this.connections.push(connection);
    return connection;
  }

  /** The document of an application that was applied in some clusters, and of which nothing was seen. */
  async application(
    sites: readonly Site[],
    changes: {
      kind?: string;
      name?: string;
      placement?: Partial<PlacementStatus>;
      busy?: boolean;
      autoscaling?: Autoscaling;
    } = {},
  ): Promise<StoredApplication> {
    const {
      kind = 'stateless',
      name = `web-${crypto.randomUUID().slice(0, 8)}`,
      placement,
      busy = false,
      autoscaling,
    } = changes;
    const placements = sites.map(({ id }, index): PlacementStatus => ({
      cluster_id: id,
      cluster_name: `c${String(index + 1)}`,
      namespace: 'apps',
      state: 'COMPLETE',
      progress: null,
      failure: null,
      applied_generation: 1,
      objects: [],
      workload_generation: null,
      runs: 0,
      drift: [],
      progressed: null,
      ...placement,
    }));
    const made: StoredApplication = {
      ...newObject<ApplicationSpec, ApplicationStatus>({
        kind: APPLICATION,
        caller: { userId: 'u1', projectId: 'p1', requestId: 'r1' },
        name,
        spec: {
          kind,
          stopped: false,
          paused: false,
          placements: [],
          sealed: null,
          ...(autoscaling === undefined ? {} : { autoscaling }),
        } as unknown as ApplicationSpec,
        status: { placements, applied_spec: null },
        deadlineMs: busy ? 60_000 : null,
      }),
      observed: {},
      health_conditions: [],
      revisions: [],
      pending_events: [],
      sequence: 0,
      next_attempt_at: null,
    };
    await collectionOf(this.store.db, APPLICATION).insertOne(made);
    return made;
  }

  /** What the reconciler does: the workload with the labels of an application. */
  async deploy(
    { connection }: Site,
    { _id, name }: Pick<StoredApplication, '_id' | 'name'>,
    changes: {
      image?: string;
      replicas?: number;
      namespace?: string;
      generation?: number;
      container?: object;
      pod?: object;
    } = {},
  ): Promise<void> {
    const { image = 'registry.local/web:1', replicas = 2, namespace = 'apps', generation = 1 } = changes;
    const labels = { [MANAGED_BY_LABEL]: MANAGED_BY, [APPLICATION_LABEL]: _id };
    const annotations = { [GENERATION_ANNOTATION]: String(generation) };
    await connection.request('PATCH', `/apis/apps/v1/namespaces/${namespace}/deployments/${name}`, {
      query: { fieldManager: 'test', force: true },
      contentType: 'application/apply-patch+yaml',
      body: {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name, labels, annotations },
        spec: {
          replicas,
          selector: { matchLabels: labels },
          template: {
            metadata: { labels },
            spec: {
              terminationGracePeriodSeconds: 1,
              containers: [{ name: 'web', image, ...changes.container }],
              ...changes.pod,
            },
          },
        },
      },
    });
  }

  /** What the reconciler does for one that is autoscaled. */
  async autoscale(
    { connection }: Site,
    { _id, name }: Pick<StoredApplication, '_id' | 'name'>,
    { min_replicas: minReplicas, max_replicas: maxReplicas }: Autoscaling,
  ): Promise<void> {
    await connection.request('POST', '/apis/autoscaling/v2/namespaces/apps/horizontalpodautoscalers', {
      body: {
        metadata: { name, labels: { [MANAGED_BY_LABEL]: MANAGED_BY, [APPLICATION_LABEL]: _id } },
        spec: {
          scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
          minReplicas,
          maxReplicas,
        },
      },
    });
  }

  /** Follows a cluster as one conductor does that holds its lease. */
  follow(
    site: Site,
    token: number,
    changes: { connection?: KubernetesConnection; store?: ObservationStore } = {},
  ) {
    const running: Running = { lost: false } as Running;
    running.follower = new ApplicationsFollower({
      clusterId: site.id,
      connection: changes.connection ?? this.connect(site.sim),
      store: changes.store ?? this.observations,
      relay: this.relay,
      bus: this.bus,
      logger: this.logger,
      token,
      writes: new Semaphore(8),
      times: TIMES,
      onLost: () => (running.lost = true),
    });
    running.follower.start();
    running.ticking = setInterval(() => running.follower.tick(Date.now()), 50);
    this.running.add(running);
    return running;
  }

  async end(running: Running): Promise<void> {
    this.running.delete(running);
    clearInterval(running.ticking);
    await running.follower.close();
  }

  async read(id: string): Promise<StoredApplication> {
    const found = await collectionOf(this.store.db, APPLICATION).findOne({ _id: id });
    assert.ok(found !== null);
    return found;
  }

  async change(id: string, set: Record<string, unknown>): Promise<void> {
    await collectionOf(this.store.db, APPLICATION).updateOne(
      { _id: id },
      { $set: set, $inc: { revision: 1 } },
    );
  }

  /** Waits until an application was seen in a cluster as the probe likes it. */
  seen(
    { _id }: Pick<StoredApplication, '_id'>,
    { id }: Site,
    probe: (observation: Observation) => boolean,
    what = String(probe),
  ): Promise<Observation> {
    return waitFor(
      async () => {
        const observation = (await this.read(_id)).observed[id];
        return observation !== undefined && probe(observation) ? observation : undefined;
      },
      { what, timeoutMs: 20_000 },
    );
  }

  /** The conditions that were told of an application, in order. */
  told({ _id }: Pick<StoredApplication, '_id'>): string[] {
    return this.events
      .filter(({ subject, type }) => subject === _id && type === 'cetus.application.condition.changed')
      .map(({ data }) => {
        const { status, reason } = data.condition as { status: string; reason: string };
        return `${status} ${reason}`;
      });
  }

  commandsFor({ _id }: Pick<StoredApplication, '_id'>): Command[] {
    return this.commands.filter(({ id }) => id === _id);
  }

  async reset(): Promise<void> {
    for (const running of [...this.running]) await this.end(running);
    for (const connection of this.connections.splice(0)) await connection.close();
    for (const id of this.host.ids()) await this.host.remove(id);
    await collectionOf(this.store.db, APPLICATION).deleteMany({});
    this.events.length = 0;
    this.commands.length = 0;
  }

  async close(): Promise<void> {
    await this.reset();
    await this.host.close();
    await this.relay.stop();
    await this.bus.close();
    await this.store.close();
  }
}
