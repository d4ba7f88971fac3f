import type { FastifyInstance } from 'fastify';
import { KeystoneApi, type KeystoneContext } from './api.ts';
import { applicationCredentialRoutes } from './application-credential-routes.ts';
import { roleAssignmentRoutes } from './role-assignment-routes.ts';
import { tokenRoutes } from './token-routes.ts';
import { userProjectRoleRoutes } from './user-project-role-routes.ts';

/** The Identity API v3 below `/identity`. */
export function keystoneRoutes(app: FastifyInstance, context: KeystoneContext): void {
  const api = new KeystoneApi(context);
  const version = () => ({
    id: 'v3.14',
    status: 'stable',
    updated: '2020-04-07T00:00:00Z',
    links: [{ rel: 'self', href: api.href('') }],
    'media-types': [{ base: 'application/json', type: 'application/vnd.openstack.identity-v3+json' }],
  });
  app.get('/identity', async (_request, reply) =>
    reply.code(300).send({ versions: { values: [version()] } }),
  );
  app.get('/identity/v3', async () => ({ version: version() }));
  app.get('/identity/v3/', async () => ({ version: version() }));
  tokenRoutes(app, api);
  userProjectRoleRoutes(app, api);
  roleAssignmentRoutes(app, api);
  applicationCredentialRoutes(app, api);
}
