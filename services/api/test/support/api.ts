import { createTokenCache, type TokenInfo } from '@cetus/shared/auth';
import { createInProcessBus, type Bus } from '@cetus/shared/bus';
import { EventFeed, EventStore, ensureEventIndexes, Relay } from '@cetus/shared/notifications';
import { Dispatcher, ensureOperationIndexes, OperationStore } from '@cetus/shared/operations';
import { settle } from '@cetus/shared/reconcile';
import {
  applicationSpecOf,
  CAPABILITIES,
  driverService,
  stateFor,
  type DriverDescription,
  type Failure,
  type StoredApplication,
  type StoredCluster,
  type StoredClusterTemplate,
} from '@cetus/shared/schemas';
import type { KeyRing } from '@cetus/shared/secrets';
import { createLogger, createMetrics, loadConfig, type Logger } from '@cetus/shared/service';
import { ServiceRegistry } from '@cetus/shared/service-registry';
import {
  APPLICATION,
  APPLICATION_SERVICE,
  CLUSTER,
  CLUSTER_TEMPLATE,
  QUOTA,
  connectStore,
  ensureIndexes,
  KINDS,
  ReconcileStore,
  ScopedStore,
  type Store,
} from '@cetus/shared/store';
import { startTestMongo } from '@cetus/test-kit';
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify';
import { createApp } from '../../src/app.ts';
import { appConfig, type AppConfig } from '../../src/config.ts';
import { Fingerprints } from '../../src/http/index.ts';
import { QuotaLedger } from '../../src/quotas/ledger.ts';
import { ClusterStats } from '../../src/stats/cluster-stats.ts';
import { ApplicationService } from './application-service.ts';

/** The projects of the tests: 32 characters of hexadecimal, as Keystone makes them. */
export const PROJECT = 'a'.repeat(32);
export const OTHER_PROJECT = 'b'.repeat(32);

const HOUR_MS = 3_600_000;

/** Tokens by their text. */
export const TOKENS: Record<string, TokenInfo> = {
  member: person('member-user', ['member', 'reader'], PROJECT),
  reader: person('reader-user', ['reader'], PROJECT),
  admin: person('admin-user', ['admin', 'member', 'reader'], PROJECT),
  other: person('other-user', ['member', 'reader'], OTHER_PROJECT),
  nobody: person('nobody-user', [], PROJECT),
  unscoped: person('unscoped-user', ['member'], undefined),
};

function person(userId: string, roles: string[], projectId: string | undefined): TokenInfo {
  return {
    userId,
    userName: userId,
    roles,
    expiresAt: new Date(Date.now() + HOUR_MS),
    ...(projectId === undefined ? {} : { projectId }),
  };
}

/** What the drivers of the tests can do: `heat` all but taking clusters in, `import` that alone, `plain` as little as a driver can. */
const DRIVERS: DriverDescription[] = [
  { name: 'heat', capabilities: CAPABILITIES.filter((capability) => capability !== 'import') },
  { name: 'import', capabilities: ['import'] },
  { name: 'plain', capabilities: ['create'] },
];

export interface TestApi {
  app: FastifyInstance;
  store: Store;
  bus: Bus;
  applications: ScopedStore<StoredApplication>;
  clusters: ScopedStore<StoredCluster>;
  templates: ScopedStore<StoredClusterTemplate>;
  dispatcher: Dispatcher;
  /** Commands that were published, oldest first. */
  commands: { kind: string; id: string; reason: string }[];
  feed: EventFeed;
  /** What the conductor says when it is asked about a request. */
  verdict: { value: unknown };
  /** What the conductor was asked, oldest first. */
  questions: { references: Record<string, unknown>; [field: string]: unknown }[];
  /** What the conductor says to other questions, by method. */
  answers: Record<string, (params: Record<string, unknown>) => unknown>;
  /** Who answers for applications. */
  service: ApplicationService;
  /** What the conductors offer. */
  drivers: { value: DriverDescription[] };
  ledger: QuotaLedger;
  services: ServiceRegistry;
  request(
    options: Omit<InjectOptions, 'headers'> & {
      token?: string | null;
      version?: string;
      headers?: Record<string, string>;
    },
  ): Promise<LightMyRequestResponse>;
  /** Makes a template and answers its uuid. */
  template(body?: object): Promise<string>;
  /** Makes a cluster and answers its uuid. */
  cluster(body?: object): Promise<string>;
  /** Makes an application in a cluster, or where its body says, and answers its uuid. */
  application(body?: object): Promise<string>;
  /** Does what a conductor does at the end of the operation of an application that goes on. */
  finishApplication(uuid: string, failure?: Failure | null, status?: object): Promise<void>;
  /** Does what a conductor does at the end of the operation that goes on. */
  finish(uuid: string, failure?: Failure | null, status?: object): Promise<void>;
  close(): Promise<void>;
}

