import type { FastifyReply, FastifyRequest } from 'fastify';
import type { CatalogExtra } from './catalog.ts';
import { keystoneError } from './errors.ts';
import type { Identity, TokenClaims } from './identity.ts';

/** What the identity service needs from the cloud. */
export interface KeystoneContext {
  identity: Identity;
  /** Address of the cloud, without a slash at the end. */
  base: () => string;
  tokenSeconds: number;
  extras: readonly CatalogExtra[];
  /** Resolves when the identity data is on disk. */
  save: () => Promise<void>;
}

/** Names in paths. */
export interface PathIds {
  project: string;
  user: string;
  role: string;
  credential: string;
}

type Handler = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;

/** What the routes of the identity service have in common. */
export class KeystoneApi {
  readonly context: KeystoneContext;

  constructor(context: KeystoneContext) {
    this.context = context;
  }

  fail(reply: FastifyReply, status: number, message: string): FastifyReply {
    return keystoneError(reply, status, message, this.context.base());
  }

  unauthorized(reply: FastifyReply): FastifyReply {
    return this.fail(reply, 401, 'The request you have made requires authentication.');
  }

  /** Refuses what a policy rule, e.g. `get_user`, does not allow the caller. */
  forbidden(reply: FastifyReply, rule: string): FastifyReply {
    const message = `You are not authorized to perform the requested action: identity:${rule}.`;
    return this.fail(reply, 403, message);
  }

  /** Whose X-Auth-Token it is; undefined when it is not good. */
  caller(request: FastifyRequest): TokenClaims | undefined {
    return this.context.identity.verify(headerOf(request, 'x-auth-token'));
  }

  isAdmin(claims: TokenClaims): boolean {
    return this.context.identity.rolesOfToken(claims).some((role) => role.name === 'admin');
  }

  /** Runs a handler for callers with the admin role; others get Keystone's refusals. */
  admin(rule: string, handler: Handler): Handler {
    return async (request, reply) => {
      const claims = this.caller(request);
      if (claims === undefined) return this.unauthorized(reply);
      return this.isAdmin(claims) ? handler(request, reply) : this.forbidden(reply, rule);
    };
  }

  /** Address of something of this API. */
  href(path: string): string {
    return `${this.context.base()}/identity/v3/${path}`;
  }

  /** The body of an answer with many rows. */
  list(request: FastifyRequest, key: string, rows: unknown[]): unknown {
    const self = this.context.base() + request.url;
    return { [key]: rows, links: { next: null, self, previous: null } };
  }
}

/** A header's first value; empty when there is none. */
export function headerOf(request: FastifyRequest, name: string): string {
  const value = request.headers[name];
  return (Array.isArray(value) ? value[0] : value) ?? '';
}
