import type { ApiDeps } from '../deps.ts';
import type { LinkBuilder, TypedApp } from '../http/index.ts';
import { applicationActionRoutes } from './action-routes.ts';
import { applicationChangeRoutes } from './change-routes.ts';
import { applicationInstanceRoutes } from './instance-routes.ts';
import { applicationRevisionRoutes } from './revision-routes.ts';
import { applicationCoreRoutes } from './routes.ts';
import { applicationStreamRoutes } from './stream-routes.ts';

/** `/v1/applications` and everything under it. */
export function applicationRoutes(app: TypedApp, deps: ApiDeps, links: LinkBuilder): void {
  applicationCoreRoutes(app, deps, links);
  applicationChangeRoutes(app, deps);
  applicationActionRoutes(app, deps);
  applicationRevisionRoutes(app, deps);
  applicationInstanceRoutes(app, deps, links);
  applicationStreamRoutes(app, deps);
}
