import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { authenticate, type Caller } from '../auth.ts';
import type { Identity } from '../keystone/identity.ts';
import type { HeatEngine } from './engine.ts';
import {
  badRequest,
  heatErrorBody,
  HeatError,
  invalid,
  methodNotAllowed,
  notSupported,
  stackNotFound,
} from './errors.ts';
import { toText } from './functions.ts';
import { goalOf, validateView } from './goal.ts';
import { findResource, findStack, queryEvents, queryResources, queryStacks, type Query } from './queries.ts';
import type { StackStore } from './store.ts';
import { templateObject } from './template.ts';
import type { Definition, Environment, StackRecord } from './types.ts';
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

interface StackBody {
  stack_name?: unknown;
  template?: unknown;
  parameters?: Record<string, unknown>;
  environment?: unknown;
  files?: Record<string, unknown>;
  tags?: unknown;
  timeout_mins?: unknown;
  disable_rollback?: unknown;
  clear_parameters?: string[];
}

interface Params {
  project: string;
  name: string;
  id: string;
  '*': string;
  resource: string;
  key: string;
}

type Handler = (
  call: { params: Params; query: Query; body: StackBody; caller: Caller },
  reply: FastifyReply,
) => unknown;

const PREFIX = '/orchestration/v1/:project';
const STACK = `${PREFIX}/stacks/:name/:id`;
const ACCEPTED = {
  message: 'The request is accepted for processing.<br /><br />\n\n\n',
  code: '202 Accepted',
  title: 'Accepted',
};

