import type { FastifyInstance } from 'fastify';
import { onStack, STACK, type HeatContext } from './api.ts';
import { HeatError } from './errors.ts';
import { goalOf } from './goal.ts';
import { findResource, queryEvents, queryResources } from './queries.ts';

/** What a stack is made from, its outputs, its resources and its events. */
export function stackDetailRoutes(app: FastifyInstance, context: HeatContext): void {
  const { store, views } = context;

  app.get(
    `${STACK}/template`,
    onStack(context, (stack) => stack.definition.template),
  );
  app.get(
    `${STACK}/environment`,
    onStack(context, (stack) => stack.definition.environment),
  );
  app.get(
    `${STACK}/files`,
    onStack(context, (stack) => stack.definition.files),
  );

  app.get(
    `${STACK}/outputs`,
    onStack(context, (stack) => ({
      outputs: views.outputKeys(stack).map((key) => {
        const description =
          goalOf(stack.definition).template.outputs[key]?.description ?? 'No description given';
        return { output_key: key, description };
      }),
    })),
  );
  app.get(
    `${STACK}/outputs/:key`,
    onStack(context, (stack, { params }) => {
      if (views.outputKeys(stack).includes(params.key)) return { output: views.output(stack, params.key) };
      throw new HeatError(404, 'NotFound', `Specified output key ${params.key} not found.`);
    }),
  );

  app.get(
    `${STACK}/resources`,
    onStack(context, (stack, { query }) => ({ resources: queryResources(store, views, stack, query) })),
  );
  app.get(
    `${STACK}/resources/:resource`,
    onStack(context, (stack, { params }) => ({
      resource: views.resourceDetail(stack, findResource(stack, params.resource)),
    })),
  );

  app.get(
    `${STACK}/events`,
    onStack(context, (stack, { query }) => ({ events: queryEvents(store, views, stack, query) })),
  );
  app.get(
    `${STACK}/resources/:resource/events`,
    onStack(context, (stack, { params, query }) => ({
      events: queryEvents(store, views, stack, query, params.resource),
    })),
  );
}
