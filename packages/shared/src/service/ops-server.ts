import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import type { Logger } from './logger.ts';
import type { Readiness } from './readiness.ts';
import type { Resource } from './resource.ts';

/** An answer that does not depend on how it is served. */
export interface OpsAnswer {
  status: number;
  contentType: string;
  body: string;
}

export interface OpsHandlers {
  /** The process is alive: it answers. */
  '/healthz': () => Promise<OpsAnswer>;
  /** The service can do its work: 200, or 503 naming what fails. */
  '/readyz': () => Promise<OpsAnswer>;
  /** The metrics in Prometheus' text format. */
  '/metrics': () => Promise<OpsAnswer>;
}

export interface OpsOptions {
  readiness: () => Promise<Readiness>;
  registry: Registry;
}

const JSON_TYPE = 'application/json; charset=utf-8';

/** The handlers behind `/healthz`, `/readyz` and `/metrics`, the same for every service; the API mounts them in its own server. */
export function createOpsHandlers({ readiness, registry }: OpsOptions): OpsHandlers {
  return {
    '/healthz': async () => ({ status: 200, contentType: JSON_TYPE, body: JSON.stringify({ alive: true }) }),
    '/readyz': async () => {
      const answer = await readiness();
      return { status: answer.ready ? 200 : 503, contentType: JSON_TYPE, body: JSON.stringify(answer) };
    },
    '/metrics': async () => ({
      status: 200,
      contentType: registry.contentType,
      body: await registry.metrics(),
    }),
  };
}

export interface OpsServerOptions extends OpsOptions {
  host: string;
  /** 0 takes any free port. */
  port: number;
  logger: Logger;
}

export interface OpsServer extends Resource {
  /** Where it listens, such as `http://127.0.0.1:9512`, after its start. */
  readonly url: string;
}

/** A tiny HTTP server for services that have no REST API: the first resource to open, the last to close. */
export function createOpsServer(options: OpsServerOptions): OpsServer {
  const { host, port, logger } = options;
  const handlers = createOpsHandlers(options);
  const server = createServer(
    { requestTimeout: 5_000, headersTimeout: 5_000, keepAliveTimeout: 5_000, maxHeaderSize: 8_192 },
    (request, response) => {
      const path = (request.url ?? '').split('?', 1)[0] ?? '';
      request.resume();
      if (!Object.hasOwn(handlers, path)) return send(response, problem(404, 'not_found'));
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        response.setHeader('allow', 'GET, HEAD');
        return send(response, problem(405, 'method_not_allowed'));
      }
      handlers[path as keyof OpsHandlers]().then(
        (answer) => send(response, answer),
        (err: unknown) => {
          logger.error({ err, path }, 'an ops request failed');
          send(response, problem(500, 'internal_error'));
        },
      );
    },
  );
  // A slow or broken client is cut off; it is nobody's fault here.
  server.on('clientError', (_error, socket) => socket.destroy());
  return {
    name: 'ops-server',
    get url() {
      const address = server.address() as AddressInfo | null;
      if (!address) throw new Error('the ops server is not listening');
      return `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`;
    },
    start: () => listen(server, host, port),
    stop: () => close(server),
  };
}

function problem(status: number, code: string): OpsAnswer {
  return { status, contentType: JSON_TYPE, body: JSON.stringify({ code }) };
}

/** Node leaves the body out by itself when the request was a HEAD. */
function send(response: ServerResponse, { status, contentType, body }: OpsAnswer): void {
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
  });
  response.end(body);
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => (error ? reject(error) : resolve()));
    server.closeAllConnections();
  });
}
