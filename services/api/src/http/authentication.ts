import { AuthError, requireRole, toCaller } from '@cetus/shared/auth';
import type { FastifyInstance } from 'fastify';
import type { ApiDeps } from '../deps.ts';
import { tokenOf } from './token.ts';

/**
 * Asks a token of every request of the routes that are registered with `app` after this, says who sent it, and sees that its roles
 * include the one that the route names. A route that names none is a mistake, noticed at the start.
 */
export function authenticate(app: FastifyInstance, deps: Pick<ApiDeps, 'tokens'>): void {
  // Declared once so that all requests have one shape; every request sets its own.
  app.decorateRequest('caller', undefined as never);
  app.decorateRequest('tokenExpiresAt', undefined as never);
  app.addHook('onRoute', ({ url, config }) => {
    if (config?.role === undefined) throw new TypeError(`${url} names no role`);
  });
  app.addHook('onRequest', async (request) => {
    const token = tokenOf(request);
    if (token === undefined)
      throw new AuthError('unauthenticated', 'X-Auth-Token must hold a token of Keystone');
    const info = await deps.tokens.validate(token);
    request.caller = toCaller(info, request.id);
    request.tokenExpiresAt = info.expiresAt;
    requireRole(request.caller, request.routeOptions.config.role ?? 'admin');
  });
}
