import { Backbone } from '@cetus/shared/backbone';
import { KubernetesConnection } from '@cetus/kubernetes/connection';
import { DeniedNetworks } from '@cetus/kubernetes/denied-networks';
import type { KubernetesObject } from '@cetus/kubernetes/objects';
import { acceptOperation, Dispatcher, newObject } from '@cetus/shared/operations';
import { createAuthority, type KeyPair } from '@cetus/shared/pki';
import {
  stateOf,
  type ApplicationForm,
  type ApplicationSpec,
  type ApplicationStatus,
  type CloudEvent,
  type ObjectState,
  type Requested,
  type StoredApplication,
  type StoredCluster,
} from '@cetus/shared/schemas';
import { KeyRing, SecretBox } from '@cetus/shared/secrets';
import { createLogger, createMetrics } from '@cetus/shared/service';
import { APPLICATION, CLUSTER, collectionOf, ScopedStore } from '@cetus/shared/store';
import { KubernetesHost } from '@cetus/simcloud/kubernetes/kubernetes-host';
import { startTestMongo, waitFor } from '@cetus/test-kit';
import { ApplicationService } from '../../src/application/application-service.ts';
import { sealKubeconfig } from '../../src/cluster/kubeconfig/sealed-kubeconfig.ts';
import { roundMetric } from '../../src/round-metric.ts';
import { StreamServer } from '../../src/streams/stream-server.ts';
import { adminKubeconfig, simSpec } from '../health/sim-cluster.ts';

const CALLER = { userId: 'u1', projectId: 'p1', requestId: 'req-1' };

const CONFIG = {
  CETUS_APPLICATION_CONCURRENCY: 8,
  CETUS_APPLICATION_RESYNC_SECONDS: 600,
  CETUS_LEASE_SECONDS: 30,
  CETUS_POD_SECURITY_LEVEL: 'baseline' as const,
  CETUS_NAMESPACE_QUOTA: 'pods=100',
  CETUS_NAMESPACE_LIMITS: 'PersistentVolumeClaim.max.storage=1Ti',
};

/** A form without what has nothing to do with a test. */
export type Form = Partial<Omit<ApplicationForm, 'placements' | 'secrets' | 'image_pull_secret'>>;

/** A database, simulated Kubernetes clusters, and the service that brings applications into them. */
export class ApplicationFixture {
  readonly backbone: Backbone;
  readonly host = new KubernetesHost();
  readonly box = new SecretBox(KeyRing.parse(`k1:${Buffer.alloc(32, 7).toString('base64')}`));
  readonly events: CloudEvent[] = [];
  private readonly applications: ScopedStore<StoredApplication>;
  private readonly dispatcher: Dispatcher;
  private readonly authority: KeyPair = createAuthority({ commonName: 'test', days: 1 });
  private readonly connections: KubernetesConnection[] = [];
  private readonly logger = createLogger({
    service: 'application-test',
    level: (process.env['LOG'] ?? 'silent') as 'silent',
  });
  private readonly streams: StreamServer;
  private service: ApplicationService | undefined;

  private constructor(backbone: Backbone) {
    this.backbone = backbone;
    this.applications = new ScopedStore(backbone.store, APPLICATION);
    this.dispatcher = new Dispatcher({ bus: backbone.bus, relay: backbone.relay, onError: () => undefined });
    this.streams = new StreamServer({
      host: '127.0.0.1',
      port: 0,
      maxStreams: 10,
      maxStreamsPerProject: 10,
      idleMs: 60_000,
      logger: this.logger,
      metrics: createMetrics('streams', { process: false }),
    });
  }

  static async open(): Promise<ApplicationFixture> {
    const mongo = await startTestMongo();
    const uri = new URL(mongo.uri);
    uri.pathname = mongo.databaseName('applications');
    const logger = createLogger({ service: 'application-test', level: 'silent' });
    const backbone = new Backbone({ CETUS_MONGODB_URL: uri.href, CETUS_EVENT_RETENTION_DAYS: 1 }, logger);
    await backbone.start();
    const fixture = new ApplicationFixture(backbone);
    await backbone.bus.subscribeNotifications('application.#', (event) => void fixture.events.push(event));
    await fixture.streams.start();
    await fixture.start();
    return fixture;
  }

  /** Starts the service, after {@link stop} another one. */
  async start(changes: Partial<typeof CONFIG> = {}): Promise<void> {
    this.service = new ApplicationService({
      owner: 'test',
      config: { ...CONFIG, ...changes },
      backbone: this.backbone,
      secrets: this.box,
      streams: this.streams,
      deniedNetworks: new DeniedNetworks(''),
      logger: this.logger,
      rounds: roundMetric(createMetrics('conductor', { process: false })),
    });
    await this.service.start();
  }

  async stop(): Promise<void> {
    await this.service?.stop();
    this.service = undefined;
  }

