import type { FastifyInstance } from 'fastify';
import type { HeatContext } from './api.ts';
import { redirectRoutes } from './redirect-routes.ts';
import { stackDetailRoutes } from './stack-detail-routes.ts';
import { stackListRoutes } from './stack-list-routes.ts';
import { stackRoutes } from './stack-routes.ts';

/** The Orchestration API v1 below `/orchestration`. */
export function heatRoutes(app: FastifyInstance, context: HeatContext): void {
  app.get('/orchestration', async (_request, reply) => {
    const links = [{ rel: 'self', href: `${context.base()}/orchestration/v1/` }];
    return reply.code(300).send({ versions: [{ id: 'v1.0', status: 'CURRENT', links }] });
  });
  stackListRoutes(app, context);
  redirectRoutes(app, context);
  stackRoutes(app, context);
  stackDetailRoutes(app, context);
}
