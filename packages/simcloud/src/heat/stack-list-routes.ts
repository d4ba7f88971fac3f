import type { FastifyInstance } from 'fastify';
import { guarded, PROJECT, type HeatContext } from './api.ts';
import { badRequest, HeatError, methodNotAllowed } from './errors.ts';
import { toText } from './functions.ts';
import { goalOf, validateView } from './goal.ts';
import { queryStacks, type Query } from './queries.ts';
import { checkName, definitionOf, flagOf, tagsOf, timeoutOf } from './stack-body.ts';

/** Making stacks, listing them, and checking what they would be made from. */
export function stackListRoutes(app: FastifyInstance, context: HeatContext): void {
  const { store, engine, views } = context;

  app.post(
    `${PROJECT}/stacks`,
    guarded(context, async ({ params, body, caller }, reply) => {
      if (body.template === undefined) throw badRequest('No template specified');
      if (body.stack_name === undefined) throw badRequest('No stack name specified');
      const name = toText(body.stack_name);
      const timeoutMins = timeoutOf(body.timeout_mins);
      checkName(name);
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
    `${PROJECT}/stacks`,
    guarded(context, ({ params, query, caller }) => {
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
    url: `${PROJECT}/stacks`,
    handler: guarded(context, () => {
      throw methodNotAllowed();
    }),
  });

  app.post(
    `${PROJECT}/validate`,
    guarded(context, ({ body }) => validateView(definitionOf(body))),
  );
}

function nextPage(base: string, projectId: string, query: Query, marker: string): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...query, marker })) {
    for (const one of [value ?? []].flat()) search.append(name, one);
  }
  return `${base}/orchestration/v1/${projectId}/stacks?${search.toString()}`;
}
