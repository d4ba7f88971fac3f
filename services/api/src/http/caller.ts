import type { Caller } from '@cetus/shared/auth';
import { requireRole } from '@cetus/shared/auth';
import { currentTraceparent } from '@cetus/shared/telemetry';
import type { Requester } from '@cetus/shared/operations';
import { scopeOf, type Scope } from '@cetus/shared/store';
import type { FastifyRequest } from 'fastify';
import type { Microversion } from './microversion.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks; set by the authentication of `/v1`. */
    caller: Caller;
    /** When the token of the caller ends. */
    tokenExpiresAt: Date;
    /** The version of the API that the request speaks; set for `/v1`. */
    microversion: Microversion;
  }
}

/**
 * Whose objects a request may touch: its project's, or all for an administrator who says so.
 * @throws AuthError `forbidden`
 */
export function scopeOfRequest(request: FastifyRequest<{ Querystring: { all_projects?: boolean } }>): Scope {
  const allProjects = request.query.all_projects === true;
  if (allProjects) requireRole(request.caller, 'admin');
  return scopeOf(request.caller, { allProjects });
}

/** The caller as objects remember it. */
export function requesterOf(request: FastifyRequest): Requester {
  const { userId, projectId, requestId } = request.caller;
  const traceparent = currentTraceparent() ?? request.headers['traceparent'];
  return { userId, projectId, requestId, ...(isTraceparent(traceparent) ? { traceparent } : {}) };
}

// Source: https://www.w3.org/TR/trace-context/#traceparent-header
function isTraceparent(header: unknown): header is string {
  return typeof header === 'string' && /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/.test(header);
}
