import { setTimeout as delay } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import { findEndpoint, type EndpointFilter } from './catalog.ts';
import { hasStatus, OpenStackError, OpenStackUnreachableError, ProjectScopeError } from './errors.ts';
import { header, HttpClient, type HttpAnswer } from './http.ts';
import {
  authBody,
  tokenIdentity,
  type KeystoneSessionOptions,
  type TokenBody,
  type TokenIdentity,
} from './keystone-types.ts';

export type {
  ApplicationCredentials,
  Credentials,
  KeystoneSessionOptions,
  PasswordCredentials,
  TokenIdentity,
} from './keystone-types.ts';
export type { CatalogEntry, EndpointFilter } from './catalog.ts';

/** What goes with {@link KeystoneSession.request}. */
export interface SessionRequestOptions extends EndpointFilter {
  /** Body, sent as JSON. */
  json?: unknown;
  /** URL of the service, without a slash at the end, instead of the catalog's. */
  endpoint?: string | undefined;
  query?: Record<string, string | number | boolean | undefined>;
  headers?: Record<string, string>;
  /** Statuses that are an answer, not an error. Default: 200 to 299. */
  accept?: (status: number) => boolean;
  /** May be sent twice although it is not a GET or HEAD. Default false. */
  idempotent?: boolean;
  signal?: AbortSignal | undefined;
}

interface Token {
  id: string;
  body: TokenBody;
  /** By the monotonic clock, so that a wrong wall clock neither kills nor prolongs a token. Milliseconds. */
  renewAt: number;
  expiresAt: number;
}

/** Pauses between requests for a token after roles were given, milliseconds. */
const GRANT_WAITS_MS = [100, 200, 400, 800, 1600, 3200];

/**
 * A credential's sessions with a cloud: gets tokens when needed, one request at a time, renews them before they
 * expire, knows the catalog, and acts for other projects through {@link KeystoneSession.forProject}.
 */
export class KeystoneSession {
  readonly #options: KeystoneSessionOptions;
  readonly #http: HttpClient;
  readonly #root: KeystoneSession;
  readonly #scope: string | undefined;
  readonly #children: LRUCache<string, KeystoneSession> | undefined;
  readonly #authUrl: string;
  #token: Token | undefined;
  #flight: Promise<Token> | undefined;

  constructor(options: KeystoneSessionOptions, parent?: { session: KeystoneSession; projectId: string }) {
    this.#options = options;
    this.#root = parent?.session ?? this;
    this.#scope = parent?.projectId;
    this.#http = parent === undefined ? new HttpClient(options.http) : parent.session.#http;
    this.#children =
      parent === undefined ? new LRUCache({ max: options.maxProjectSessions ?? 500 }) : undefined;
    const base = options.authUrl.replace(/\/+$/, '');
    this.#authUrl = base.endsWith('/v3') ? base : `${base}/v3`;
  }

