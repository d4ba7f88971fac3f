import cors from '@fastify/cors';
import rateLimit from '@fastify/rate-limit';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import { CetusError } from '@cetus/shared/errors';
import Fastify, { LogController, type FastifyBaseLogger, type FastifyInstance } from 'fastify';
import { applicationImportRoutes } from './applications/import/routes.ts';
import { applicationRoutes } from './applications/register.ts';
import { certificateRoutes } from './certificates/routes.ts';
import { clusterTemplateRoutes } from './cluster-templates/routes.ts';
import { clusterActionRoutes } from './clusters/action-routes.ts';
import { clusterImportRoutes } from './clusters/import-routes.ts';
import { clusterRoutes } from './clusters/routes.ts';
import type { ApiDeps } from './deps.ts';
import { discoveryRoutes } from './discovery.ts';
import { eventRoutes } from './events/routes.ts';
import { EventStreams } from './events/streams.ts';
import { requireJsonAccepted } from './http/accept.ts';
import { authenticate } from './http/authentication.ts';
import { MAX_BODY_BYTES, parseJsonBodies } from './http/body.ts';
import { closePromptly } from './http/closing.ts';
import { createErrorHandler, onClientError } from './http/errors.ts';
import { LinkBuilder, rewriteBookmark } from './http/links.ts';
import { measureRequests } from './http/metrics.ts';
import { negotiateMicroversion } from './http/microversion.ts';
import { documentApi } from './http/openapi.ts';
import { opsRoutes } from './http/ops-routes.ts';
import { globalRequestId, newRequestId } from './http/request-id.ts';
import { answerUnknownRoutes } from './http/routes-known.ts';
import { securityHeaders } from './http/security-headers.ts';
import { buildValidator } from './http/validation.ts';
import { serveWebSockets } from './http/web-sockets.ts';
import { nodeGroupRoutes } from './node-groups/routes.ts';
import { operationRoutes } from './operations/routes.ts';
import { quotaRoutes } from './quotas/routes.ts';
import { statsRoutes } from './stats/routes.ts';
import { TicketPipes } from './streams/ticket-pipes.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Passes logs and terminals on to clients. */
    ticketPipes: TicketPipes;
  }
}

/** Bytes of all header fields of a request together. */
const MAX_HEADER_BYTES = 16 * 1024;

/**
 * The REST API as a Fastify instance that does not listen yet. What it uses is opened and closed by whoever made it; closing the app
 * ends its streams and waits for the requests that are going on.
 */
