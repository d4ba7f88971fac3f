import { createOpsHandlers, shareReadiness } from '@cetus/shared/service';
import type { FastifyInstance } from 'fastify';
import type { ApiDeps } from '../deps.ts';

/** `/healthz`, `/readyz`, `/metrics` and `/openapi.json`: for machines that watch, without a token. */
export function opsRoutes(app: FastifyInstance, deps: Pick<ApiDeps, 'readiness' | 'metrics'>): void {
  const handlers = createOpsHandlers({
    readiness: shareReadiness(deps.readiness),
    registry: deps.metrics.registry,
  });
  for (const [path, handler] of Object.entries(handlers)) {
    app.get(path, { schema: { hide: true } }, async (_request, reply) => {
      const { status, contentType, body } = await (handler as (typeof handlers)['/healthz'])();
      return reply.code(status).header('cache-control', 'no-store').type(contentType).send(body);
    });
  }
  app.get('/openapi.json', { schema: { hide: true } }, (_request, reply) => reply.send(app.swagger()));
}