/** The Orchestration API v1 below `/orchestration`. */
export function heatRoutes(app: FastifyInstance, context: HeatContext): void {
  const { store, engine, views } = context;

  /** Checks the token and the project, and turns refusals into Heat's answers. */
  const guarded = (handler: Handler) => async (request: FastifyRequest, reply: FastifyReply) => {
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

  const redirect = (reply: FastifyReply, location: string): FastifyReply => {
    const message = `The resource was found at <a href="${location}">${location}</a>;\nyou should be redirected automatically.\n\n`;
    return reply.code(302).header('Location', location).send({ message, code: '302 Found', title: 'Found' });
  };

  /** A stack by its name or its id alone; deleted ones by id only. */
  const lookUp = (projectId: string, word: string): StackRecord => {
    const byId = store.byId(word);
    const stack = store.byName(projectId, word) ?? (byId?.projectId === projectId ? byId : undefined);
    if (stack === undefined) throw stackNotFound(word);
    return stack;
  };

  app.get('/orchestration', async (_request, reply) => {
    const links = [{ rel: 'self', href: `${context.base()}/orchestration/v1/` }];
    return reply.code(300).send({ versions: [{ id: 'v1.0', status: 'CURRENT', links }] });
  });

  app.post(
    `${PREFIX}/stacks`,
    guarded(async ({ params, body, caller }, reply) => {
      if (body.template === undefined) throw badRequest('No template specified');
      if (body.stack_name === undefined) throw badRequest('No stack name specified');
      const name = toText(body.stack_name);
      const timeoutMins = timeoutOf(body.timeout_mins);
      if (!/^[A-Za-z][A-Za-z0-9_.-]{0,254}$/.test(name)) {
        const rule =
          'must contain only alphanumeric or "_-." characters, must start with alpha and must be 255 characters or less.';
        throw invalid(`Invalid stack name ${name} ${rule}`);
      }
      if (store.byName(params.project, name) !== undefined) {
        throw new HeatError(409, 'StackExists', `The Stack (${name}) already exists.`);
      }
      const definition = definitionOf(body);
      goalOf(definition);
      const stack = engine.create({
        name,
        projectId: params.project,
        owner: caller.userName,
        tags: tagsOf(body.tags) ?? [],
        timeoutMins: timeoutMins ?? null,
        disableRollback: flagOf(body.disable_rollback, 'disable_rollback') ?? true,
        definition,
      });
      await store.save(stack);
      const links = views.links(stack);
      return reply
        .code(201)
        .header('Location', views.href(stack))
        .send({ stack: { id: stack.id, links } });
    }),
  );

  app.get(
    `${PREFIX}/stacks`,
    guarded(({ params, query, caller }) => {
      // An administrator of another project sees all projects' stacks, as Heat's default policy has it.
      const everything = params.project !== caller.projectId;
      const { stacks, limit } = queryStacks(store, query, { projectId: params.project, everything });
      const last = stacks.at(-1);
      const more = limit !== undefined && last !== undefined && stacks.length === limit;
      return {
        stacks: stacks.map((stack) => views.summary(stack, everything)),
        ...(more
          ? { links: [{ rel: 'next', href: nextPage(context.base(), params.project, query, last.id) }] }
          : {}),
      };
    }),
  );

  app.route({
    method: ['PUT', 'PATCH', 'DELETE'],
    url: `${PREFIX}/stacks`,
    handler: guarded(() => {
      throw methodNotAllowed();
    }),
  });

  app.post(
    `${PREFIX}/validate`,
    guarded(({ body }) => validateView(definitionOf(body))),
  );

  app.route({
    method: ['GET', 'DELETE'],
    url: `${PREFIX}/stacks/:name`,
    handler: async (request, reply) => {
      const search = request.url.includes('?') ? request.url.slice(request.url.indexOf('?')) : '';
      const answer = guarded(({ params }, out) =>
        redirect(out, views.href(lookUp(params.project, params.name)) + search),
      );
      return answer(request, reply);
    },
  });
  for (const below of ['resources', 'events', 'template', 'environment', 'files', 'outputs']) {
    app.get(`${PREFIX}/stacks/:name/${below}`, async (request, reply) => {
      const search = request.url.includes('?') ? request.url.slice(request.url.indexOf('?')) : '';
      const answer = guarded(({ params }, out) => {
        const stack =
          store.byName(params.project, params.name) ??
          living(lookUp(params.project, params.name), params.name);
        return redirect(out, `${views.href(stack)}/${below}${search}`);
      });
      return answer(request, reply);
    });
  }

  const onStack = (
    handler: (stack: StackRecord, call: Parameters<Handler>[0], reply: FastifyReply) => unknown,
  ) =>
    guarded((call, reply) =>
      handler(findStack(store, call.params.project, call.params.name, call.params.id), call, reply),
    );
  const onLiving = (
    handler: (stack: StackRecord, call: Parameters<Handler>[0], reply: FastifyReply) => unknown,
  ) => onStack((stack, call, reply) => handler(living(stack, stack.name), call, reply));

  app.get(
    STACK,
    onStack((stack, { query }) => ({
      stack: views.stack(stack, toText(query['resolve_outputs'] ?? 'true').toLowerCase() !== 'false'),
    })),
  );
  app.delete(
    STACK,
    onLiving(async (stack, _call, reply) => {
      engine.delete(stack);
      await store.save(stack);
      return reply.code(204).send();
    }),
  );

  const update = (keepsTemplate: boolean) =>
    onLiving(async (stack, { body }, reply) => {
      if (!keepsTemplate && body.template === undefined) throw badRequest('No template specified');
      const timeoutMins = timeoutOf(body.timeout_mins);
      if (stack.action === 'DELETE') throw notSupported('Updating a stack when it is deleting');
      refuseWhenBusy(context, stack);
      const definition = keepsTemplate ? patchedDefinition(stack.definition, body) : definitionOf(body);
      goalOf(definition);
      stack.disableRollback = flagOf(body.disable_rollback, 'disable_rollback') ?? stack.disableRollback;
      stack.timeoutMins = timeoutMins ?? stack.timeoutMins;
      stack.tags = tagsOf(body.tags) ?? (keepsTemplate ? stack.tags : []);
      engine.update(stack, definition);
      await store.save(stack);
      return reply.code(202).send(ACCEPTED);
    });
  app.patch(STACK, update(true));
  app.put(STACK, update(false));

  app.post(
    `${STACK}/actions`,
    onLiving(async (stack, { body }, reply) => {
      const actions = Object.keys(body);
      const [action] = actions;
      if (actions.length === 0) throw badRequest('No action specified');
      if (actions.length > 1) throw badRequest('Multiple actions specified');
      if (action !== 'cancel_update' && action !== 'cancel_without_rollback') {
        throw badRequest(`Invalid action ${toText(action)} specified`);
      }
      engine.cancel(stack, action === 'cancel_update');
      await store.save(stack);
      return reply.code(200).header('content-type', 'application/json').send('null');
    }),
  );

  app.get(
    `${STACK}/template`,
    onStack((stack) => stack.definition.template),
  );
  app.get(
    `${STACK}/environment`,
    onStack((stack) => stack.definition.environment),
  );
  app.get(
    `${STACK}/files`,
    onStack((stack) => stack.definition.files),
  );
  app.get(
    `${STACK}/outputs`,
    onStack((stack) => ({
      outputs: views.outputKeys(stack).map((key) => {
        const description =
          goalOf(stack.definition).template.outputs[key]?.description ?? 'No description given';
        return { output_key: key, description };
      }),
    })),
  );
  app.get(
    `${STACK}/outputs/:key`,
    onStack((stack, { params }) => {
      if (views.outputKeys(stack).includes(params.key)) return { output: views.output(stack, params.key) };
      throw new HeatError(404, 'NotFound', `Specified output key ${params.key} not found.`);
    }),
  );
  app.get(
    `${STACK}/resources`,
    onStack((stack, { query }) => ({ resources: queryResources(store, views, stack, query) })),
  );
  app.get(
    `${STACK}/resources/:resource`,
    onStack((stack, { params }) => ({
      resource: views.resourceDetail(stack, findResource(stack, params.resource)),
    })),
  );
  app.get(
    `${STACK}/events`,
    onStack((stack, { query }) => ({ events: queryEvents(store, views, stack, query) })),
  );
  app.get(
    `${STACK}/resources/:resource/events`,
    onStack((stack, { params, query }) => ({
      events: queryEvents(store, views, stack, query, params.resource),
    })),
  );
}

function living(stack: StackRecord, asked: string): StackRecord {
  if (stack.deletedAt !== null) throw stackNotFound(asked);
  return stack;
}

function refuseWhenBusy(context: HeatContext, stack: StackRecord): void {
  if (context.convergence || stack.status !== 'IN_PROGRESS') return;
  const message = `Stack ${stack.name} already has an action (${stack.action}) in progress.`;
  throw new HeatError(409, 'ActionInProgress', message);
}

function definitionOf(body: StackBody): Definition {
  return {
    template: templateObject(body.template),
    parameters: body.parameters ?? {},
    environment: environmentOf(body.environment),
    files: filesOf(body.files),
  };
}

/** PATCH: what is not given stays; parameters the template does not have are ignored. */
function patchedDefinition(old: Definition, body: StackBody): Definition {
  const template = body.template === undefined ? old.template : templateObject(body.template);
  const environment = environmentOf(body.environment);
  const known = (template['parameters'] ?? {}) as Record<string, unknown>;
  const given = Object.entries(body.parameters ?? {}).filter(([name]) => name in known);
  const kept = Object.entries(old.parameters).filter(
    ([name]) => name in known && body.clear_parameters?.includes(name) !== true,
  );
  return {
    template,
    parameters: Object.fromEntries([...kept, ...given]),
    environment: {
      parameters: { ...old.environment.parameters, ...environment.parameters },
      parameter_defaults: { ...old.environment.parameter_defaults, ...environment.parameter_defaults },
      resource_registry: { ...old.environment.resource_registry, ...environment.resource_registry },
    },
    files: { ...old.files, ...filesOf(body.files) },
  };
}

function environmentOf(value: unknown): Environment {
  if (value === undefined || value === null) return {};
  if (typeof value === 'object' && !Array.isArray(value)) return value;
  throw badRequest('The environment is not a valid YAML mapping data type.');
}

function filesOf(files: Record<string, unknown> | undefined): Record<string, string> {
  return Object.fromEntries(
    Object.entries(files ?? {}).map(([name, content]) => [
      name,
      typeof content === 'string' ? content : JSON.stringify(content),
    ]),
  );
}

function timeoutOf(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  const text = toText(value);
  if (!/^-?\d+$/.test(text)) throw badRequest("Only integer is acceptable by 'timeout_mins'.");
  if (Number(text) < 0)
    throw badRequest(
      `Value '${text}' is invalid for 'timeout_mins' which only accepts non-negative integer.`,
    );
  return Number(text);
}

function flagOf(value: unknown, name: string): boolean | undefined {
  if (value === undefined || value === null) return undefined;
  const word = toText(value).toLowerCase();
  if (word === 'true' || word === 'false') return word === 'true';
  throw badRequest(
    `Unrecognized value "${toText(value)}" for "${name}", acceptable values are: true, false.`,
  );
}

function tagsOf(value: unknown): string[] | undefined {
  if (value === undefined || value === null) return undefined;
  return toText(value)
    .split(',')
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '');
}

function nextPage(base: string, projectId: string, query: Query, marker: string): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...query, marker })) {
    for (const one of [value ?? []].flat()) search.append(name, one);
  }
  return `${base}/orchestration/v1/${projectId}/stacks?${search.toString()}`;
}
