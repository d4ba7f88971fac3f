import type { FastifyInstance } from 'fastify';
import { hexId } from '../ids.ts';
import type { KeystoneApi } from './api.ts';
import { projectView, roleView, userView } from './views.ts';

/** Listing, showing, making and removing users, projects and roles. */
export function userProjectRoleRoutes(app: FastifyInstance, api: KeystoneApi): void {
  const { identity, save } = api.context;
  const kinds = [
    ['users', 'user', identity.users, userView],
    ['projects', 'project', identity.projects, projectView],
    ['roles', 'role', identity.roles, roleView],
  ] as const;
  for (const [plural, kind, rows, view] of kinds) {
    app.get(
      `/identity/v3/${plural}`,
      api.admin(`list_${plural}`, async (request) => {
        const { name } = request.query as { name?: string };
        const found = [...rows.values()].filter((row) => name === undefined || row.name === name);
        return api.list(
          request,
          plural,
          found.map((row) => view(api, row)),
        );
      }),
    );
    app.get<{ Params: { id: string } }>(`/identity/v3/${plural}/:id`, async (request, reply) => {
      const claims = api.caller(request);
      if (claims === undefined) return api.unauthorized(reply);
      const { id } = request.params;
      if (!api.isAdmin(claims) && id !== claims.userId && id !== claims.projectId) {
        return api.forbidden(reply, `get_${kind}`);
      }
      const row = rows.get(id);
      return row === undefined
        ? api.fail(reply, 404, `Could not find ${kind}: ${id}.`)
        : { [kind]: view(api, row) };
    });
    app.post(
      `/identity/v3/${plural}`,
      api.admin(`create_${kind}`, async (request, reply) => {
        const given = (request.body as Record<string, { name?: string; password?: string }> | null)?.[kind];
        if (given?.name === undefined) return api.fail(reply, 400, "'name' is a required property");
        const { name } = given;
        if ([...rows.values()].some((row) => row.name === name)) {
          const message = `Conflict occurred attempting to store ${kind} - Duplicate entry found with name ${name} at domain ID default.`;
          return api.fail(reply, 409, message);
        }
        const row = { id: hexId(), name };
        if (plural === 'users') identity.users.set(row.id, { ...row, password: given.password ?? hexId() });
        else if (plural === 'roles') identity.roles.set(row.id, row);
        else identity.projects.set(row.id, row);
        await save();
        return reply.code(201).send({ [kind]: view(api, row) });
      }),
    );
    app.delete(
      `/identity/v3/${plural}/:id`,
      api.admin(`delete_${kind}`, async (request, reply) => {
        const { id } = request.params as { id: string };
        if (!rows.delete(id)) return api.fail(reply, 404, `Could not find ${kind}: ${id}.`);
        for (const assignment of identity.assignments) {
          if (assignment.split('/').includes(id)) identity.assignments.delete(assignment);
        }
        await save();
        return reply.code(204).send();
      }),
    );
  }
}
