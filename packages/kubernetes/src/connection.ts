import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { MAX_MESSAGE_BYTES, opened } from '@cetus/shared/streams';
import { Pool, type Dispatcher } from 'undici';
import { WebSocket } from 'ws';
import type { DeniedNetworks } from './denied-networks.ts';
import { inWords, isConnectionLost, readBody, refusal, unreachable } from './answers.ts';
import { KubernetesError, type RequestInfo } from './errors.ts';
import { readKubeconfig, type ClusterAccess, type ReadKubeconfigOptions } from './kubeconfig.ts';
import { tlsOptions } from './tls-options.ts';
import { ReadSession, type SessionAnswer } from './read-session.ts';

/** Limits of one {@link KubernetesConnection}. All times in milliseconds. */
export interface ConnectionOptions {
  /** Until TCP and TLS stand. Default 5000. */
  connectTimeoutMs?: number;
  /** One request as a whole, waiting for a free socket and reading the body included. Default 30000. */
  requestTimeoutMs?: number;
  /** Sockets for what changes something; and for what is read of a server that does not speak HTTP/2. Default 4. */
  sockets?: number;
  /** Sockets for watches of such a server: each keeps one, and one more waits until another ends. Default 32. */
  watchSockets?: number;
  /** Sockets for logs, in the same way. They are others, so that readers of logs keep nobody from watching. Default 128. */
  logSockets?: number;
  /** A larger body is refused. Default 64 MiB. */
  maxBodyBytes?: number;
  /** Networks that it may not lead to; default: none. */
  deniedNetworks?: DeniedNetworks | undefined;
}

export type FromKubeconfigOptions = ConnectionOptions & ReadKubeconfigOptions;

/** `application/…` of a body; a PATCH says with it how the body is to be understood. */
export const JSON_TYPE = 'application/json';
export const MERGE_PATCH = 'application/merge-patch+json';
export const JSON_PATCH = 'application/json-patch+json';
export const STRATEGIC_PATCH = 'application/strategic-merge-patch+json';
export const APPLY_PATCH = 'application/apply-patch+yaml';

/** A list is given once for each of its items. */
export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

export interface RequestOptions {
  query?: Query | undefined;
  /** Sent as JSON. */
  body?: unknown;
  /** Default {@link JSON_TYPE}. */
  contentType?: string | undefined;
  signal?: AbortSignal | undefined;
  /** Instead of the connection's `requestTimeoutMs`. */
  timeoutMs?: number | undefined;
}

/** A whole answer. */
export interface Answer<T = unknown> {
  status: number;
  headers: IncomingHttpHeaders;
  /** Parsed JSON; text where it was not JSON; undefined where there was none. */
  body: T;
}

/** The answer to a watch, or a log, as it comes. */
export interface AnswerStream {
  body: AsyncIterable<Buffer> & Readable;
}

export interface StreamOptions {
  query?: Query;
  /** Ends the stream. */
  signal: AbortSignal;
  /** Until it begins. Default: the connection's `requestTimeoutMs`. */
  timeoutMs?: number;
  /** Whether it is a log, and takes a socket of theirs. Default false. */
  isLog?: boolean;
}

export interface WebSocketOptions {
  query?: Query | undefined;
  /** The subprotocols that the server may choose from, the preferred one first. */
  protocols: readonly string[];
  /** Ends the socket, also once it is open. */
  signal: AbortSignal;
  /** Until it is open. Default: the connection's `requestTimeoutMs`. */
  timeoutMs?: number | undefined;
}

/**
 * One API server as one user: JSON over HTTP with a bound on every wait. All that is read shares one connection by HTTP/2, watches included;
 * what changes something, logs and terminals have bounded sockets of their own. Nothing is opened before the first request. To be closed.
 */
export class KubernetesConnection {
  readonly server: string;
  /** Name of the user in the kubeconfig. */
  readonly user: string;
  /** Certificate of the cluster's authority, PEM; undefined where the system's are trusted. */
  readonly authorityCertificate: string | undefined;

  readonly #limits: Required<Omit<ConnectionOptions, 'deniedNetworks'>>;
  readonly #requests: Pool;
  readonly #watches: Pool;
  /** Undefined: the server does not speak HTTP/2, or not as far as it is known. */
  #session: ReadSession | undefined;
  readonly #logs: Pool;
  /** Path of the server's address. */
  readonly #base: string;
  readonly #headers: Record<string, string>;
  /** How WebSockets connect. */
  readonly #connect: object;
  readonly #webSockets = new Set<WebSocket>();

