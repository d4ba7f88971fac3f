import { randomBytes } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { hexId } from '../ids.ts';
import type { KeystoneApi, PathIds } from './api.ts';
import { roleView } from './views.ts';

const CREDENTIALS = '/identity/v3/users/:user/application_credentials';

/** Making and removing a user's own application credentials. */
export function applicationCredentialRoutes(app: FastifyInstance, api: KeystoneApi): void {
  const { identity, save } = api.context;

  app.post(CREDENTIALS, async (request, reply) => {
    const claims = api.caller(request);
    const { user } = request.params as PathIds;
    if (claims === undefined) return api.unauthorized(reply);
    if (claims.userId !== user || claims.projectId === undefined) {
      return api.forbidden(reply, 'create_application_credential');
    }
    const given = (request.body as { application_credential?: { name?: string } } | null)
      ?.application_credential;
    if (given?.name === undefined) return api.fail(reply, 400, "'name' is a required property");
    const roles = identity.rolesOfToken(claims);
    const credential = {
      id: hexId(),
      name: given.name,
      secret: randomBytes(64).toString('base64url'),
      userId: user,
      projectId: claims.projectId,
      roleIds: roles.map((role) => role.id),
    };
    identity.credentials.set(credential.id, credential);
    await save();
    return reply.code(201).send({
      application_credential: {
        id: credential.id,
        name: credential.name,
        description: null,
        user_id: user,
        project_id: claims.projectId,
        system: null,
        expires_at: null,
        unrestricted: null,
        roles: roles.map((role) => roleView(api, role)),
        secret: credential.secret,
        links: { self: api.href(`application_credentials/${credential.id}`) },
      },
    });
  });

  app.delete(`${CREDENTIALS}/:credential`, async (request, reply) => {
    const claims = api.caller(request);
    const { user, credential } = request.params as PathIds;
    if (claims === undefined) return api.unauthorized(reply);
    if (claims.userId !== user || !identity.credentials.delete(credential)) {
      return api.fail(reply, 404, `Could not find application credential: ${credential}.`);
    }
    await save();
    return reply.code(204).send();
  });
}
