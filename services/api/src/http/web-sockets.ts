import { EventEmitter } from 'node:events';
import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import { CetusError } from '@cetus/shared/errors';
import { CLOSE, MAX_MESSAGE_BYTES } from '@cetus/shared/streams';
import websocket from '@fastify/websocket';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { LinkBuilder } from './links.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether the route serves a WebSocket; set by {@link serveWebSockets}. */
    webSocket?: boolean;
  }
}

export interface WebSocketOptions {
  /** Whose pages may open WebSockets, besides those of the API's own host. */
  origins: readonly string[];
  links: LinkBuilder;
}

/** How long clients may take to answer a close when the app closes, in milliseconds. */
const CLOSING_MS = 1_000;

const chosen = new WeakMap<IncomingMessage, string>();

/** Decides, before the upgrade, on the subprotocol of a WebSocket; empty for none. Without it none is chosen. */
export function chooseProtocol({ raw }: FastifyRequest, protocol: string): void {
  chosen.set(raw, protocol);
}

/**
 * Lets routes with `websocket: true` be registered. They are refused before the upgrade by the hooks that refuse requests, and to
 * pages of origins that may not call. Register it before the routes.
 */
export async function serveWebSockets(app: FastifyInstance, options: WebSocketOptions): Promise<void> {
  const upgrades = new EventEmitter();
  const onUpgrade = (request: IncomingMessage, socket: Socket, head: Buffer): void => {
    if (request.headers.upgrade?.toLowerCase() === 'websocket')
      upgrades.emit('upgrade', request, socket, head);
    else serveWithoutUpgrade(app.server, request, socket, head);
  };
  app.server.on('upgrade', onUpgrade);
  app.addHook('onRoute', (route) => {
    if (route.websocket === true) route.config = { ...route.config, webSocket: true };
  });
  await app.register(websocket, {
    options: {
      server: upgrades as Server,
      maxPayload: MAX_MESSAGE_BYTES,
      perMessageDeflate: false,
      handleProtocols: (_offered, request) => {
        const protocol = chosen.get(request) ?? '';
        return protocol === '' ? false : protocol;
      },
    },
    errorHandler: (error, socket, request) => {
      // A client that breaks off or sends what is no frame; all else is a mistake of a handler.
      if ('code' in error) request.log.debug({ err: error }, 'a WebSocket broke off');
      else request.log.error({ err: error, request_id: request.id }, 'a WebSocket failed');
      socket.terminate();
    },
    preClose: (done) => {
      app.server.removeListener('upgrade', onUpgrade);
      const { clients } = app.websocketServer;
      for (const client of clients) client.close(CLOSE.goingAway);
      const late = setTimeout(() => {
        for (const client of clients) client.terminate();
      }, CLOSING_MS);
      app.websocketServer.close(() => clearTimeout(late));
      done();
    },
  });
  app.addHook('onRequest', async (request) => {
    if (request.is404) return;
    const expected = request.routeOptions.config.webSocket === true;
    if (request.ws !== expected) {
      const detail = expected ? 'The address serves WebSockets only' : 'The address serves no WebSocket';
      throw new CetusError('invalid_field', detail, { field: 'Upgrade' });
    }
    if (request.ws) requireOrigin(request, options);
  });
}

/** @throws CetusError `origin_forbidden` for a page of somewhere else: a browser lets every page open WebSockets to everywhere */
function requireOrigin(request: FastifyRequest, { origins, links }: WebSocketOptions): void {
  const { origin } = request.headers;
  if (origin === undefined || origins.includes(origin)) return;
  const host = hostOf(origin);
  if (host === undefined || host !== hostOf(links.base(request)))
    throw new CetusError('origin_forbidden', 'Pages of this origin may open no WebSocket here');
}

function hostOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).host : undefined;
}

/**
 * Serves a request as if it had asked for no other protocol, which a server may do (RFC 9110, 7.8): clients of HTTP/2 offer `h2c` with
 * every first request. Node has read its head only, and leaves the connection to whoever listens for upgrades: it is given back with
 * the same request, without the offer.
 */
function serveWithoutUpgrade(server: Server, request: IncomingMessage, socket: Socket, head: Buffer): void {
  const lines = [`${request.method ?? ''} ${request.url ?? ''} HTTP/${request.httpVersion}`];
  for (let index = 0; index < request.rawHeaders.length; index += 2) {
    const [name = '', value = ''] = request.rawHeaders.slice(index, index + 2);
    if (!['upgrade', 'connection', 'http2-settings'].includes(name.toLowerCase()))
      lines.push(`${name}: ${value}`);
  }
  if (head.length > 0) socket.unshift(head);
  socket.unshift(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'));
  server.emit('connection', socket);
}
