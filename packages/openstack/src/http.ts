import type { IncomingHttpHeaders } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import pRetry from 'p-retry';
import { Agent, request as undiciRequest } from 'undici';
import { readErrorBody } from './error-body.ts';
import { OpenStackError, OpenStackUnreachableError, type RequestInfo } from './errors.ts';

/** Limits of one {@link HttpClient}. All times in milliseconds. */
export interface HttpClientOptions {
  /** Until a TCP (and TLS) connection stands. Default 5000. */
  connectTimeoutMs?: number;
  /** From the sent request to the answer's headers. Default 60000: Heat validates a large template before it answers. */
  headersTimeoutMs?: number;
  /** Between two pieces of the body. Default 30000. */
  bodyTimeoutMs?: number;
  /** One attempt as a whole, waiting for a free connection included. Default 90000. */
  totalTimeoutMs?: number;
  /** Connections for each origin. Default 16. */
  connections?: number;
  /** Further attempts after the first, for what may be repeated. Default 2. */
  retries?: number;
  /** First delay before a repetition; doubles each time, times a random factor of 1 to 2. Default 200. */
  retryMinMs?: number;
  /** No delay is longer, `Retry-After` included. Default 10000. */
  retryMaxMs?: number;
  /** A larger body is refused. Default 64 MiB. */
  maxBodyBytes?: number;
}

/** One HTTP request. */
export interface HttpRequest {
  /** Service type, for errors. */
  service: string;
  method: string;
  url: string;
  headers?: Record<string, string>;
  /** Sent as JSON. */
  json?: unknown;
  /** Statuses that are an answer, not an error. Default: 200 to 299. */
  accept?: (status: number) => boolean;
  /** May be sent twice although it is not a GET or HEAD. Default false. */
  idempotent?: boolean;
  signal?: AbortSignal | undefined;
}

/** A whole answer. */
export interface HttpAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  /** Parsed JSON; text where it was not JSON; undefined where there was none. */
  body: unknown;
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
/** Statuses that say "not now". */
const NOT_NOW = new Set([429, 502, 503, 504]);

/**
 * JSON over HTTP with bounded connections, a bound on every wait, and repetition of what may be repeated:
 * GET, HEAD and what the caller marks idempotent, and anything whose first byte certainly never left.
 */
export class HttpClient {
  readonly #agent: Agent;
  readonly #limits: Required<HttpClientOptions>;