  /** @throws CetusError `invalid_field`, see {@link readKubeconfig} */
  static fromKubeconfig(text: string, options: FromKubeconfigOptions = {}): KubernetesConnection {
    const { context, allowInsecure, ...limits } = options;
    return new KubernetesConnection(readKubeconfig(text, { context, allowInsecure }), limits);
  }

  /** @throws CetusError `invalid_field` for an address in a denied network, and certificates that TLS does not take */
  constructor(access: ClusterAccess, { deniedNetworks, ...options }: ConnectionOptions = {}) {
    this.server = access.server;
    this.user = access.user;
    this.authorityCertificate = access.authorityCertificate;
    this.#limits = {
      connectTimeoutMs: 5_000,
      requestTimeoutMs: 30_000,
      sockets: 4,
      watchSockets: 32,
      logSockets: 128,
      maxBodyBytes: 64 * 1024 * 1024,
      ...options,
    };
    const url = new URL(access.server);
    deniedNetworks?.requireAllowed(url.hostname);
    this.#base = url.pathname === '/' ? '' : url.pathname;
    this.#headers = { accept: JSON_TYPE, 'user-agent': 'cetus', ...authorization(access) };
    this.#connect = {
      ...tlsOptions(access),
      ...(deniedNetworks === undefined ? {} : { lookup: deniedNetworks.lookup }),
    };
    const pool = (connections: number): Pool =>
      new Pool(url.origin, {
        connect: { timeout: this.#limits.connectTimeoutMs, ...this.#connect },
        connections,
        pipelining: 1,
        // Every request has a timer of its own for the whole; a watch is looked after by whoever reads it.
        headersTimeout: 0,
        bodyTimeout: 0,
        // Longer than between two looks at a quiet cluster, which then need no new handshake.
        keepAliveTimeout: 60_000,
      });
    if (url.protocol === 'https:') {
      const { connectTimeoutMs } = this.#limits;
      this.#session = new ReadSession({ origin: url, connect: this.#connect, connectTimeoutMs });
    }
    this.#requests = pool(this.#limits.sockets);
    this.#watches = pool(this.#limits.watchSockets);
    this.#logs = pool(this.#limits.logSockets);
  }

  /**
   * Sends a request and reads the whole answer. A GET that met a socket which the server was just closing is sent once more.
   * @param path absolute path below the server's address, such as `/api/v1/nodes`
   * @throws KubernetesError for a status outside of 2xx; KubernetesUnreachableError when there is no answer; the signal's
   *   reason when the caller aborts.
   */
  async request<T = unknown>(method: string, path: string, options: RequestOptions = {}): Promise<Answer<T>> {
    const info: RequestInfo = { method, path: path + queryString(options.query) };
    const attempt = (): Promise<Answer<T>> =>
      this.#guarded(info, options, async (signal) => {
        const answer = await (method === 'GET'
          ? this.#read(this.#requests, info, signal)
          : this.#send(this.#requests, info, options, signal));
        const body = await readBody(info, answer, this.#limits.maxBodyBytes);
        if (answer.statusCode < 200 || answer.statusCode > 299) throw refusal(info, answer, body);
        return { status: answer.statusCode, headers: answer.headers, body: body as T };
      });
    try {
      return await attempt();
    } catch (error) {
      if (method !== 'GET' || !isConnectionLost(error)) throw error;
      return await attempt();
    }
  }

  /** The body of the answer to a GET. Throws as {@link request} does. */
  async get<T>(path: string, options: Omit<RequestOptions, 'body' | 'contentType'> = {}): Promise<T> {
    return (await this.request<T>('GET', path, options)).body;
  }

  /**
   * Opens a stream that lives until the server or the signal ends it; only the wait for its beginning is bounded, by
   * `timeoutMs`. Throws as {@link request} does; reading throws what ended the stream.
   */
  async stream(path: string, options: StreamOptions): Promise<AnswerStream> {
    const info: RequestInfo = { method: 'GET', path: path + queryString(options.query) };
    return this.#guarded(info, options, async (opening) => {
      const ended = new AbortController();
      const onOpening = (): void => ended.abort(opening.reason);
      const onEnd = (): void => ended.abort(options.signal.reason);
      opening.addEventListener('abort', onOpening, { once: true });
      options.signal.addEventListener('abort', onEnd, { once: true });
      const release = (): void => options.signal.removeEventListener('abort', onEnd);
      try {
        const answer = await (options.isLog === true
          ? this.#send(this.#logs, info, {}, ended.signal)
          : this.#read(this.#watches, info, ended.signal));
        // 204: the log of a pod that is on no node yet.
        if (answer.statusCode !== 200 && answer.statusCode !== 204)
          throw refusal(info, answer, await readBody(info, answer, this.#limits.maxBodyBytes));
        answer.body.once('close', release);
        return { body: answer.body as AnswerStream['body'] };
      } catch (error) {
        release();
        throw error;
      } finally {
        opening.removeEventListener('abort', onOpening);
      }
    });
  }

  /**
   * Opens a WebSocket that lives until the server, the signal or the reader ends it; only the wait for its beginning is bounded. It
   * comes paused, so that no message is lost before somebody listens, and what goes wrong with it ends in its `close`. Throws as
   * {@link request} does.
   */
  async webSocket(path: string, options: WebSocketOptions): Promise<WebSocket> {
    // Without the query: what is run there is for nobody else's eyes, and errors are logged.
    const info: RequestInfo = { method: 'GET', path };
    const { signal } = options;
    return this.#guarded(info, options, async (opening) => {
      const url = webSocketUrl(this.server) + path + queryString(options.query);
      const socket = new WebSocket(url, [...options.protocols], {
        // The kubelet, which answers, refuses to be asked for JSON.
        headers: { ...this.#headers, accept: '*/*' },
        maxPayload: MAX_MESSAGE_BYTES,
        perMessageDeflate: false,
        ...this.#connect,
      });
      const end = (): void => socket.terminate();
      this.#webSockets.add(socket);
      signal.addEventListener('abort', end, { once: true });
      socket.once('close', () => {
        this.#webSockets.delete(socket);
        signal.removeEventListener('abort', end);
      });
      const answer = await opened(socket, opening);
      if (answer === undefined) return socket;
      try {
        throw refusal(info, answer, inWords(answer, await readBody(info, answer, this.#limits.maxBodyBytes)));
      } finally {
        end();
      }
    });
  }

  /** Closes the sockets; requests, watches and WebSockets under way fail. */
  async close(): Promise<void> {
    for (const socket of this.#webSockets) socket.terminate();
    const pools = [this.#requests, this.#watches, this.#logs];
    await Promise.all([this.#session?.close(), ...pools.map((pool) => pool.destroy())]);
  }

  /** Runs an exchange with a bound on its time, and gives what goes wrong its name. */
  async #guarded<T>(
    info: RequestInfo,
    options: Pick<RequestOptions, 'signal' | 'timeoutMs'>,
    exchange: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    options.signal?.throwIfAborted();
    // A controller of our own: AbortSignal.any keeps a listener on a long-lived signal for ever in Node 20.
    const abort = new AbortController();
    const onAbort = (): void => abort.abort(options.signal?.reason);
    options.signal?.addEventListener('abort', onAbort, { once: true });
    const timer = setTimeout(
      () => abort.abort(new TotalTimeout()),
      options.timeoutMs ?? this.#limits.requestTimeoutMs,
    );
    // Undici does not look at the signal of a request that waits for a free socket.
    const aborted = new Promise<never>((_, reject) => {
      abort.signal.addEventListener('abort', () => reject(abort.signal.reason as Error), { once: true });
    });
    try {
      return await Promise.race([exchange(abort.signal), aborted]);
    } catch (error) {
      if (error instanceof KubernetesError) throw error;
      if (options.signal?.aborted === true) throw options.signal.reason;
      throw unreachable(info, this.server, error);
    } finally {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Over the connection of all that is read, or where there is none with a socket of its own. */
  async #read(
    pool: Pool,
    info: RequestInfo,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData | SessionAnswer> {
    const answer = await this.#session?.get(this.#base + info.path, this.#headers, signal);
    if (answer !== undefined) return answer;
    this.#session = undefined;
    return this.#send(pool, info, {}, signal);
  }

  async #send(
    pool: Pool,
    info: RequestInfo,
    { body, contentType = JSON_TYPE }: RequestOptions,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    return pool.request({
      method: info.method,
      path: this.#base + info.path,
      headers: body === undefined ? this.#headers : { ...this.#headers, 'content-type': contentType },
      body: body === undefined ? null : JSON.stringify(body),
      signal,
    });
  }
}

class TotalTimeout extends Error {
  readonly code = 'TIMEOUT';
  override readonly message = 'no complete answer in time';
}

function authorization({ token, username, password }: ClusterAccess): Record<string, string> {
  if (token !== undefined) return { authorization: `Bearer ${token}` };
  if (username === undefined) return {};
  const pair = Buffer.from(`${username}:${password ?? ''}`).toString('base64');
  return { authorization: `Basic ${pair}` };
}

function queryString(query: Query | undefined): string {
  const given = Object.entries(query ?? {}).flatMap(([name, value]) =>
    value === undefined ? [] : [value].flat().map((one): [string, string] => [name, String(one)]),
  );
  return given.length === 0 ? '' : `?${new URLSearchParams(given).toString()}`;
}

function webSocketUrl(server: string): string {
  return server.replace(/^http/, 'ws');
}
