import type { FastifyInstance } from 'fastify';
import { actionRoutes } from './action-routes.ts';
import type { MagnumContext } from './api.ts';
import { certificateRoutes } from './certificate-routes.ts';
import { clusterRoutes } from './cluster-routes.ts';
import { nodeGroupRoutes } from './nodegroup-routes.ts';
import { ROOT } from './paths.ts';
import { quotaRoutes } from './quota-routes.ts';
import { serviceRoutes } from './service-routes.ts';
import { templateRoutes } from './template-routes.ts';

/** Magnum does not mind a slash at the end of a path, and its client likes to put one there; other services do. */
export function withoutTrailingSlash(url: string): string {
  return url.replace(new RegExp(`^(${ROOT}(?:/[^?]*?)?)/(?=\\?|$)`), '$1');
}

/** The Container Infrastructure Management API v1 below `/container-infra`, as Magnum 15 has it. */
export function magnumRoutes(app: FastifyInstance, context: MagnumContext): void {
  serviceRoutes(app, context);
  templateRoutes(app, context);
  clusterRoutes(app, context);
  actionRoutes(app, context);
  nodeGroupRoutes(app, context);
  certificateRoutes(app, context);
  quotaRoutes(app, context);
}
