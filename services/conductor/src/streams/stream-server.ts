import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { isIPv6, type AddressInfo } from 'node:net';
import type { Readable } from 'node:stream';
import { CetusError } from '@cetus/shared/errors';
import {
  ConfigError,
  type BoundedGauge,
  type Logger,
  type Metrics,
  type Resource,
} from '@cetus/shared/service';
import { offeredProtocols, StreamPlaces, whenGone, type StreamTicket } from '@cetus/shared/streams';
import type { WebSocket } from 'ws';
import { sendLog } from './log-stream.ts';
import { refuse, refuseUpgrade, streamError } from './refusals.ts';
import { SocketStreams, type Upgrade } from './socket-stream.ts';
import { TicketBook } from './ticket-book.ts';

/** Opens a stream of bytes. The signal is aborted when nobody reads it any more, and when the process stops. */
export type OpenLog = (signal: AbortSignal) => Promise<Readable>;

/** What whoever redeems a ticket for a WebSocket offers. */
interface SocketOffer {
  /** Subprotocols, the preferred one first. */
  protocols: readonly string[];
  /** Aborted when the reader goes before the socket is open, and when the process stops. */
  signal: AbortSignal;
}

/** Opens a WebSocket, paused; the subprotocol that it has is the one that the reader gets. */
export type OpenSocket = (offer: SocketOffer) => Promise<WebSocket>;

export interface StreamServerOptions {
  host: string;
  /** 0 takes any free port. */
  port: number;
  /** How other processes reach it. Default: `http://host:port`. */
  url?: string | undefined;
  /** Tickets that were not used yet are counted among them. */
  maxStreams: number;
  maxStreamsPerProject: number;
  /** A two-way stream without a message for so long, and a reader that takes nothing for so long, is ended. */
  idleMs: number;
  /** How long a ticket is good. Default 30000. */
  ticketMs?: number;
  logger: Logger;
  metrics: Metrics;
}

interface Openers {
  log: OpenLog;
  socket: OpenSocket;
}
type Sort = keyof Openers;

/** What a ticket is for. */
interface Issued<S extends Sort = Sort> {
  sort: S;
  open: Openers[S];
  /** Gives back the place of the stream. */
  release: () => void;
}

/** Hosts that are no address of this process for others. */
const EVERYWHERE = new Set(['0.0.0.0', '::']);
/** A connection that broke without a word is noticed after about as long, in milliseconds. */
const TCP_KEEP_ALIVE_MS = 30_000;
/** How long streams that were told to end may take for it when the process stops, in milliseconds. */
const CLOSING_MS = 1_000;

/**
 * Serves streams that are too much for the broker to whoever has a ticket for one. The request for a stream comes over the bus; what
 * answers it issues a ticket here with the function that opens the stream, which runs when the ticket is redeemed, once.
 */
export class StreamServer implements Resource {
  readonly name = 'stream-server';
  readonly #options: StreamServerOptions;
  readonly #server: Server;
  readonly #sockets: SocketStreams;
  readonly #tickets: TicketBook<Issued>;
  readonly #places: StreamPlaces;
  readonly #gauge: BoundedGauge<'sort'>;
  /** Of the streams that are open or being opened. */
  readonly #ends = new Set<AbortController>();
  readonly #running = new Set<Promise<void>>();

