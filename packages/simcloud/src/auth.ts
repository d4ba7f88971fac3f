import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Identity } from './keystone/identity.ts';
import { keystoneError } from './keystone/errors.ts';

/** Who sends a request to a service other than Keystone. */
export interface Caller {
  userId: string;
  userName: string;
  projectId: string;
  roles: string[];
}

/** Looks at X-Auth-Token as keystonemiddleware does; answers 401 and returns undefined when it is not good. */
export function authenticate(
  identity: Identity,
  request: FastifyRequest,
  reply: FastifyReply,
  base: string,
): Caller | undefined {
  const header = request.headers['x-auth-token'];
  const claims = identity.verify((Array.isArray(header) ? header[0] : header) ?? '');
  if (claims?.projectId === undefined) {
    void keystoneError(reply, 401, 'The request you have made requires authentication.', base);
    return undefined;
  }
  return {
    userId: claims.userId,
    userName: identity.users.get(claims.userId)?.name ?? '',
    projectId: claims.projectId,
    roles: identity.rolesOfToken(claims).map((role) => role.name),
  };
}