export async function createApp(deps: ApiDeps): Promise<FastifyInstance> {
  const { config, logger, metrics } = deps;
  const requestTimeout = config.CETUS_API_REQUEST_SECONDS * 1_000;
  // The wider type: with pino's own, every plug-in would have to name it.
  const loggerInstance: FastifyBaseLogger = logger;
  const onError = createErrorHandler(config.CETUS_KEYSTONE_URL);
  const app = Fastify({
    loggerInstance,
    // One line a request, written by the hook below.
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: newRequestId,
    requestIdHeader: false,
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout,
    keepAliveTimeout: 65_000,
    http: { maxHeaderSize: MAX_HEADER_BYTES, headersTimeout: Math.min(requestTimeout, 15_000) },
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 512 },
    rewriteUrl: (request) => rewriteBookmark(request.url ?? '/'),
    clientErrorHandler: onClientError,
    frameworkErrors: (error, request, reply) => {
      reply.header('x-openstack-request-id', request.id);
      onError(error, request, reply);
    },
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    schemaController: { compilersFactory: { buildValidator: buildValidator as never } },
  });

  app.setErrorHandler(onError);
  const security = securityHeaders({ https: config.CETUS_PUBLIC_URL?.startsWith('https:') === true });
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-openstack-request-id', request.id).headers(security);
    done();
  });
  if (logger.isLevelEnabled('debug')) logRequests(app, logger);
  measureRequests(app, metrics);
  parseJsonBodies(app);
  answerUnknownRoutes(app);

  const origins = config.CETUS_API_CORS_ORIGINS.split(',')
    .map((origin) => origin.trim())
    .filter(Boolean);
  if (origins.length > 0) await app.register(cors, corsOptions(origins));
  await documentApi(app);

  const links = new LinkBuilder(config.CETUS_PUBLIC_URL);
  await serveWebSockets(app, { origins, links });
  const streams = new EventStreams({
    feed: deps.feed,
    logger,
    metrics,
    maxStreams: config.CETUS_API_MAX_STREAMS,
    maxStreamsPerProject: config.CETUS_API_MAX_STREAMS_PER_PROJECT,
    heartbeatMs: config.CETUS_API_STREAM_HEARTBEAT_SECONDS * 1_000,
  });
  const pipes = new TicketPipes({
    logger,
    metrics,
    maxStreams: config.CETUS_API_MAX_STREAMS,
    maxStreamsPerProject: config.CETUS_API_MAX_STREAMS_PER_PROJECT,
  });
  app.decorate('ticketPipes', pipes);
  app.addHook('preClose', async () => {
    streams.close();
    pipes.close();
  });
  closePromptly(app);

  app.decorate('fingerprints', deps.fingerprints);
  app.decorateRequest('microversion', 0);
  opsRoutes(app, deps);
  discoveryRoutes(app.withTypeProvider<TypeBoxTypeProvider>(), links);
  await app.register(async (scope) => {
    scope.addHook('onRequest', negotiateMicroversion);
    scope.addHook('onRequest', requireJsonAccepted);
    authenticate(scope, deps);
    if (config.CETUS_API_RATE_LIMIT > 0) await limitRate(scope, config.CETUS_API_RATE_LIMIT);
    const v1 = scope.withTypeProvider<TypeBoxTypeProvider>();
    clusterTemplateRoutes(v1, deps, links);
    clusterRoutes(v1, deps, links);
    clusterImportRoutes(v1, deps, links);
    clusterActionRoutes(v1, deps);
    nodeGroupRoutes(v1, deps, links);
    applicationRoutes(v1, deps, links);
    applicationImportRoutes(v1, deps);
    certificateRoutes(v1, deps, links);
    quotaRoutes(v1, deps, links);
    statsRoutes(v1, deps);
    operationRoutes(v1, deps, links);
    eventRoutes(v1, deps, links, streams);
  });
  return app;
}

function logRequests(app: FastifyInstance, logger: ApiDeps['logger']): void {
  app.addHook('onResponse', (request, reply, done) => {
    logger.debug(
      {
        request_id: request.id,
        global_request_id: globalRequestId(request.raw),
        method: request.method,
        route: request.routeOptions.url,
        status: reply.statusCode,
        project_id: request.caller?.projectId,
        ms: Math.round(reply.elapsedTime),
      },
      'request',
    );
    done();
  });
}

function corsOptions(origins: string[]) {
  return {
    origin: origins,
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    allowedHeaders: [
      'content-type',
      'x-auth-token',
      'openstack-api-version',
      'idempotency-key',
      'if-match',
      'if-none-match',
      'last-event-id',
    ],
    exposedHeaders: [
      'etag',
      'location',
      'x-openstack-request-id',
      'openstack-api-version',
      'cetus-operation-id',
      'retry-after',
    ],
    maxAge: 600,
    strictPreflight: false,
  };
}

async function limitRate(app: FastifyInstance, max: number): Promise<void> {
  await app.register(rateLimit, {
    max,
    timeWindow: 60_000,
    cache: 10_000,
    keyGenerator: (request) => request.caller.projectId,
    errorResponseBuilder: (_request, { ttl }) =>
      new CetusError('too_many_requests', `A project may send ${max} requests a minute`, {
        retryAfterMs: ttl,
      }),
  });
}
