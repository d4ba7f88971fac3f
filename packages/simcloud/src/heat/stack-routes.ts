import type { FastifyInstance } from 'fastify';
import { onLiving, onStack, STACK, type HeatContext } from './api.ts';
import { badRequest, HeatError, notSupported } from './errors.ts';
import { toText } from './functions.ts';
import { goalOf } from './goal.ts';
import { definitionOf, flagOf, patchedDefinition, tagsOf, timeoutOf } from './stack-body.ts';
import { sendStatusPage } from './status-page.ts';
import type { StackRecord } from './types.ts';

/** Showing, updating and deleting one stack, and its actions. */
export function stackRoutes(app: FastifyInstance, context: HeatContext): void {
  const { store, engine, views } = context;

  app.get(
    STACK,
    onStack(context, (stack, { query }) => ({
      stack: views.stack(stack, toText(query['resolve_outputs'] ?? 'true').toLowerCase() !== 'false'),
    })),
  );

  app.delete(
    STACK,
    onLiving(context, async (stack, _call, reply) => {
      engine.delete(stack);
      await store.save(stack);
      return reply.code(204).send();
    }),
  );

  const update = (keepsTemplate: boolean) =>
    onLiving(context, async (stack, { body }, reply) => {
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
      const text = 'The request is accepted for processing.<br /><br />\n\n\n';
      return sendStatusPage(reply, 202, 'Accepted', text);
    });
  app.patch(STACK, update(true));
  app.put(STACK, update(false));

  app.post(
    `${STACK}/actions`,
    onLiving(context, async (stack, { body }, reply) => {
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
}

function refuseWhenBusy(context: HeatContext, stack: StackRecord): void {
  if (context.convergence || stack.status !== 'IN_PROGRESS') return;
  const message = `Stack ${stack.name} already has an action (${stack.action}) in progress.`;
  throw new HeatError(409, 'ActionInProgress', message);
}
