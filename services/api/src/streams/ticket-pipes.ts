import type { OutgoingHttpHeaders } from 'node:http';
import { pipeline } from 'node:stream';
import { CetusError } from '@cetus/shared/errors';
import type { Logger, Metrics } from '@cetus/shared/service';
import {
  CLOSE,
  closed,
  keepAlive,
  pipeSockets,
  StreamPlaces,
  whenGone,
  type StreamTicket,
} from '@cetus/shared/streams';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { WebSocket } from 'ws';
import { spokenProtocols } from '../http/token.ts';
import { chooseProtocol } from '../http/web-sockets.ts';
import { openLog, openSocket } from './open-ticket.ts';

export interface TicketPipesOptions {
  logger: Logger;
  metrics: Metrics;
  maxStreams: number;
  maxStreamsPerProject: number;
}

/** A stream that passes through. */
interface Passing {
  /** Aborted when it is to end. */
  signal: AbortSignal;
  /** Ends it, if it goes on, and gives back its place. */
  end: (reason?: CetusError) => void;
}

/** A WebSocket that waits for its client's. */
interface Connected {
  upstream: WebSocket;
  passing: Passing;
  /** Listens for the end of the client's connection meanwhile. */
  gone: () => void;
}

/** The longest delay of a timer of Node. */
const MAX_TIMER_MS = 2 ** 31 - 1;
/** A connection that broke without a word is noticed after about as long, in milliseconds. */
const TCP_KEEP_ALIVE_MS = 30_000;
/** The token of the reader has expired: against the rules from now on. */
const POLICY_VIOLATION = 1008;

/**
 * Passes streams on, from the processes that serve them to clients. Each ends with its client, with the token of its client, and with
 * the process.
 */
export class TicketPipes {
  private readonly logger: Logger;
  private readonly places: StreamPlaces;
  private readonly passing = new Set<Passing>();
  private readonly connected = new WeakMap<FastifyRequest, Connected>();

  constructor({ logger, metrics, maxStreams, maxStreamsPerProject }: TicketPipesOptions) {
    this.logger = logger;
    this.places = new StreamPlaces({
      what: 'logs and terminals',
      most: maxStreams,
      mostPerProject: maxStreamsPerProject,
    });
    metrics.observed(
      { name: 'api_piped_streams', help: 'Logs and terminals that pass through' },
      () => this.places.taken,
    );
  }

  /**
   * Answers a request with the text that a ticket is for, as it comes.
   * @throws CetusError before anything is sent: `too_many_requests`, and what the stream is refused with
   */
  async pipeLog(request: FastifyRequest, reply: FastifyReply, ticket: StreamTicket): Promise<FastifyReply> {
    const head = {
      'content-type': 'text/plain; charset=utf-8',
      'cache-control': 'no-store',
      // Proxies that collect answers would hold the lines back.
      'x-accel-buffering': 'no',
    };
    if (request.method === 'HEAD') return reply.headers(head).send();
    const passing = this.begin(request);
    const { raw } = reply;
    raw.once('close', () => passing.end());
    if (raw.destroyed) passing.end();
    try {
      const upstream = await openLog(ticket, passing.signal);
      reply.hijack();
      request.raw.socket.setKeepAlive(true, TCP_KEEP_ALIVE_MS);
      raw.writeHead(200, { ...reply.getHeaders(), ...head } as OutgoingHttpHeaders);
      raw.flushHeaders();
      pipeline(upstream, raw, (err) => {
        if (err) this.logger.debug({ err, request_id: request.id }, 'a log broke off');
        passing.end();
      });
      return reply;
    } catch (error) {
      passing.end();
      throw error;
    }
  }

  /**
   * Opens the WebSocket that a ticket is for, so that what it is refused with is the answer to the request: for a hook of the route
   * that comes before its handler. It waits for {@link pipeWebSocket}, and is closed when the client goes meanwhile.
   * @throws CetusError as {@link pipeLog} does
   */
  async connect(request: FastifyRequest, ticket: StreamTicket): Promise<void> {
    const passing = this.begin(request);
    const client = request.raw.socket;
    const gone = (): void => passing.end();
    const opened = whenGone(client, () => passing.end());
    try {
      const upstream = await openSocket(ticket, spokenProtocols(request), passing.signal);
      chooseProtocol(request, upstream.protocol);
      client.once('close', gone);
      this.connected.set(request, { upstream, passing, gone });
    } catch (error) {
      passing.end();
      throw error;
    } finally {
      opened();
    }
  }

  /**
   * Makes one connection of a client's WebSocket and the one that was opened for its request.
   * @throws TypeError when {@link connect} was not called
   */
  pipeWebSocket(socket: WebSocket, request: FastifyRequest): void {
    const found = this.connected.get(request);
    if (found === undefined) throw new TypeError('no WebSocket was opened for the request');
    const { upstream, passing, gone } = found;
    // From here on the close of one side is told to the other.
    request.raw.socket.removeListener('close', gone);
    const end = (): void => {
      const { code, message } = passing.signal.reason as Partial<CetusError>;
      socket.close(code === 'unauthenticated' ? POLICY_VIOLATION : CLOSE.goingAway, message);
    };
    passing.signal.addEventListener('abort', end, { once: true });
    keepAlive(socket);
    keepAlive(upstream);
    void Promise.all([closed(socket), closed(upstream)]).then(() => passing.end());
    pipeSockets(socket, upstream);
    if (passing.signal.aborted) end();
  }

  /** @throws CetusError `too_many_requests` */
  private begin(request: FastifyRequest): Passing {
    const release = this.places.take(request.caller.projectId);
    const controller = new AbortController();
    const expired = new CetusError('unauthenticated', 'The token has expired');
    const expiry = setTimeout(
      () => passing.end(expired),
      Math.min(Math.max(request.tokenExpiresAt.getTime() - Date.now(), 0), MAX_TIMER_MS),
    );
    const passing: Passing = {
      signal: controller.signal,
      end: (reason) => {
        clearTimeout(expiry);
        this.passing.delete(passing);
        controller.abort(reason);
        release();
      },
    };
    this.passing.add(passing);
    return passing;
  }

  /** Ends all streams; their readers come back to another process. */
  close(): void {
    this.places.close();
    const reason = new CetusError('back_end_unavailable', 'The process stops');
    for (const { end } of this.passing) end(reason);
  }
}
