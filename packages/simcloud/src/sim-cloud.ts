import { setTimeout as delay } from 'node:timers/promises';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { controlRoutes } from './control.ts';
import { Documents } from './documents.ts';
import type { EngineOptions } from './heat/engine-context.ts';
import { HeatEngine } from './heat/engine.ts';
import { badRequest, heatErrorBody } from './heat/errors.ts';
import { heatRoutes } from './heat/routes.ts';
import { StackStore } from './heat/store.ts';
import { HeatViews } from './heat/views.ts';
import type { CatalogExtra } from './keystone/catalog.ts';
import { Identity } from './keystone/identity.ts';
import { keystoneRoutes } from './keystone/routes.ts';
import { Scheduler } from './scheduler.ts';
import { smallServiceRoutes } from './small-services.ts';
import { Stats, type StatsReport } from './stats.ts';
import { SwitchBoard, type ServiceName, type Switches } from './switches.ts';

export type { CatalogExtra } from './keystone/catalog.ts';
export { DEFAULT_PASSWORD } from './keystone/identity.ts';
export type { StatsReport } from './stats.ts';
export type { ActionFault, PathRule, ResourceFault, ServiceName, Switches, TrafficRule } from './switches.ts';

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
  /** Called for what goes wrong outside a request. Default: the error is thrown as an uncaught exception. */
  onError?: (error: unknown) => void;
}

/** Works the cloud from inside the process; the same as `/_control` does over HTTP. */
export interface SimCloudControl {
  switches(): Switches;
  /** Replaces the named parts of the switches. */
  set(change: Partial<Switches>): void;
  /** Switches as at the start, counters at zero. */
  reset(): void;
  stats(): StatsReport;
}

/** A running cloud. */
export interface SimCloud {
  /** Without a slash at the end. */
  url: string;
  /** Identity endpoint, with `/v3`. */
  keystoneUrl: string;
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

const BODY_LIMIT_BYTES = 16 * 1024 * 1024;

/** Starts a simulated cloud: Keystone, Heat, Nova, Glance and Neutron on one port. */
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

  let url = '';
  const base = (): string => url;
  const app = fastify({
    bodyLimit: BODY_LIMIT_BYTES,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 300 },
  });
  addTraffic(app, switches, stats);
  addErrors(app);
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
  const { extras, tokenSeconds } = {
    extras: options.catalogExtras ?? [],
    tokenSeconds: options.tokenSeconds ?? 3600,
  };
  keystoneRoutes(app, { identity, base, tokenSeconds, extras, save: saveIdentity });
  smallServiceRoutes(app, { identity, base });
  const views = new HeatViews(store, switches, base);
  heatRoutes(app, { identity, base, store, engine, views, convergence: options.convergence ?? true });

  const address = await app.listen({ host: options.host ?? '127.0.0.1', port: options.port ?? 0 });
  url = address.replace(/\/+$/, '');
  engine.resume();
  return {
    url,
    keystoneUrl: `${url}/identity/v3`,
    control,
    close: async () => {
      await app.close();
      scheduler.close();
      await store.close();
      await identityDocuments.settled();
    },
  };
}

const SERVICES: Record<string, ServiceName> = {
  identity: 'keystone',
  orchestration: 'heat',
  compute: 'nova',
  image: 'glance',
  network: 'neutron',
};

function serviceOf(request: FastifyRequest): ServiceName | undefined {
  return SERVICES[request.url.split('/', 2)[1]?.split('?', 1)[0] ?? ''];
}

/** Counts requests, gives each an id, and lets the switches act on them. */
function addTraffic(app: FastifyInstance, switches: SwitchBoard, stats: Stats): void {
  app.addHook('onRequest', async (request, reply) => {
    void reply.header('x-openstack-request-id', `req-${randomUUID()}`);
    const service = serviceOf(request);
    const rule = service === undefined ? undefined : switches.traffic(service, request.method, request.url);
    if (service === undefined || rule === undefined) return undefined;
    if (rule.hang === true) {
      stats.injected('hang');
      reply.hijack();
      return reply;
    }
    const wait = (rule.latencyMs ?? 0) + Math.random() * (rule.jitterMs ?? 0);
    if (wait > 0) await delay(wait);
    if (rule.errorRate === undefined || Math.random() >= rule.errorRate) return undefined;
    stats.injected('error');
    if (rule.retryAfter !== undefined) void reply.header('Retry-After', String(rule.retryAfter));
    return sendInjected(reply, service, rule.errorStatus ?? 503);
  });
  app.addHook('onResponse', async (request, reply) => {
    const service = serviceOf(request);
    if (service !== undefined)
      stats.request(service, request.method, request.routeOptions.url ?? '?', reply.statusCode);
  });
}

function sendInjected(reply: FastifyReply, service: ServiceName, status: number): FastifyReply {
  const message = 'Injected by a switch of the simulated cloud.';
  if (service === 'heat') return reply.code(status).send(heatErrorBody(status, 'SimulatedError', message));
  if (service === 'neutron') {
    return reply.code(status).send({ NeutronError: { type: 'SimulatedError', message, detail: '' } });
  }
  if (service === 'nova') return reply.code(status).send({ computeFault: { code: status, message } });
  return reply.code(status).send({ error: { code: status, title: 'SimulatedError', message } });
}

/** Answers unknown paths and broken bodies in the manner of the service. */
function addErrors(app: FastifyInstance): void {
  app.setNotFoundHandler(async (request, reply) => {
    if (serviceOf(request) === 'keystone') {
      const page = '<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n';
      return reply.code(404).type('text/html; charset=utf-8').send(page);
    }
    const message = 'The resource could not be found.<br /><br />\n\n\n';
    return reply.code(404).send({ message, code: '404 Not Found', title: 'Not Found' });
  });
  app.setErrorHandler(async (error: Error & { statusCode?: number }, request, reply) => {
    const status = error.statusCode ?? 500;
    if (serviceOf(request) === 'heat' && status < 500) {
      const refusal = badRequest(error.message);
      return reply.code(status).send(heatErrorBody(status, refusal.type, refusal.message));
    }
    return reply.code(status).send({ error: { code: status, title: error.name, message: error.message } });
  });
}
