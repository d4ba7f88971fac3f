import { connect as connectHttp2, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import type { IncomingHttpHeaders } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { buildConnector } from 'undici';

export interface ReadSessionOptions {
  /** Of the API server, `https://…`. */
  origin: URL;
  /** Options of sockets, as undici's connector takes them. */
  connect: object;
  /** Until TCP and TLS stand, in milliseconds. */
  connectTimeoutMs: number;
  /** How long a connection that is there already may take to show that it still leads anywhere, in milliseconds; default 5,000. */
  pingMs?: number;
  /** How long ago it may have shown that without being asked again, in milliseconds; default 5,000. */
  freshMs?: number;
}

/** The beginning of an answer, and its body as it comes. */
export interface SessionAnswer {
  statusCode: number;
  headers: IncomingHttpHeaders;
  body: ClientHttp2Stream;
}

const PING_MS = 5_000;
const FRESH_MS = 5_000;
/** What may be on its way to all readers together, in bytes. */
const WINDOW_BYTES = 1024 * 1024;
const CANCEL = 0x8;

/** The server did not answer a ping (RFC 9113, section 6.7). */
class PingTimeoutError extends Error {
  readonly code = 'ETIMEDOUT';
  override readonly message = 'the connection does not lead anywhere any more';
}

/** The connection was closed in the midst of an answer, which HTTP/2 in Node would tell as its end. */
class ConnectionLostError extends Error {
  readonly code = 'ECONNRESET';
  override readonly message = 'the connection was lost';
}

/** The server ended a stream before it said anything, as it does when it goes away. */
class NoAnswerError extends Error {
  readonly code = 'ECONNRESET';
  override readonly message = 'the server ended the stream before it answered';
}

interface Open {
  session: ClientHttp2Session;
  /** When it last showed that it leads to the server, as `performance.now()`. */
  heardAt: number;
  /** Those that go on. */
  streams: Set<ClientHttp2Stream>;
}

/**
 * All that is read of an API server over one connection, by HTTP/2: a TLS connection costs some 80 KB in this process and more in the API
 * server, and a cluster has a dozen watches, each of which begins with a list. For servers that do not speak HTTP/2 there is no session.
 *
 * Node's own client, as undici's begins streams again after a GOAWAY, which an API server sends whenever it is restarted.
 */
export class ReadSession {
  readonly #options: ReadSessionOptions;
  readonly #connector: buildConnector.connector;
  #current: Promise<Open | undefined> | undefined;
  /** Whether it still leads anywhere: asked once for all who want to know at once. */
  #checking: Promise<boolean> | undefined;
  #closed = false;

  constructor(options: ReadSessionOptions) {
    this.#options = options;
    const { connect, connectTimeoutMs: timeout } = options;
    this.#connector = buildConnector({ ...connect, timeout, allowH2: true });
  }

  /**
   * Begins a GET.
   * @param signal ends it at any time
   * @returns undefined: the server does not speak HTTP/2
   * @throws the system's, TLS' or HTTP/2's error; the signal's reason
   */
  async get(
    path: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<SessionAnswer | undefined> {
    const open = await this.#open();
    signal.throwIfAborted();
    if (open === undefined) return undefined;
    const { session, streams } = open;
    // That it ends before it answers may be because nothing comes through any more.
    let answered = false;
    const stream = session.request({ ...headers, ':method': 'GET', ':path': path }, { endStream: true });
    const onAbort = (): void => {
      stream.close(CANCEL);
      stream.destroy(signal.reason as Error);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    streams.add(stream);
    stream.once('close', () => {
      streams.delete(stream);
      signal.removeEventListener('abort', onAbort);
      if (!answered) open.heardAt = -Infinity;
    });
    return await new Promise<SessionAnswer>((resolve, reject) => {
      stream.once('error', reject);
      stream.once('close', () => reject(new NoAnswerError()));
      stream.once('response', ({ ':status': statusCode, ...rest }) => {
        answered = true;
        open.heardAt = performance.now();
        stream.off('error', reject);
        // Whoever reads it is told; before that it is nobody's.
        stream.on('error', () => undefined);
        resolve({ statusCode: statusCode ?? 0, headers: rest, body: stream });
      });
    });
  }

  /** Ends the connection; what is read of it fails. */
  async close(): Promise<void> {
    this.#closed = true;
    const open = await this.#current?.catch(() => undefined);
    open?.session.destroy();
  }

  /** The connection that there is, if it still leads anywhere, or a new one. */
  async #open(): Promise<Open | undefined> {
    const before = this.#current;
    if (before !== undefined) {
      const open = await before.catch(() => undefined);
      if (open !== undefined && (await this.#check(open))) return open;
      // Else whoever waited beside has begun a new one.
      if (this.#current === before) this.#current = undefined;
    }
    if (this.#closed) throw new Error('the connection was closed');
    return (this.#current ??= this.#connect());
  }

  async #check(open: Open): Promise<boolean> {
    const { pingMs = PING_MS, freshMs = FRESH_MS } = this.#options;
    if (open.session.closed || open.session.destroyed) return false;
    if (performance.now() - open.heardAt < freshMs) return true;
    this.#checking ??= answers(open.session, pingMs).finally(() => (this.#checking = undefined));
    if (!(await this.#checking)) return false;
    open.heardAt = performance.now();
    return true;
  }

  async #connect(): Promise<Open | undefined> {
    const { origin } = this.#options;
    const socket = await new Promise<TLSSocket>((resolve, reject) => {
      const { hostname, host, protocol } = origin;
      const port = origin.port === '' ? '443' : origin.port;
      this.#connector({ hostname, host, protocol, port }, (error, opened) => {
        if (error === null) resolve(opened as TLSSocket);
        else reject(error);
      });
    });
    if (socket.alpnProtocol !== 'h2') {
      socket.destroy();
      return undefined;
    }
    const streams = new Set<ClientHttp2Stream>();
    // Before the session hears of it.
    socket.once('close', () => {
      for (const stream of streams) stream.destroy(new ConnectionLostError());
    });
    const session = connectHttp2(origin, { createConnection: () => socket });
    session.once('connect', () => {
      if (!session.destroyed) session.setLocalWindowSize(WINDOW_BYTES);
    });
    // Its streams are told, and the next one finds it destroyed.
    session.on('error', () => undefined);
    if (this.#closed) session.destroy();
    return { session, streams, heardAt: performance.now() };
  }
}

/** Whether a connection leads to the server still; ends it when it does not. After a GOAWAY nothing new begins on it. */
async function answers(session: ClientHttp2Session, withinMs: number): Promise<boolean> {
  if (session.closed || session.destroyed) return false;
  return new Promise((resolve) => {
    const timer = setTimeout(() => session.destroy(new PingTimeoutError()), withinMs);
    const end = (good: boolean): void => {
      clearTimeout(timer);
      session.off('close', onClose);
      resolve(good && !session.closed);
    };
    const onClose = (): void => end(false);
    session.once('close', onClose);
    session.ping((error) => end(error === null));
  });
}
