import type { FastifyReply, FastifyRequest } from 'fastify';
import { authenticate, type Caller } from '../auth.ts';
import type { Identity } from '../keystone/identity.ts';
import type { HeatEngine } from './engine.ts';
import { heatErrorBody, HeatError, stackNotFound } from './errors.ts';
import { findStack, type Query } from './queries.ts';
import type { StackBody } from './stack-body.ts';
import type { StackStore } from './store.ts';
import type { StackRecord } from './types.ts';
import type { HeatViews } from './views.ts';

/** What the orchestration service needs from the cloud. */
export interface HeatContext {
  identity: Identity;
  base: () => string;
  store: StackStore;
  engine: HeatEngine;
  views: HeatViews;
  /** False: an action on a busy stack is refused with 409, as engines without convergence do. */
  convergence: boolean;
}

/** Names in paths. */
interface Params {
  project: string;
  name: string;
  id: string;
  '*': string;
  resource: string;
  key: string;
}

/** A request that may pass. */
interface Call {
  params: Params;
  query: Query;
  body: StackBody;
  caller: Caller;
}

type Handler = (call: Call, reply: FastifyReply) => unknown;
type StackHandler = (stack: StackRecord, call: Call, reply: FastifyReply) => unknown;
type Route = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;

/** Paths of the API. */
export const PROJECT = '/orchestration/v1/:project';
export const STACK = `${PROJECT}/stacks/:name/:id`;

/** Checks the token and the project, and turns refusals into Heat's answers. */
export function guarded(context: HeatContext, handler: Handler): Route {
  return async (request, reply) => {
    const caller = authenticate(context.identity, request, reply, context.base());
    if (caller === undefined) return reply;
    try {
      const params = request.params as Params;
      if (params.project !== caller.projectId && !caller.roles.includes('admin')) {
        throw new HeatError(403, 'HTTPForbidden', 'Access was denied to this resource.');
      }
      const body = (request.body ?? {}) as StackBody;
      return await handler({ params, query: request.query as Query, body, caller }, reply);
    } catch (error) {
      if (!(error instanceof HeatError)) throw error;
      return reply.code(error.status).send(heatErrorBody(error.status, error.type, error.message));
    }
  };
}

/** {@link guarded}, for the stack a path names; it may be a deleted one. */
export function onStack(context: HeatContext, handler: StackHandler): Route {
  return guarded(context, (call, reply) => {
    const { project, name, id } = call.params;
    return handler(findStack(context.store, project, name, id), call, reply);
  });
}

/** {@link onStack}, but a deleted stack is not found. */
export function onLiving(context: HeatContext, handler: StackHandler): Route {
  return onStack(context, (stack, call, reply) => handler(living(stack, stack.name), call, reply));
}

/** The stack itself. @throws HeatError EntityNotFound, with the word it was asked for by, when it has been deleted. */
export function living(stack: StackRecord, asked: string): StackRecord {
  if (stack.deletedAt !== null) throw stackNotFound(asked);
  return stack;
}
