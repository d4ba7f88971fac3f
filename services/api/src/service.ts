import type { AddressInfo } from 'node:net';
import { KeystoneSession } from '@cetus/openstack/keystone';
import { createTokenCache, type TokenValidator } from '@cetus/shared/auth';
import type { Backbone } from '@cetus/shared/backbone';
import { EventFeed, EventStore } from '@cetus/shared/notifications';
import { Dispatcher, OperationStore } from '@cetus/shared/operations';
import { KeyRing } from '@cetus/shared/secrets';
import {
  keystoneCredentials,
  type Logger,
  type Metrics,
  type Readiness,
  type Resource,
} from '@cetus/shared/service';
import { Heartbeat, ServiceRegistry } from '@cetus/shared/service-registry';
import { APPLICATION, CLUSTER, CLUSTER_TEMPLATE, QUOTA, ScopedStore } from '@cetus/shared/store';
import type { FastifyInstance } from 'fastify';
import { createApp } from './app.ts';
import type { ApiServiceConfig } from './config.ts';
import { Fingerprints } from './http/index.ts';
import { QuotaLedger } from './quotas/ledger.ts';
import { ClusterStats } from './stats/cluster-stats.ts';

export interface ApiServiceDeps {
  config: Omit<ApiServiceConfig, 'CETUS_MONGODB_URL' | 'CETUS_AMQP_URL'>;
  /** What fingerprints are made with when the configuration names no keys for them. */
  keys?: KeyRing;
  /** Opened before and closed after these resources. */
  backbone: Backbone;
  /** What `/readyz` answers. */
  readiness: () => Promise<Readiness>;
  logger: Logger;
  metrics: Metrics;
}

/** The server of the REST API. */
export interface ApiServer extends Resource {
  /** Where it listens, such as `http://127.0.0.1:9511`, after its start. */
  readonly url: string;
}

/** What the API opens besides the backbone, in order. The server is the last: it takes requests when everything is there. */
export function apiResources(deps: ApiServiceDeps): [Resource, Resource, ApiServer] {
  const { config, backbone, logger } = deps;
  const session = new KeystoneSession({
    authUrl: config.CETUS_KEYSTONE_URL,
    credentials: keystoneCredentials(config),
    region: config.CETUS_REGION,
  });
  return [
    { name: 'keystone', stop: () => session.close() },
    new Heartbeat({ binary: 'cetus-api', backbone, logger }),
    new HttpServer(deps, validatorOf(session)),
  ];
}

/** Asks Keystone, as the service user, whose a token is. */
function validatorOf(session: KeystoneSession): TokenValidator {
  return {
    async validateToken(token, signal) {
      const found = await session.validateToken(token, signal);
      if (found === null) return null;
      const { userId, userName, roles, expiresAt, projectId, projectName } = found;
      return {
        userId,
        userName,
        roles,
        expiresAt,
        ...(projectId === undefined ? {} : { projectId }),
        ...(projectName === undefined ? {} : { projectName }),
      };
    },
  };
}

/** Opens the app on top of the backbone, and listens. */
class HttpServer implements ApiServer {
  readonly name = 'http-server';
  private readonly deps: ApiServiceDeps;
  private readonly validator: TokenValidator;
  private running: { app: FastifyInstance; feed: EventFeed; dispatcher: Dispatcher } | undefined;

  constructor(deps: ApiServiceDeps, validator: TokenValidator) {
    this.deps = deps;
    this.validator = validator;
  }

  get url(): string {
    const address = this.running?.app.server.address() as AddressInfo | null | undefined;
    if (address == null) throw new Error('the API does not listen');
    return `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`;
  }

  async start(): Promise<void> {
    const { config, keys, backbone, readiness, logger, metrics } = this.deps;
    const { store, bus, relay } = backbone;
    const { CETUS_API_FINGERPRINT_KEYS: own } = config;
    const ring = own === undefined ? keys : KeyRing.parse(own);
    if (ring === undefined)
      logger.info('CETUS_API_FINGERPRINT_KEYS is not set: fingerprints of requests are plain digests');
    const events = new EventStore(store);
    const feed = new EventFeed(bus, events);
    const dispatcher = new Dispatcher({
      bus,
      relay,
      onError: (err, object) =>
        logger.warn({ err, object }, 'a command could not be published; the sweep finds its object'),
    });
    const app = await createApp({
      applications: new ScopedStore(store, APPLICATION),
      clusters: new ScopedStore(store, CLUSTER),
      templates: new ScopedStore(store, CLUSTER_TEMPLATE),
      quotas: new ScopedStore(store, QUOTA),
      ledger: new QuotaLedger(store),
      stats: new ClusterStats(store),
      services: new ServiceRegistry(store),
      operations: new OperationStore(store),
      events,
      feed,
      dispatcher,
      bus,
      tokens: createTokenCache(this.validator, { ttlSeconds: config.CETUS_TOKEN_CACHE_SECONDS }),
      fingerprints: new Fingerprints(ring),
      config,
      logger,
      metrics,
      readiness,
    });
    await feed.start();
    try {
      await app.listen({ host: config.CETUS_API_HOST, port: config.CETUS_API_PORT });
    } catch (error) {
      await feed.stop();
      await app.close();
      throw error;
    }
    this.running = { app, feed, dispatcher };
    logger.info({ url: this.url }, 'the API listens');
  }

  async stop(): Promise<void> {
    if (this.running === undefined) return;
    const { app, feed, dispatcher } = this.running;
    // Streams end first, so that the server can wait for every answer; then what requests have set on its way.
    await app.close();
    await feed.stop();
    await dispatcher.close();
    this.running = undefined;
  }
}