  /** A simulated cluster and its document. */
  async cluster({ name = 'c', labels = {} }: { name?: string; labels?: Record<string, string> } = {}) {
    const made = newObject<StoredCluster['spec'], StoredCluster['status']>({
      kind: CLUSTER,
      caller: CALLER,
      name,
      spec: { driver: 'heat', node_groups: [], labels, imported: null } as unknown as StoredCluster['spec'],
      status: {
        node_groups: [],
        secrets: null,
        kubeconfig: null,
        applied_spec: null,
      } as unknown as StoredCluster['status'],
      deadlineMs: null,
    });
    await this.host.apply(simSpec(made._id, this.authority));
    const kubeconfig = adminKubeconfig(this.host.get(made._id)?.url ?? '', this.authority);
    const status = { ...made.status, kubeconfig: sealKubeconfig(this.box, made._id, kubeconfig) };
    const cluster = { ...made, status, health: null, follow: null, pending_events: [], sequence: 0 };
    await collectionOf(this.backbone.store.db, CLUSTER).insertOne(cluster);
    const connection = KubernetesConnection.fromKubeconfig(kubeconfig);
    this.connections.push(connection);
    return { cluster, connection, sim: this.host.get(made._id) };
  }

  /** Accepts an application, as the API does. */
  async create(name: string, clusters: readonly string[], form: Form = {}): Promise<StoredApplication> {
    const { object } = await this.applications.create({
      ...newObject<ApplicationSpec, ApplicationStatus>({
        kind: APPLICATION,
        caller: CALLER,
        name,
        spec: specOf(clusters, form),
        status: { placements: [], applied_spec: null },
        deadlineMs: 60_000,
      }),
      observed: {},
      health_conditions: [],
      revisions: [],
    });
    await this.dispatcher.dispatch(APPLICATION, object);
    return object;
  }

  /** Accepts an operation on an application, as the API does. */
  async accept(
    id: string,
    requested: Exclude<Requested, 'create' | 'import'>,
    change: (spec: ApplicationSpec) => ApplicationSpec = (spec) => spec,
    more: { force?: boolean; deadlineMs?: number; rollbackOnFailure?: boolean } = {},
  ): Promise<StoredApplication> {
    const { deadlineMs = 60_000, ...options } = more;
    const accepted = await this.applications.change({ kind: 'all' }, id, (current) =>
      acceptOperation(current, {
        kind: APPLICATION,
        caller: CALLER,
        requested,
        spec: change(current.spec),
        deadlineMs,
        ...options,
      }),
    );
    await this.dispatcher.dispatch(APPLICATION, accepted);
    return accepted;
  }

  async read(id: string): Promise<StoredApplication> {
    const found = await collectionOf(this.backbone.store.db, APPLICATION).findOne({ _id: id });
    if (found === null) throw new Error(`no application ${id}`);
    return found;
  }

  /** Changes the document of an application behind everybody's back. */
  async change(id: string, set: Record<string, unknown>): Promise<void> {
    const applications = collectionOf(this.backbone.store.db, APPLICATION);
    await applications.updateOne({ _id: id }, { $set: set, $inc: { revision: 1 } });
  }

  async changeCluster(id: string, set: Record<string, unknown>): Promise<void> {
    const clusters = collectionOf(this.backbone.store.db, CLUSTER);
    await clusters.updateOne({ _id: id }, { $set: set, $inc: { revision: 1 } });
  }

  /** Asks for a look at an application, as a follower does. */
  async wake(id: string): Promise<void> {
    const { project_id, generation } = await this.read(id);
    const command = { kind: 'application', id, project_id, generation, reason: 'resync' };
    await this.backbone.bus.publishCommand(command);
  }

  until(id: string, state: ObjectState): Promise<StoredApplication> {
    return waitFor(
      async () => {
        const application = await this.read(id);
        return stateOf(application) === state ? application : null;
      },
      { what: `the application is ${state}`, timeoutMs: 30_000 },
    );
  }

  async close(): Promise<void> {
    await this.stop();
    await this.streams.stop();
    await Promise.all(this.connections.map((connection) => connection.close()));
    await this.dispatcher.close();
    await this.backbone.stop();
    await this.host.close();
  }
}

/** What an application of one container is asked to be. */
function specOf(clusters: readonly string[], form: Form = {}): ApplicationSpec {
  return {
    kind: 'stateless',
    containers: [{ name: 'web', image: 'registry.local/web:1', ports: [{ port: 8080 }] }],
    ...form,
    placements: clusters.map((cluster_id) => ({ cluster_id, selector: null, overrides: {} })),
    secrets: [],
    image_pull_secret: null,
    sealed: null,
    stopped: false,
    paused: false,
    restarted_at: null,
    runs: 0,
  };
}

/** Whatever is at a path. */
export async function itemsAt(connection: KubernetesConnection, path: string): Promise<KubernetesObject[]> {
  return (await connection.get<{ items: KubernetesObject[] }>(path)).items;
}
