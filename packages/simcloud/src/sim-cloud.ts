import { join } from 'node:path';
import fastify from 'fastify';
import { answerBadRequests } from './bad-requests.ts';
import { controlRoutes, type SimCloudControl } from './control.ts';
import { Documents } from './documents.ts';
import type { EngineOptions } from './heat/engine-context.ts';
import { HeatEngine } from './heat/engine.ts';
import { heatRoutes } from './heat/routes.ts';
import { StackStore } from './heat/store.ts';
import { HeatViews } from './heat/views.ts';
import type { CatalogExtra } from './keystone/catalog.ts';
import { Identity } from './keystone/identity.ts';
import { keystoneRoutes } from './keystone/routes.ts';
import { StackClusters } from './kubernetes/boot/stack-clusters.ts';
import { kubernetesControlRoutes } from './kubernetes/control-routes.ts';
import { KubernetesHost, type KubernetesHostOptions } from './kubernetes/kubernetes-host.ts';
import { Conductor, type ConductorTimes } from './magnum/conductor.ts';
import { magnumRoutes, withoutTrailingSlash } from './magnum/routes.ts';
import { ClusterStacks } from './magnum/stacks.ts';
import { MagnumStore } from './magnum/store.ts';
import { MagnumViews } from './magnum/views.ts';
import { Scheduler } from './scheduler.ts';
import { smallServiceRoutes } from './small-services.ts';
import { Stats } from './stats.ts';
import { SwitchBoard, type Switches } from './switches.ts';
import { addTraffic } from './traffic.ts';

export type { CatalogExtra } from './keystone/catalog.ts';
export { DEFAULT_PASSWORD } from './keystone/identity.ts';
export type { StatsReport } from './stats.ts';
export type {
  ActionFault,
  MagnumSwitches,
  PathRule,
  ResourceFault,
  ServiceName,
  Switches,
  TrafficRule,
} from './switches.ts';

/** How the cloud's Magnum is. */
export interface MagnumOptions extends Partial<ConductorTimes> {
  /** Highest minor number of its API, up to 14. Default 10, as Magnum 15 (Zed) has it. */
  maxMicroversion?: number;
  /** Clusters of a project without a quota. Default 20. */
  maxClustersPerProject?: number;
}

/** How a simulated cloud is. */
export interface SimCloudOptions {
  /** Default 127.0.0.1. */
  host?: string;
  /** Default 0: a free one. */
  port?: number;
  /** Folder for the state; without it nothing outlives the process. */
  dataDir?: string;
  /** Services to list in the catalog beside the cloud's own. */
  catalogExtras?: readonly CatalogExtra[];
  /** Life of a token in seconds. Default 3600. */
  tokenSeconds?: number;
  /** Passwords by user name; DEFAULT_PASSWORD for the others. */
  passwords?: Readonly<Record<string, string>>;
  switches?: Partial<Switches>;
  /**
   * Seconds an action takes, by `name:<resource>`, type or `*`, before the built-in ones (with which a cluster takes
   * 2 to 3 s); a `*` replaces them all.
   */
  resourceSeconds?: EngineOptions['resourceSeconds'];
  /** Seconds in a minute of `timeout_mins`. Default 60. */
  timeoutMinuteSeconds?: number;
  /** Seconds a resource in the making may still take when its stack is deleted. Default 1. */
  cancelSeconds?: number;
  /** Default true, as Heat's: an update takes over from an action under way. False: it is refused with 409. */
  convergence?: boolean;
  magnum?: MagnumOptions;
  /** Times in the Kubernetes clusters that stacks become. */
  kubernetesSeconds?: NonNullable<KubernetesHostOptions['seconds']>;
  /** Called for what goes wrong outside a request. Default: the error is thrown as an uncaught exception. */
  onError?: (error: unknown) => void;
  /** Told what an operator should know. Default: nobody. */
  log?: (message: string) => void;
}

/** A running cloud. */
export interface SimCloud {
  /** Without a slash at the end. */
  url: string;
  /** Identity endpoint, with `/v3`. */
  keystoneUrl: string;
  /** Magnum's endpoint, with `/v1`; it is this also where the catalog has another service for `container-infra`. */
  magnumUrl: string;
  /** The Kubernetes clusters of stacks (by the stack's id) and of Magnum (by the cluster's), with switches. */
  kubernetes: KubernetesHost;
  control: SimCloudControl;
  /** Stops serving, writes what is not written, and frees all timers. */
  close(): Promise<void>;
}

const RESOURCE_SECONDS: EngineOptions['resourceSeconds'] = {
  '*': { create: 0.2, update: 0.2, delete: 0.1 },
  'OS::Nova::Server': { create: 1, update: 0.5, delete: 0.4 },
  'OS::Octavia::LoadBalancer': { create: 0.8, update: 0.3, delete: 0.3 },
  'OS::Cinder::Volume': { create: 0.4, update: 0.2, delete: 0.2 },
};

