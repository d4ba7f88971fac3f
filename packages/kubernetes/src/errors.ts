import { CetusError } from '@cetus/shared/errors';

/** Which request an error is about. */
export interface RequestInfo {
  method: string;
  /** Path and query. */
  path: string;
}

/** The parts of a `metav1.Status`, the body of every refusal of a Kubernetes API. */
export interface Status {
  kind?: string;
  status?: string;
  message?: string;
  /** One word: `NotFound`, `AlreadyExists`, `Conflict`, `Invalid`, `Forbidden`, `Expired`, `TooManyRequests`, … */
  reason?: string;
  code?: number;
  details?: StatusDetails;
}

/** What a refusal is about, and the causes field by field. */
export interface StatusDetails {
  name?: string;
  group?: string;
  kind?: string;
  uid?: string;
  causes?: { reason?: string; message?: string; field?: string }[];
  retryAfterSeconds?: number;
}

/** The API server answered with a status outside of 2xx, or sent an error through a watch. */
export class KubernetesError extends Error {
  override readonly name = 'KubernetesError';
  readonly method: string;
  readonly path: string;
  /** HTTP status, or the code in a watch's error. */
  readonly status: number;
  /** The reason of the Status; undefined where the answer was no Status, as a proxy's is not. */
  readonly reason: string | undefined;
  readonly details: StatusDetails | undefined;
  /** How long the server asks to wait, in seconds. */
  readonly retryAfterSeconds: number | undefined;
  readonly #body: unknown;

  constructor(info: RequestInfo, status: number, body: unknown, retryAfterSeconds?: number) {
    const said = isStatus(body) ? body : undefined;
    super(said?.message ?? `${info.method} ${info.path} was answered with ${String(status)}`);
    this.method = info.method;
    this.path = info.path;
    this.status = status;
    this.reason = said?.reason;
    this.details = said?.details;
    this.retryAfterSeconds = retryAfterSeconds ?? said?.details?.retryAfterSeconds;
    this.#body = body;
  }

  /** The whole body: parsed JSON, or text. No field of its own, for a log would write all of it. */
  get body(): unknown {
    return this.#body;
  }
}

/** No answer: connection refused or reset, name not resolved, certificate not trusted, or one of the time-outs. The reason is in `cause`. */
export class KubernetesUnreachableError extends Error {
  override readonly name = 'KubernetesUnreachableError';
  readonly method: string;
  readonly path: string;
  /** Node's or undici's code: `ECONNREFUSED`, `UND_ERR_CONNECT_TIMEOUT`, `DEPTH_ZERO_SELF_SIGNED_CERT`, …; `TIMEOUT` for the total time. */
  readonly code: string;
  /** False when it is certain that the server has seen nothing of the request. */
  readonly maybeSent: boolean;

  constructor(
    info: RequestInfo,
    message: string,
    details: { code: string; maybeSent: boolean; cause: unknown },
  ) {
    super(message, { cause: details.cause });
    this.method = info.method;
    this.path = info.path;
    this.code = details.code;
    this.maybeSent = details.maybeSent;
  }
}

/** True for what an API server says of a failure; a proxy says something else. */
export function isStatus(body: unknown): body is Status {
  return typeof body === 'object' && body !== null && 'kind' in body && body.kind === 'Status';
}

/** True for a {@link KubernetesError} with this HTTP status. */
export function hasStatus(error: unknown, status: number): error is KubernetesError {
  return error instanceof KubernetesError && error.status === status;
}

/**
 * True when the API server itself says that an object is not there. A proxy's 404 says nothing about objects, and that of a
 * resource that is not served names none.
 */
export function isNotFound(error: unknown): error is KubernetesError {
  return hasStatus(error, 404) && error.reason === 'NotFound' && error.details?.name !== undefined;
}

/** True for what an expired resource version or continue token is answered with. */
export function isExpired(error: unknown): error is KubernetesError {
  return hasStatus(error, 410);
}

/** The code of what went wrong on the way, wherever in the chain of causes it is. */
export function errorCode(error: unknown): string {
  if (typeof error !== 'object' || error === null) return 'UNKNOWN';
  if ('code' in error && typeof error.code === 'string') return error.code;
  return 'cause' in error && error.cause !== undefined ? errorCode(error.cause) : 'UNKNOWN';
}

/** Statuses with which an API server says that it cannot now, though it may later. */
const LATER = new Set([408, 429, 500, 502, 503, 504]);

/** The same failure in Cetus' words: whoever has no better ones throws this. What is not of Kubernetes stays as it is. */
export function toCetusError(error: unknown): unknown {
  const cause = error;
  if (error instanceof KubernetesUnreachableError) {
    return new CetusError('back_end_unavailable', error.message, { cause });
  }
  if (error instanceof KubernetesError) {
    const said = `The Kubernetes API answered ${String(error.status)}: ${error.message}`;
    if (!LATER.has(error.status)) return new CetusError('back_end_refused', said, { cause });
    const seconds = error.retryAfterSeconds;
    const retryAfterMs = seconds === undefined ? {} : { retryAfterMs: seconds * 1000 };
    return new CetusError('back_end_unavailable', said, { cause, ...retryAfterMs });
  }
  return error;
}
