import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { MAX_MESSAGE_BYTES, opened, type RawAnswer } from '@cetus/shared/streams';
import { Pool, type Dispatcher } from 'undici';
import { WebSocket } from 'ws';
import type { DeniedNetworks } from './denied-networks.ts';
import { errorCode, KubernetesError, KubernetesUnreachableError, type RequestInfo } from './errors.ts';
import { readKubeconfig, type ClusterAccess, type ReadKubeconfigOptions } from './kubeconfig.ts';
import { tlsOptions } from './tls-options.ts';
import { WatchSession, type SessionAnswer } from './watch-session.ts';

/** Limits of one {@link KubernetesConnection}. All times in milliseconds. */
export interface ConnectionOptions {
  /** Until TCP and TLS stand. Default 5000. */
  connectTimeoutMs?: number;
  /** One request as a whole, waiting for a free socket and reading the body included. Default 30000. */
  requestTimeoutMs?: number;
  /** Sockets for requests. Default 4. */
  sockets?: number;
  /**
   * Sockets for watches of a server that does not speak HTTP/2: each keeps one, and one more waits until another ends. Others share one
   * connection. Default 32.
   */
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

/** Errors that come up before the first byte of a request has left. */
const NOTHING_SENT = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
]);
/** What a socket that the server had just closed ends with. */
const SOCKET_LOST = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

/**
 * One API server as one user: JSON over HTTP with bounded sockets and a bound on every wait. Nothing is opened before the
 * first request. To be closed.
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
  #session: WatchSession | undefined;
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
      this.#session = new WatchSession({ origin: url, connect: this.#connect, connectTimeoutMs });
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
        const answer = await this.#send(this.#requests, info, options, signal);
        const body = await this.#readBody(info, answer);
        if (answer.statusCode < 200 || answer.statusCode > 299) throw refusal(info, answer, body);
        return { status: answer.statusCode, headers: answer.headers, body: body as T };
      });
    try {
      return await attempt();
    } catch (error) {
      const lost = error instanceof KubernetesUnreachableError && SOCKET_LOST.has(error.code);
      if (method !== 'GET' || !lost) throw error;
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
          : this.#openWatch(info, ended.signal));
        // 204: the log of a pod that is on no node yet.
        if (answer.statusCode !== 200 && answer.statusCode !== 204)
          throw refusal(info, answer, await this.#readBody(info, answer));
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
        throw refusal(info, answer, inWords(answer, await this.#readBody(info, answer)));
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

  async #openWatch(info: RequestInfo, signal: AbortSignal): Promise<Dispatcher.ResponseData | SessionAnswer> {
    const answer = await this.#session?.get(this.#base + info.path, this.#headers, signal);
    if (answer !== undefined) return answer;
    this.#session = undefined;
    return this.#send(this.#watches, info, {}, signal);
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

  async #readBody(info: RequestInfo, answer: RawAnswer): Promise<unknown> {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of answer.body) {
      size += chunk.length;
      if (size > this.#limits.maxBodyBytes) {
        const message = `The answer is larger than ${String(this.#limits.maxBodyBytes)} bytes.`;
        throw new KubernetesError(info, answer.statusCode, { kind: 'Status', message });
      }
      chunks.push(chunk);
    }
    if (size === 0) return undefined;
    const text = Buffer.concat(chunks).toString('utf8');
    if (header(answer.headers, 'content-type')?.includes('json') !== true) return text;
    try {
      return JSON.parse(text);
    } catch {
      // A refusal keeps its status whatever its body looks like; an acceptance that cannot be read is an error.
      if (answer.statusCode > 299) return text;
      const message = 'The answer claims to be JSON and is not.';
      throw new KubernetesError(info, answer.statusCode, { kind: 'Status', message });
    }
  }
}

/** Characters of a refusal that is text. */
const MOST_WORDS = 1_000;

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

function refusal(info: RequestInfo, answer: RawAnswer, body: unknown): KubernetesError {
  const seconds = header(answer.headers, 'retry-after');
  const isNumber = seconds !== undefined && /^\d+$/.test(seconds);
  return new KubernetesError(info, answer.statusCode, body, isNumber ? Number(seconds) : undefined);
}

/** Refusals of the kubelet, which stands behind some addresses, are text. */
function inWords({ headers }: RawAnswer, body: unknown): unknown {
  const isText =
    typeof body === 'string' && header(headers, 'content-type')?.startsWith('text/plain') === true;
  return isText ? { kind: 'Status', message: body.trim().slice(0, MOST_WORDS) } : body;
}

function unreachable(info: RequestInfo, server: string, error: unknown): KubernetesUnreachableError {
  const code = errorCode(error);
  const reason = error instanceof Error && error.message !== '' ? error.message : code;
  return new KubernetesUnreachableError(info, `The Kubernetes API at ${server} did not answer: ${reason}`, {
    code,
    maybeSent: !NOTHING_SENT.has(code),
    cause: error,
  });
}

/** First value of a header. */
function header(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}