function secondsOf(given: EngineOptions['resourceSeconds'] = {}): EngineOptions['resourceSeconds'] {
  return '*' in given ? given : { ...RESOURCE_SECONDS, ...given };
}

/** As in a cloud whose Magnum looks at its stacks more often than every 10 s. */
const MAGNUM_TIMES: ConductorTimes = { castSeconds: 0.1, pollSeconds: 0.5, healthSeconds: 60 };

const BODY_LIMIT_BYTES = 16 * 1024 * 1024;

/** Starts a simulated cloud: Keystone, Heat, Nova, Glance, Neutron and Magnum on one port. */
export async function startSimCloud(options: SimCloudOptions = {}): Promise<SimCloud> {
  const onError =
    options.onError ??
    ((error: unknown) => {
      queueMicrotask(() => {
        throw error;
      });
    });
  const switches = new SwitchBoard(options.switches);
  const stats = new Stats();
  const scheduler = new Scheduler(onError);
  const folder = (name: string): string | undefined =>
    options.dataDir === undefined ? undefined : join(options.dataDir, name);
  const identity = new Identity(options.passwords);
  const identityDocuments = new Documents(folder('identity'));
  const [stored] = await identityDocuments.load();
  if (stored !== undefined) identity.restore(stored, options.passwords);
  const saveIdentity = (): Promise<void> => identityDocuments.save('identity', () => identity.toDocument());
  // The signing key must be on disk before the first token is out.
  await saveIdentity();
  const store = new StackStore(new Documents(folder('stacks')), onError);
  await store.load();
  const engine = new HeatEngine({
    store,
    scheduler,
    switches,
    stats,
    options: {
      resourceSeconds: secondsOf(options.resourceSeconds),
      timeoutMinuteSeconds: options.timeoutMinuteSeconds ?? 60,
      cancelSeconds: options.cancelSeconds ?? 1,
    },
  });

  const log = options.log ?? (() => undefined);
  const kubernetesFolder = folder('kubernetes');
  const kubernetes = new KubernetesHost({
    scheduler,
    ...(kubernetesFolder === undefined ? {} : { folder: kubernetesFolder }),
    ...(options.kubernetesSeconds === undefined ? {} : { seconds: options.kubernetesSeconds }),
    onError,
    log,
  });
  const stackClusters = new StackClusters({ host: kubernetes, store, scheduler, log });
  const magnumStore = new MagnumStore({
    templates: new Documents(folder('magnum-templates')),
    clusters: new Documents(folder('magnum-clusters')),
    quotas: new Documents(folder('magnum-quotas')),
  });
  await magnumStore.load();
  const conductor = new Conductor({
    store: magnumStore,
    stacks: new ClusterStacks(store, engine, switches),
    documents: new Documents(folder('magnum-casts')),
    scheduler,
    switches,
    times: { ...MAGNUM_TIMES, ...options.magnum },
    host: kubernetes,
    onError,
    log,
  });
  await conductor.load();

  let url = '';
  const base = (): string => url;
  const app = fastify({
    bodyLimit: BODY_LIMIT_BYTES,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 300 },
    rewriteUrl: ({ url = '/' }) => withoutTrailingSlash(url),
  });
  addTraffic(app, switches, stats);
  answerBadRequests(app);
  const control: SimCloudControl = {
    switches: () => switches.get(),
    set: (change) => switches.set(change),
    reset: () => {
      switches.reset();
      stats.reset();
    },
    stats: () => stats.report(),
  };
  controlRoutes(app, control);
  kubernetesControlRoutes(app, kubernetes);
  const { extras, tokenSeconds } = {
    extras: options.catalogExtras ?? [],
    tokenSeconds: options.tokenSeconds ?? 3600,
  };
  keystoneRoutes(app, { identity, base, tokenSeconds, extras, save: saveIdentity });
  smallServiceRoutes(app, { identity, base });
  const views = new HeatViews(store, switches, base);
  heatRoutes(app, { identity, base, store, engine, views, convergence: options.convergence ?? true });
  magnumRoutes(app, {
    identity,
    base,
    store: magnumStore,
    conductor,
    views: new MagnumViews(base),
    maxMicroversion: options.magnum?.maxMicroversion ?? 10,
    isConductorUp: () => switches.get().magnum.conductorDown !== true,
    maxClustersPerProject: options.magnum?.maxClustersPerProject ?? 20,
  });

  const address = await app.listen({ host: options.host ?? '127.0.0.1', port: options.port ?? 0 });
  url = address.replace(/\/+$/, '');
  engine.resume();
  // Clusters do not stop because the services that made them do: a cloud that is back has them.
  await Promise.all([stackClusters.resume(), conductor.resume()]);
  return {
    url,
    keystoneUrl: `${url}/identity/v3`,
    magnumUrl: `${url}/container-infra/v1`,
    kubernetes,
    control,
    close: async () => {
      await app.close();
      scheduler.close();
      await conductor.close();
      await kubernetes.close();
      await store.close();
      await identityDocuments.settled();
    },
  };
}