  constructor(options: HttpClientOptions = {}) {
    this.#limits = {
      connectTimeoutMs: 5_000,
      headersTimeoutMs: 60_000,
      bodyTimeoutMs: 30_000,
      totalTimeoutMs: 90_000,
      connections: 16,
      retries: 2,
      retryMinMs: 200,
      retryMaxMs: 10_000,
      maxBodyBytes: 64 * 1024 * 1024,
      ...options,
    };
    this.#agent = new Agent({
      connect: { timeout: this.#limits.connectTimeoutMs },
      headersTimeout: this.#limits.headersTimeoutMs,
      bodyTimeout: this.#limits.bodyTimeoutMs,
      connections: this.#limits.connections,
      pipelining: 1,
    });
  }

  /**
   * Sends the request and reads the whole answer.
   * @throws OpenStackError for a status that is not accepted; OpenStackUnreachableError when there is no answer;
   *   the signal's reason when the caller aborts.
   */
  async request(request: HttpRequest): Promise<HttpAnswer> {
    const { retries, retryMinMs, retryMaxMs } = this.#limits;
    const repeatable = request.idempotent === true || request.method === 'GET' || request.method === 'HEAD';
    return pRetry(() => this.#attempt(request), {
      retries,
      minTimeout: retryMinMs,
      maxTimeout: retryMaxMs,
      randomize: true,
      ...(request.signal === undefined ? {} : { signal: request.signal }),
      shouldRetry: ({ error }) => isWorthRepeating(error, repeatable),
      onFailedAttempt: async ({ error, retriesLeft }) => {
        if (retriesLeft === 0 || !isWorthRepeating(error, repeatable)) return;
        const seconds = error instanceof OpenStackError ? error.retryAfterSeconds : undefined;
        if (seconds !== undefined) {
          await delay(
            Math.min(seconds * 1000, retryMaxMs),
            undefined,
            request.signal ? { signal: request.signal } : {},
          );
        }
      },
    });
  }

  /** Closes the connections; requests under way fail. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #attempt(request: HttpRequest): Promise<HttpAnswer> {
    const url = new URL(request.url);
    const info: RequestInfo = {
      service: request.service,
      method: request.method,
      path: url.pathname + url.search,
    };
    request.signal?.throwIfAborted();
    // A controller of our own: AbortSignal.any keeps a listener on a long-lived signal for ever in Node 20.
    const abort = new AbortController();
    const onAbort = (): void => abort.abort(request.signal?.reason);
    request.signal?.addEventListener('abort', onAbort, { once: true });
    const timer = setTimeout(() => abort.abort(new TotalTimeout()), this.#limits.totalTimeoutMs);
    try {
      return await this.#exchange(request, url, info, abort.signal);
    } catch (error) {
      if (error instanceof OpenStackError) throw error;
      if (request.signal?.aborted === true) throw request.signal.reason;
      const code = error instanceof TotalTimeout ? 'TIMEOUT' : errorCode(error);
      const reason = error instanceof Error && error.message !== '' ? error.message : code;
      throw new OpenStackUnreachableError(
        info,
        `${request.service} at ${url.origin} did not answer: ${reason}`,
        {
          code,
          maybeSent: !NOTHING_SENT.has(code),
          cause: error,
        },
      );
    } finally {
      clearTimeout(timer);
      request.signal?.removeEventListener('abort', onAbort);
    }
  }

  async #exchange(
    request: HttpRequest,
    url: URL,
    info: RequestInfo,
    signal: AbortSignal,
  ): Promise<HttpAnswer> {
    const hasBody = request.json !== undefined;
    const answer = await undiciRequest(url, {
      dispatcher: this.#agent,
      method: request.method as 'GET',
      headers: {
        accept: 'application/json',
        'user-agent': 'cetus',
        ...(hasBody ? { 'content-type': 'application/json' } : {}),
        ...request.headers,
      },
      body: hasBody ? JSON.stringify(request.json) : null,
      signal,
    });
    const status = answer.statusCode;
    const requestId =
      header(answer.headers, 'x-openstack-request-id') ?? header(answer.headers, 'x-compute-request-id');
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of answer.body as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > this.#limits.maxBodyBytes) {
        const message = `The answer is larger than ${String(this.#limits.maxBodyBytes)} bytes.`;
        throw new OpenStackError(info, { status, message, code: 'ResponseTooLarge', requestId });
      }
      chunks.push(chunk);
    }
    const raw = Buffer.concat(chunks).toString('utf8');
    const accepted = request.accept?.(status) ?? (status >= 200 && status < 300);
    const isJson = header(answer.headers, 'content-type')?.includes('json') === true;
    let body: unknown = raw === '' ? undefined : raw;
    if (isJson && raw !== '') {
      try {
        body = JSON.parse(raw);
      } catch (cause) {
        // A refusal keeps its status whatever its body looks like; an acceptance we cannot read is an error.
        if (accepted) {
          const message = 'The answer claims to be JSON and is not.';
          throw new OpenStackError(
            info,
            { status, message, code: 'InvalidBody', requestId, body: raw },
            { cause },
          );
        }
      }
    }
    if (accepted) return { status, headers: answer.headers, body };
    const { code, message } = readErrorBody(body);
    throw new OpenStackError(info, {
      status,
      code,
      message: message ?? `${request.service} answered ${String(status)} to ${info.method} ${info.path}`,
      requestId,
      body,
      retryAfterSeconds: retryAfter(header(answer.headers, 'retry-after')),
    });
  }
}

class TotalTimeout extends Error {
  override readonly message = 'no complete answer within the total time';
}

function isWorthRepeating(error: Error, repeatable: boolean): boolean {
  if (error instanceof OpenStackUnreachableError) return repeatable || !error.maybeSent;
  return error instanceof OpenStackError && repeatable && NOT_NOW.has(error.status);
}

function errorCode(error: unknown): string {
  if (typeof error !== 'object' || error === null) return 'UNKNOWN';
  if ('code' in error && typeof error.code === 'string') return error.code;
  return 'cause' in error && error.cause !== undefined ? errorCode(error.cause) : 'UNKNOWN';
}

/** First value of a header. */
export function header(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** Seconds from a `Retry-After` in either of its forms (RFC 9110 §10.2.3). */
function retryAfter(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const seconds = /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined;
}
