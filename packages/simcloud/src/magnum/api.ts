import type { FastifyReply, FastifyRequest } from 'fastify';
import { authenticate, type Caller } from '../auth.ts';
import type { Identity } from '../keystone/identity.ts';
import type { Conductor } from './conductor.ts';
import { ConnectionDropped, forbidden, magnumErrorBody, MagnumError, notAcceptable } from './errors.ts';
import type { MagnumStore, Scope } from './store.ts';
import { negotiate, UnsupportedVersion } from './versions.ts';
import type { MagnumViews } from './views.ts';

/** What the container infrastructure service needs from the cloud. */
export interface MagnumContext {
  identity: Identity;
  base: () => string;
  store: MagnumStore;
  conductor: Conductor;
  views: MagnumViews;
  /** Highest minor number of the API that is spoken. */
  maxMicroversion: number;
  /** False while the conductor does nothing. */
  isConductorUp: () => boolean;
  /** Clusters a project may have that no quota is set for. */
  maxClustersPerProject: number;
}

/** A request that may pass. */
export interface Call {
  params: Record<string, string>;
  query: Record<string, string | undefined>;
  /** Undefined when there is none. */
  body: unknown;
  caller: Caller;
  isAdmin: boolean;
  /** Minor number of the version. */
  version: number;
  /** The caller's project. */
  own: Scope;
  /** All projects for an administrator, the caller's for others. */
  all: Scope;
}

type Handler = (call: Call, reply: FastifyReply) => unknown;
type Route = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;

/** Checks version and token, and turns refusals into Magnum's answers. `since`: the version the route came with. */
export function guarded(context: MagnumContext, handler: Handler, since = 1): Route {
  return async (request, reply) => {
    const caller = authenticate(context.identity, request, reply, context.base());
    if (caller === undefined) return reply;
    try {
      const version = negotiate(request, reply, context.maxMicroversion);
      if (version < since) throw notAcceptable();
      const isAdmin = caller.roles.includes('admin');
      const own = { projectId: caller.projectId };
      const call: Call = {
        params: request.params as Call['params'],
        query: request.query as Call['query'],
        body: request.body,
        caller,
        isAdmin,
        version,
        own,
        all: isAdmin ? { projectId: undefined } : own,
      };
      return await handler(call, reply);
    } catch (error) {
      return sendRefusal(reply, request, error);
    }
  };
}

/** Turns refusals into Magnum's answers, for what needs no token. */
export function openly(handler: (request: FastifyRequest, reply: FastifyReply) => unknown): Route {
  return async (request, reply) => {
    try {
      return await handler(request, reply);
    } catch (error) {
      return sendRefusal(reply, request, error);
    }
  };
}

/** {@link guarded}, for administrators. */
export function adminOnly(context: MagnumContext, policy: string, handler: Handler): Route {
  return guarded(context, (call, reply) => {
    if (!call.isAdmin) throw forbidden(policy);
    return handler(call, reply);
  });
}

function sendRefusal(reply: FastifyReply, request: FastifyRequest, error: unknown): FastifyReply {
  if (error instanceof UnsupportedVersion) return reply.code(406).send(error.body);
  if (error instanceof MagnumError) {
    return reply.code(error.status).send(magnumErrorBody(error.status, error.message));
  }
  if (!(error instanceof ConnectionDropped)) throw error;
  reply.hijack();
  request.raw.socket.destroy();
  return reply;
}