  /**
   * The session of the same user in another project; the same object on every call while it is in use.
   * @throws ProjectScopeError (from the requests) when the credential is an application credential of another project.
   */
  forProject(projectId: string): KeystoneSession {
    const children = this.#root.#children;
    if (children === undefined) return this;
    let child = children.get(projectId);
    if (child === undefined) {
      child = new KeystoneSession(this.#options, { session: this.#root, projectId });
      children.set(projectId, child);
    }
    return child;
  }

  /** Who this session acts as. */
  async identity(signal?: AbortSignal): Promise<TokenIdentity> {
    return tokenIdentity((await this.#validToken(signal)).body);
  }

  /** A token that is good for some time yet. Never log it. */
  async token(signal?: AbortSignal): Promise<string> {
    return (await this.#validToken(signal)).id;
  }

  /**
   * URL of a service, without a slash at the end. Aliases of service types are known (`orchestration`, `compute`,
   * `image`, `network`, `block-storage`, `container-infra`, …).
   * @throws EndpointNotFoundError
   */
  async endpoint(serviceType: string, filter: EndpointFilter = {}, signal?: AbortSignal): Promise<string> {
    if (serviceType === 'identity') return this.#authUrl;
    const { body } = await this.#validToken(signal);
    const region = filter.region ?? this.#options.region;
    return findEndpoint(body.catalog ?? [], serviceType, {
      interface: filter.interface ?? this.#options.interface ?? 'public',
      ...(region === undefined ? {} : { region }),
    });
  }

  /**
   * Sends a request to a service with this session's token; gets a new token and repeats once on 401.
   * @param path below the endpoint, starting with a slash; encode names with encodeURIComponent.
   * @throws OpenStackError, OpenStackUnreachableError, EndpointNotFoundError, ProjectScopeError
   */
  async request(
    serviceType: string,
    method: string,
    path: string,
    options: SessionRequestOptions = {},
  ): Promise<HttpAnswer> {
    const token = await this.#validToken(options.signal);
    const base = options.endpoint ?? (await this.endpoint(serviceType, options, options.signal));
    try {
      return await this.#send(serviceType, method, base + path, token, options);
    } catch (error) {
      if (!hasStatus(error, 401)) throw error;
      // Compare before dropping: another request may have renewed it in the meantime.
      if (this.#token?.id === token.id) this.#token = undefined;
      return this.#send(serviceType, method, base + path, await this.#validToken(options.signal), options);
    }
  }

  /**
   * Asks Keystone whom a token belongs to.
   * @returns null when the token is unknown, expired or revoked.
   * @throws OpenStackError when this session may not ask; OpenStackUnreachableError when Keystone does not answer.
   */
  async validateToken(subjectToken: string, signal?: AbortSignal): Promise<TokenIdentity | null> {
    // A header cannot carry these characters, so no such token can exist.
    if (!/^[\x21-\x7e]+$/.test(subjectToken)) return null;
    const answer = await this.request('identity', 'GET', '/auth/tokens', {
      query: { nocatalog: '' },
      headers: { 'x-subject-token': subjectToken },
      accept: (status) => status === 200 || status === 404,
      signal,
    });
    return answer.status === 404 ? null : tokenIdentity((answer.body as { token: TokenBody }).token);
  }

  /**
   * Gives this session's own user the roles in a project, with the token of its home project. Roles the cloud does
   * not have are left out.
   * @returns the names of the roles given.
   * @throws OpenStackError 403 when the user may not give roles, 404 when the project does not exist.
   */
  async ensureProjectRole(
    projectId: string,
    roleNames: readonly string[],
    signal?: AbortSignal,
  ): Promise<string[]> {
    const root = this.#root;
    const { userId } = await root.identity(signal);
    const given: string[] = [];
    for (const name of roleNames) {
      const answer = await root.request('identity', 'GET', '/roles', { query: { name }, signal });
      const role = (answer.body as { roles: { id: string; name: string }[] }).roles.find(
        (one) => one.name === name,
      );
      if (role === undefined) continue;
      const path = `/projects/${encodeURIComponent(projectId)}/users/${encodeURIComponent(userId)}/roles/${role.id}`;
      await root.request('identity', 'PUT', path, { idempotent: true, signal });
      given.push(name);
    }
    return given;
  }

  /** Closes all connections, those of the project sessions included. */
  async close(): Promise<void> {
    this.#root.#children?.clear();
    await this.#http.close();
  }

  async #send(
    serviceType: string,
    method: string,
    url: string,
    token: Token,
    options: SessionRequestOptions,
  ): Promise<HttpAnswer> {
    const target = new URL(url);
    for (const [name, value] of Object.entries(options.query ?? {})) {
      if (value !== undefined) target.searchParams.append(name, String(value));
    }
    return this.#http.request({
      service: serviceType,
      method,
      url: target.href,
      headers: { ...options.headers, 'x-auth-token': token.id },
      ...(options.json === undefined ? {} : { json: options.json }),
      ...(options.accept === undefined ? {} : { accept: options.accept }),
      ...(options.idempotent === undefined ? {} : { idempotent: options.idempotent }),
      signal: options.signal,
    });
  }

  async #validToken(signal: AbortSignal | undefined): Promise<Token> {
    const now = performance.now();
    const token = this.#token;
    if (token !== undefined && now < token.renewAt) return token;
    this.#flight ??= this.#authenticate().finally(() => {
      this.#flight = undefined;
    });
    try {
      return await abortable(this.#flight, signal);
    } catch (error) {
      // While Keystone is away, the old token serves to its end.
      if (token !== undefined && now < token.expiresAt && error instanceof OpenStackUnreachableError)
        return token;
      throw error;
    }
  }

  async #authenticate(): Promise<Token> {
    const roles = this.#options.grantRoles ?? [];
    try {
      return await this.#fetchToken();
    } catch (error) {
      const refused = hasStatus(error, 401) || hasStatus(error, 403);
      const mayGrant =
        this.#scope !== undefined && roles.length > 0 && this.#options.credentials.type === 'password';
      if (!refused || !mayGrant) throw error;
      await this.ensureProjectRole(this.#scope, roles);
      return this.#fetchTokenAfterGrant();
    }
  }

  /** Keystone's processes may each remember for a moment that the user has no role: ask again for some seconds. */
  async #fetchTokenAfterGrant(): Promise<Token> {
    for (const waitMs of GRANT_WAITS_MS) {
      try {
        return await this.#fetchToken();
      } catch (error) {
        if (!hasStatus(error, 401)) throw error;
        await delay(waitMs);
      }
    }
    return this.#fetchToken();
  }

  async #fetchToken(): Promise<Token> {
    const sentAt = performance.now();
    const answer = await this.#http.request({
      service: 'identity',
      method: 'POST',
      url: `${this.#authUrl}/auth/tokens`,
      json: authBody(this.#options.credentials, this.#scope),
      // A second token does no harm; Keystone stores nothing for it.
      idempotent: true,
    });
    const id = header(answer.headers, 'x-subject-token');
    const body = (answer.body as { token?: TokenBody } | undefined)?.token;
    if (id === undefined || body === undefined) {
      const info = { service: 'identity', method: 'POST', path: '/v3/auth/tokens' };
      const message = 'Keystone accepted the credential but sent no token.';
      throw new OpenStackError(info, {
        status: answer.status,
        message,
        code: 'InvalidBody',
        body: answer.body,
      });
    }
    const boundTo = body.project?.id;
    if (this.#scope !== undefined && boundTo !== this.#scope)
      throw new ProjectScopeError(this.#scope, boundTo ?? 'none');
    const life = Date.parse(body.expires_at) - Date.parse(body.issued_at);
    const early = Math.max((this.#options.renewBeforeSeconds ?? 120) * 1000, life / 10);
    const token = { id, body, expiresAt: sentAt + life, renewAt: sentAt + Math.max(life - early, life / 2) };
    this.#token = token;
    return token;
  }
}

/** Waits for a shared promise without letting one waiter's abort end it for the others. */
async function abortable<T>(shared: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return shared;
  signal.throwIfAborted();
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([shared, aborted]);
  } finally {
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
  }
}