  /** @throws ConfigError when nobody can know how to reach it */
  constructor(options: StreamServerOptions) {
    if (options.url === undefined && EVERYWHERE.has(options.host)) {
      const message = `must be given when CETUS_STREAM_HOST is ${options.host}`;
      throw new ConfigError([{ variable: 'CETUS_STREAM_URL', message }]);
    }
    this.#options = options;
    const { maxStreams: most, maxStreamsPerProject: mostPerProject, ticketMs = 30_000 } = options;
    this.#places = new StreamPlaces({ what: 'logs and terminals', most, mostPerProject });
    this.#tickets = new TicketBook(ticketMs, ({ release }) => release());
    this.#sockets = new SocketStreams(options.idleMs);
    this.#gauge = options.metrics.gauge({
      name: 'conductor_streams',
      help: 'Streams that are open: logs, and sockets of terminals',
      labels: { sort: ['log', 'socket'] },
    });
    const help = 'Bytes that wait for readers of terminals that do not keep up';
    options.metrics.observed({ name: 'conductor_streams_waiting_bytes', help }, () => this.waitingBytes);
    this.#server = createServer(
      {
        requestTimeout: 10_000,
        headersTimeout: 5_000,
        maxHeaderSize: 8_192,
        keepAlive: true,
        keepAliveInitialDelay: TCP_KEEP_ALIVE_MS,
      },
      (request, response) => this.#track(this.#serveLog(request, response)),
    );
    this.#server.on('upgrade', (request, socket, head) =>
      this.#track(this.#serveSocket({ request, socket, head })),
    );
    this.#server.on('clientError', (_error, socket) => socket.destroy());
  }

  /** How other processes reach it, after its start. */
  get url(): string {
    const { url, host } = this.#options;
    if (url !== undefined) return url;
    const address = this.#server.address() as AddressInfo | null;
    if (address === null) throw new Error('the stream server does not listen');
    return `http://${isIPv6(host) ? `[${host}]` : host}:${String(address.port)}`;
  }

  /** Places that are taken: by streams, and by tickets for one. */
  get taken(): number {
    return this.#places.taken;
  }

  /** Bytes that wait in this process for readers of terminals that do not keep up. */
  get waitingBytes(): number {
    return this.#sockets.waitingBytes;
  }

  async start(): Promise<void> {
    const { host, port, logger } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => {
        this.#server.removeListener('error', reject);
        resolve();
      });
    });
    logger.info({ url: this.url }, 'the stream server listens');
  }

  /** Ends all streams. */
  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#places.close();
    this.#tickets.close();
    const reason = new CetusError('back_end_unavailable', 'The process that serves the stream stops');
    for (const end of this.#ends) end.abort(reason);
    const late = setTimeout(() => this.#sockets.cut(), CLOSING_MS);
    await Promise.all(this.#running);
    clearTimeout(late);
    this.#server.closeAllConnections();
    await closed;
  }

  /**
   * A ticket for a stream of bytes.
   * @throws CetusError `too_many_requests`
   */
  issueLog(projectId: string, open: OpenLog): StreamTicket {
    return this.#issue({ sort: 'log', open, release: this.#places.take(projectId) });
  }

  /**
   * A ticket for a two-way stream.
   * @throws CetusError `too_many_requests`
   */
  issueSocket(projectId: string, open: OpenSocket): StreamTicket {
    return this.#issue({ sort: 'socket', open, release: this.#places.take(projectId) });
  }

  #issue(issued: Issued): StreamTicket {
    const { token, expiresAt } = this.#tickets.issue(issued);
    return { url: this.url, token, expires_at: expiresAt.toISOString() };
  }

  /** @throws CetusError `unauthenticated` for a ticket that is not good, `invalid_field` for one of another sort */
  #redeem<S extends Sort>({ headers }: IncomingMessage, sort: S): Issued<S> {
    const token = /^Bearer ([\w-]+)$/.exec(headers.authorization ?? '')?.[1];
    const issued = token === undefined ? undefined : this.#tickets.redeem(token);
    if (issued === undefined)
      throw new CetusError('unauthenticated', 'The ticket is not good, or not any more');
    if (issued.sort === sort) return issued as Issued<S>;
    issued.release();
    throw new CetusError('invalid_field', `The ticket is for a ${issued.sort}`, { field: 'Upgrade' });
  }

  async #serveLog(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { idleMs, logger } = this.#options;
    const end = new AbortController();
    request.resume();
    response.once('close', () => end.abort());
    await this.#serve(request, 'log', end, {
      run: async (open) => {
        const log = await open(end.signal);
        const sent = sendLog(response, log, { end: end.signal, stuckMs: idleMs });
        // The reader knows it by the end of the connection.
        await this.#measured('log', sent).catch((err: unknown) => logger.debug({ err }, 'a log broke off'));
      },
      refuse: (error) => refuse(response, error),
    });
  }

  async #serveSocket(upgrade: Upgrade): Promise<void> {
    const { request, socket } = upgrade;
    const end = new AbortController();
    // A connection that is reset is its client's matter.
    socket.on('error', () => socket.destroy());
    const begun = whenGone(socket, () => end.abort());
    await this.#serve(request, 'socket', end, {
      run: async (open) => {
        const upstream = await open({ protocols: offeredProtocols(request.headers), signal: end.signal });
        // From here on the close of one side is told to the other.
        begun();
        await this.#measured('socket', this.#sockets.join(upgrade, upstream, end.signal));
      },
      refuse: (error) => refuseUpgrade(socket, error),
    });
  }

  /** Redeems the ticket of a request, and runs its stream to its end. */
  async #serve<S extends Sort>(
    request: IncomingMessage,
    sort: S,
    end: AbortController,
    stream: { run: (open: Openers[S]) => Promise<void>; refuse: (error: unknown) => void },
  ): Promise<void> {
    let release: (() => void) | undefined;
    this.#ends.add(end);
    try {
      const issued = this.#redeem(request, sort);
      ({ release } = issued);
      await stream.run(issued.open);
    } catch (error) {
      const told = streamError(error);
      if (!end.signal.aborted && !(told instanceof CetusError))
        this.#options.logger.error({ err: error, sort }, 'a stream could not be opened');
      stream.refuse(told);
    } finally {
      this.#ends.delete(end);
      release?.();
    }
  }

  async #measured(sort: Sort, stream: Promise<void>): Promise<void> {
    this.#gauge.inc({ sort });
    await stream.finally(() => this.#gauge.dec({ sort }));
  }

  #track(stream: Promise<void>): void {
    this.#running.add(stream);
    void stream.finally(() => this.#running.delete(stream));
  }
}
