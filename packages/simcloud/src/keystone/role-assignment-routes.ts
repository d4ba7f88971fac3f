import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { KeystoneApi, PathIds } from './api.ts';
import { roleView } from './views.ts';

const GRANT = '/identity/v3/projects/:project/users/:user/roles/:role';

/** Who has which role in which project: listing, giving and taking. */
export function roleAssignmentRoutes(app: FastifyInstance, api: KeystoneApi): void {
  const { identity, save } = api.context;

  app.get(
    '/identity/v3/role_assignments',
    api.admin('list_role_assignments', async (request) => {
      const query = request.query as Record<string, string | undefined>;
      const rows = [...identity.assignments].map(
        (assignment) => assignment.split('/') as [string, string, string],
      );
      const found = rows.filter(
        ([project, user, role]) =>
          (query['scope.project.id'] ?? project) === project &&
          (query['user.id'] ?? user) === user &&
          (query['role.id'] ?? role) === role,
      );
      return api.list(
        request,
        'role_assignments',
        found.map(([project, user, role]) => ({
          links: { assignment: api.href(`projects/${project}/users/${user}/roles/${role}`) },
          scope: { project: { id: project } },
          user: { id: user },
          role: { id: role },
        })),
      );
    }),
  );

  app.put(
    GRANT,
    api.admin('create_grant', async (request, reply) => {
      const assignment = assignmentOf(api, request, reply);
      if (typeof assignment !== 'string') return assignment;
      identity.assignments.add(assignment);
      await save();
      return reply.code(204).send();
    }),
  );
  app.delete(
    GRANT,
    api.admin('revoke_grant', async (request, reply) => {
      const assignment = assignmentOf(api, request, reply);
      if (typeof assignment !== 'string') return assignment;
      if (!identity.assignments.delete(assignment)) {
        const { role } = request.params as PathIds;
        return api.fail(reply, 404, `Could not find role assignment with role: ${role}.`);
      }
      await save();
      return reply.code(204).send();
    }),
  );
  app.get(
    '/identity/v3/projects/:project/users/:user/roles',
    api.admin('list_grants', async (request) => {
      const { project, user } = request.params as PathIds;
      const direct = [...identity.roles.values()].filter((role) =>
        identity.assignments.has(`${project}/${user}/${role.id}`),
      );
      return api.list(
        request,
        'roles',
        direct.map((role) => roleView(api, role)),
      );
    }),
  );
}

/** The assignment a path names, or Keystone's 404 for the part that does not exist. */
function assignmentOf(api: KeystoneApi, request: FastifyRequest, reply: FastifyReply): string | FastifyReply {
  const { identity } = api.context;
  const { project, user, role } = request.params as PathIds;
  if (!identity.roles.has(role)) return api.fail(reply, 404, `Could not find role: ${role}.`);
  if (!identity.projects.has(project)) return api.fail(reply, 404, `Could not find project: ${project}.`);
  if (!identity.users.has(user)) return api.fail(reply, 404, `Could not find user: ${user}.`);
  return `${project}/${user}/${role}`;
}
