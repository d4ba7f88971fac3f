import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { guarded, living, PROJECT, type HeatContext } from './api.ts';
import { stackNotFound } from './errors.ts';
import { sendStatusPage } from './status-page.ts';
import type { StackRecord } from './types.ts';

/** What is asked of a stack by its name or its id alone is sent on to the path with both. */
export function redirectRoutes(app: FastifyInstance, context: HeatContext): void {
  const { store, views } = context;

  /** A stack by its name or its id alone; deleted ones by id only. */
  const lookUp = (projectId: string, word: string): StackRecord => {
    const byId = store.byId(word);
    const stack = store.byName(projectId, word) ?? (byId?.projectId === projectId ? byId : undefined);
    if (stack === undefined) throw stackNotFound(word);
    return stack;
  };

  app.route({
    method: ['GET', 'DELETE'],
    url: `${PROJECT}/stacks/:name`,
    handler: async (request, reply) =>
      guarded(context, ({ params }, out) =>
        redirect(out, views.href(lookUp(params.project, params.name)) + searchOf(request)),
      )(request, reply),
  });
  for (const below of ['resources', 'events', 'template', 'environment', 'files', 'outputs']) {
    app.get(`${PROJECT}/stacks/:name/${below}`, async (request, reply) =>
      guarded(context, ({ params }, out) => {
        const stack =
          store.byName(params.project, params.name) ??
          living(lookUp(params.project, params.name), params.name);
        return redirect(out, `${views.href(stack)}/${below}${searchOf(request)}`);
      })(request, reply),
    );
  }
}

function searchOf(request: FastifyRequest): string {
  return request.url.includes('?') ? request.url.slice(request.url.indexOf('?')) : '';
}

function redirect(reply: FastifyReply, location: string): FastifyReply {
  const text = `The resource was found at <a href="${location}">${location}</a>;\nyou should be redirected automatically.\n\n`;
  return sendStatusPage(reply.header('Location', location), 302, 'Found', text);
}
