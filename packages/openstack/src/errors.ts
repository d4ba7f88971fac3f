/**
 * Errors of the OpenStack clients. They are graded by what the caller can do:
 * an answer that says no ({@link OpenStackError}), no answer ({@link OpenStackUnreachableError}),
 * an answer that names several things where one was asked for ({@link AmbiguousNameError}),
 * a catalog without the service ({@link EndpointNotFoundError}), and a credential that cannot act
 * for the project ({@link ProjectScopeError}).
 */

/** Where a request went; part of every error. */
export interface RequestInfo {
  /** Service type as asked for, e.g. `orchestration`. */
  readonly service: string;
  readonly method: string;
  /** Path and query below the host, without credentials. */
  readonly path: string;
}

/** The service answered with a status outside 2xx (or, for a 2xx, with a body that is not what it claims to be). */
export class OpenStackError extends Error {
  override readonly name = 'OpenStackError';
  readonly service: string;
  readonly method: string;
  readonly path: string;
  /** HTTP status of the answer. */
  readonly status: number;
  /**
   * Machine-readable type from the body, where the service sends one: Heat `error.type` (`StackExists`,
   * `ActionInProgress`, …), Neutron `NeutronError.type`, Nova's wrapper key (`itemNotFound`), Keystone `error.title`.
   */
  readonly code: string | undefined;
  /** `X-OpenStack-Request-ID` of the answer, to be found again in the service's log. */
  readonly requestId: string | undefined;
  /** The whole body: parsed JSON, or text where it was not JSON. */
  readonly body: unknown;
  /** Seconds from `Retry-After`, where the service sent it. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    info: RequestInfo,
    answer: {
      status: number;
      message: string;
      code?: string | undefined;
      requestId?: string | undefined;
      body?: unknown;
      retryAfterSeconds?: number | undefined;
    },
    options?: ErrorOptions,
  ) {
    super(answer.message, options);
    this.service = info.service;
    this.method = info.method;
    this.path = info.path;
    this.status = answer.status;
    this.code = answer.code;
    this.requestId = answer.requestId;
    this.body = answer.body;
    this.retryAfterSeconds = answer.retryAfterSeconds;
  }
}

/** No answer: connection refused or reset, name not resolved, or one of the time-outs. The reason is in `cause`. */
export class OpenStackUnreachableError extends Error {
  override readonly name = 'OpenStackUnreachableError';
  readonly service: string;
  readonly method: string;
  readonly path: string;
  /** Node's or undici's error code, e.g. `ECONNREFUSED`, `UND_ERR_HEADERS_TIMEOUT`, or `TIMEOUT` for the total time. */
  readonly code: string;
  /** False when it is certain that the service has seen nothing of the request. */
  readonly maybeSent: boolean;

  constructor(
    info: RequestInfo,
    message: string,
    details: { code: string; maybeSent: boolean; cause: unknown },
  ) {
    super(message, { cause: details.cause });
    this.service = info.service;
    this.method = info.method;
    this.path = info.path;
    this.code = details.code;
    this.maybeSent = details.maybeSent;
  }
}

/** A name matches several objects; only an id can say which is meant. */
export class AmbiguousNameError extends Error {
  override readonly name = 'AmbiguousNameError';
  readonly service: string;
  /** What was looked for, e.g. `network`. */
  readonly kind: string;
  readonly value: string;
  /** Ids of the matches. */
  readonly ids: readonly string[];

  constructor(service: string, kind: string, value: string, ids: readonly string[]) {
    super(`More than one ${kind} is named "${value}": ${ids.join(', ')}. Give an id.`);
    this.service = service;
    this.kind = kind;
    this.value = value;
    this.ids = ids;
  }
}

/** The token's catalog has no endpoint for the service, interface and region. */
export class EndpointNotFoundError extends Error {
  override readonly name = 'EndpointNotFoundError';
  readonly serviceType: string;
  readonly interface: string;
  readonly region: string | undefined;

  constructor(serviceType: string, iface: string, region: string | undefined) {
    super(
      `The catalog has no ${iface} endpoint for "${serviceType}"${region === undefined ? '' : ` in region ${region}`}.`,
    );
    this.serviceType = serviceType;
    this.interface = iface;
    this.region = region;
  }
}

/** The credential cannot be scoped to the project; an application credential is bound to the project it was made in. */
export class ProjectScopeError extends Error {
  override readonly name = 'ProjectScopeError';
  readonly projectId: string;

  constructor(projectId: string, boundTo: string) {
    super(
      `The application credential belongs to project ${boundTo} and cannot act for project ${projectId}.`,
    );
    this.projectId = projectId;
  }
}

/** Heat's 409 for a stack name that is taken in the project. */
export function isStackExists(error: unknown): error is OpenStackError {
  return error instanceof OpenStackError && error.status === 409 && error.code === 'StackExists';
}

/** Heat's own 404 for a stack: not that of a proxy before it, which says nothing about stacks. */
export function isStackNotFound(error: unknown): error is OpenStackError {
  return error instanceof OpenStackError && error.status === 404 && error.code === 'EntityNotFound';
}

/** Heat's 409 for an action on a stack that is busy (engines without convergence; with it, an update takes over). */
export function isActionInProgress(error: unknown): error is OpenStackError {
  return error instanceof OpenStackError && error.status === 409 && error.code === 'ActionInProgress';
}

/** Magnum's own 404: not that of a proxy before it, which says nothing about clusters. */
export function isMagnumNotFound(error: unknown): error is OpenStackError {
  return (
    error instanceof OpenStackError &&
    error.status === 404 &&
    error.service.startsWith('container-infra') &&
    error.code === 'client'
  );
}

/** True for an {@link OpenStackError} with this HTTP status. */
export function hasStatus(error: unknown, status: number): error is OpenStackError {
  return error instanceof OpenStackError && error.status === status;
}