/** The whole API on a database of its own, the in-process bus, and tokens by name. */
export async function startApi(
  overrides: Partial<AppConfig> = {},
  options: { logger?: Logger; now?: () => Date; keys?: KeyRing } = {},
): Promise<TestApi> {
  const mongo = await startTestMongo();
  const store = await connectStore({ uri: mongo.uri, database: mongo.databaseName('api') });
  for (const kind of KINDS) await ensureIndexes(store.db, kind as never);
  await ensureOperationIndexes(store.db, 30);
  await ensureEventIndexes(store.db, 1);
  const logger = options.logger ?? createLogger({ service: 'api-test', level: 'silent' });
  const commands: TestApi['commands'] = [];
  const inner = createInProcessBus();
  const bus: Bus = {
    ...inner,
    publishCommand: async ({ kind, id, reason }) => void commands.push({ kind, id, reason }),
  };
  const fail = (error: unknown): void => {
    throw error instanceof Error ? error : new Error(String(error));
  };
  const relay = new Relay({ db: store.db, bus, kinds: KINDS, onError: fail });
  const dispatcher = new Dispatcher({ bus, relay, onError: fail });
  const events = new EventStore(store);
  const feed = new EventFeed(bus, events);
  await feed.start();
  const sealed = { v: 1, key_id: 'k', nonce: 'n', ciphertext: 'SEALED', tag: 't' };
  const verdict: TestApi['verdict'] = {
    value: {
      problems: [],
      image: { id: 'i', os_distro: 'ubuntu' },
      imported: { kubeconfig: sealed, server: 'https://10.0.0.1:6443' },
    },
  };
  const questions: TestApi['questions'] = [];
  const answers: TestApi['answers'] = {
    'cluster.authority': () => ({ pem: 'AUTHORITY' }),
    'cluster.sign': () => ({ pem: 'CERTIFICATE' }),
  };
  const answer = async (method: string, question: unknown): Promise<unknown> => {
    const answered = answers[method];
    if (answered !== undefined) return answered(question as Record<string, unknown>);
    questions.push(question as TestApi['questions'][number]);
    return verdict.value instanceof Error ? fail(verdict.value) : verdict.value;
  };
  for (const { name } of DRIVERS) await bus.serveRequests(driverService(name), answer);
  const service = new ApplicationService(store);
  await bus.serveRequests(APPLICATION_SERVICE, (method, params) => service.answer(method, params));
  const applications = new ScopedStore(store, APPLICATION);
  const clusters = new ScopedStore(store, CLUSTER);
  const templates = new ScopedStore(store, CLUSTER_TEMPLATE);
  const drivers = { value: DRIVERS };
  const services = new ServiceRegistry(store);
  const ledger = new QuotaLedger(store, options.now);
  const app = await createApp({
    applications,
    clusters,
    templates,
    quotas: new ScopedStore(store, QUOTA),
    ledger,
    stats: new ClusterStats(store),
    services: { list: () => services.list(), drivers: async () => drivers.value },
    operations: new OperationStore(store),
    events,
    feed,
    dispatcher,
    bus,
    fingerprints: new Fingerprints(options.keys),
    tokens: createTokenCache({ validateToken: async (token) => TOKENS[token] ?? null }),
    config: {
      ...loadConfig(appConfig, {}),
      CETUS_KEYSTONE_URL: 'http://keystone.example:5000/v3',
      // Tests of other things make any number of clusters.
      CETUS_QUOTA_CLUSTERS: -1,
      ...overrides,
    },
    logger,
    metrics: createMetrics('api', { process: false }),
    readiness: async () => ({ ready: true, resources: {} }),
  });

  const request: TestApi['request'] = ({ token = 'member', version = '1.14', headers = {}, ...rest }) =>
    app.inject({
      ...rest,
      headers: {
        ...(token === null ? {} : { 'x-auth-token': token }),
        ...(version === '' ? {} : { 'openstack-api-version': `container-infra ${version}` }),
        ...headers,
      },
    });
  const make = async (url: string, payload: object): Promise<string> => {
    const answer = await request({ method: 'POST', url, payload });
    if (answer.statusCode >= 300) throw new Error(`${url}: ${answer.statusCode} ${answer.body}`);
    return answer.json<{ uuid: string }>().uuid;
  };
  const template = (body: object = {}): Promise<string> =>
    make('/v1/clustertemplates', { name: 'k8s', coe: 'kubernetes', image_id: 'ubuntu-22.04', ...body });

  const cluster = async (body: { cluster_template_id?: string } = {}): Promise<string> =>
    make('/v1/clusters', {
      name: 'c',
      ...body,
      cluster_template_id: body.cluster_template_id ?? (await template()),
    });

  return {
    app,
    store,
    bus,
    applications,
    clusters,
    templates,
    dispatcher,
    commands,
    feed,
    verdict,
    questions,
    answers,
    service,
    drivers,
    ledger,
    services,
    request,
    template,
    cluster,
    application: async (body: { placements?: object[] } = {}) =>
      make('/v1/applications', {
        name: 'web',
        kind: 'stateless',
        containers: [{ name: 'web', image: 'nginx:1.27' }],
        ...body,
        placements: body.placements ?? [{ cluster: await cluster() }],
      }),
    finishApplication: async (uuid, failure = null, status = {}) => {
      const reconcile = new ReconcileStore(store, APPLICATION);
      const claim = await reconcile.claim(uuid, 'test', 10_000);
      if (typeof claim === 'string') throw new Error(claim);
      const { object } = claim;
      const ended = failure === null ? { state: 'COMPLETE' as const } : { state: 'FAILED' as const, failure };
      const spec = applicationSpecOf(object);
      const found = { ...(failure === null ? { applied_spec: spec } : {}), ...status };
      const options = { kind: APPLICATION, now: new Date(), resyncMs: 60_000, attempts: 0 };
      const written = await reconcile.commit(object, (current) =>
        settle(current, object, { status: found, ended }, options),
      );
      await relay.relay(APPLICATION, written);
    },
    finish: async (uuid, failure = null, status = {}) => {
      const reconcile = new ReconcileStore(store, CLUSTER);
      const claim = await reconcile.claim(uuid, 'test', 10_000);
      if (typeof claim === 'string') throw new Error(claim);
      const { object } = claim;
      const ended = failure === null ? { state: 'COMPLETE' as const } : { state: 'FAILED' as const, failure };
      const found = { node_groups: groupsAfter(object, failure), ...applied(object, failure), ...status };
      const written = await reconcile.commit(object, (current) =>
        settle(
          current,
          object,
          { status: found, ended },
          { kind: CLUSTER, now: new Date(), resyncMs: 60_000, attempts: 0 },
        ),
      );
      await relay.relay(CLUSTER, written);
    },
    close: async () => {
      await app.close();
      await feed.stop();
      await dispatcher.close();
      await bus.close();
      await store.close();
    },
  };
}

/** The groups of a cluster as a driver finds them that did all that was asked of it, or failed at all of it. */
function groupsAfter(
  { spec, status, operation }: StoredCluster,
  failure: Failure | null,
): StoredCluster['status']['node_groups'] {
  return spec.node_groups
    .filter(({ deleted }) => !deleted || failure !== null)
    .map(({ uuid, node_count }) => {
      const before = status.node_groups.find((one) => one.uuid === uuid);
      const part = operation?.parts?.find((one) => one.uuid === uuid);
      const ended = part === undefined ? before?.state : undefined;
      return {
        uuid,
        stack_id: null,
        actual_node_count: failure === null ? node_count : (before?.actual_node_count ?? 0),
        node_addresses: [],
        version: null,
        rollout: null,
        state: ended ?? stateFor(part?.action ?? 'create', failure === null ? 'COMPLETE' : 'FAILED'),
        state_reason: failure?.message ?? null,
        failure,
      };
    });
}

function applied({ spec }: StoredCluster, failure: Failure | null): object {
  return failure === null ? { applied_spec: spec } : {};
}
