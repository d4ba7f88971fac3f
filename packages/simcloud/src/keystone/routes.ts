import { randomBytes } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { hexId } from '../ids.ts';
import { makeCatalog, type CatalogExtra } from './catalog.ts';
import type { Identity, Role, TokenClaims } from './identity.ts';

/** What the identity service needs from the cloud. */
export interface KeystoneContext {
  identity: Identity;
  /** Address of the cloud, without a slash at the end. */
  base: () => string;
  tokenSeconds: number;
  extras: readonly CatalogExtra[];
  /** Resolves when the identity data is on disk. */
  save: () => Promise<void>;
}

const DOMAIN = { id: 'default', name: 'Default' };
const TITLES: Record<number, string> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  409: 'Conflict',
};

/** Answers an error as Keystone does. */
export function keystoneError(
  reply: FastifyReply,
  status: number,
  message: string,
  base: string,
): FastifyReply {
  if (status === 401) void reply.header('WWW-Authenticate', `Keystone uri="${base}/identity/v3"`);
  return reply.code(status).send({ error: { code: status, message, title: TITLES[status] ?? 'Error' } });
}

interface AuthRequest {
  auth?: {
    identity?: {
      methods?: string[];
      password?: { user?: { id?: string; name?: string; password?: string } };
      application_credential?: { id?: string; secret?: string };
      token?: { id?: string };
    };
    scope?: { project?: { id?: string; name?: string } };
  };
}

interface PathIds {
  project: string;
  user: string;
  role: string;
  credential: string;
}

/** The Identity API v3 below `/identity`. */
export function keystoneRoutes(app: FastifyInstance, context: KeystoneContext): void {
  const { identity } = context;
  const fail = (reply: FastifyReply, status: number, message: string): FastifyReply =>
    keystoneError(reply, status, message, context.base());
  const unauthorized = (reply: FastifyReply): FastifyReply =>
    fail(reply, 401, 'The request you have made requires authentication.');
  const caller = (request: FastifyRequest): TokenClaims | undefined =>
    identity.verify(headerOf(request, 'x-auth-token'));
  const self = (path: string): string => `${context.base()}/identity/v3/${path}`;
  const list = (request: FastifyRequest, key: string, rows: unknown[]): unknown => ({
    [key]: rows,
    links: { next: null, self: context.base() + request.url, previous: null },
  });

  /** Runs a handler for callers with the admin role; others get Keystone's refusals. */
  const admin = (
    rule: string,
    handler: (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>,
  ) => {
    return async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
      const claims = caller(request);
      if (claims === undefined) return unauthorized(reply);
      const isAdmin = identity.rolesOfToken(claims).some((role) => role.name === 'admin');
      if (isAdmin) return handler(request, reply);
      return fail(reply, 403, `You are not authorized to perform the requested action: identity:${rule}.`);
    };
  };

  const version = () => ({
    id: 'v3.14',
    status: 'stable',
    updated: '2020-04-07T00:00:00Z',
    links: [{ rel: 'self', href: self('') }],
    'media-types': [{ base: 'application/json', type: 'application/vnd.openstack.identity-v3+json' }],
  });
  app.get('/identity', async (_request, reply) =>
    reply.code(300).send({ versions: { values: [version()] } }),
  );
  app.get('/identity/v3', async () => ({ version: version() }));
  app.get('/identity/v3/', async () => ({ version: version() }));

  const tokenBody = (claims: TokenClaims, withCatalog: boolean): unknown => {
    const user = identity.users.get(claims.userId);
    const project = claims.projectId === undefined ? undefined : identity.projects.get(claims.projectId);
    const roles = identity.rolesOfToken(claims).map(({ id, name }) => ({ id, name }));
    return {
      token: {
        methods: claims.methods,
        user: { domain: DOMAIN, id: claims.userId, name: user?.name, password_expires_at: null },
        audit_ids: [claims.auditId],
        expires_at: keystoneTime(claims.expiresAt),
        issued_at: keystoneTime(claims.issuedAt),
        ...(project === undefined
          ? {}
          : {
              project: { domain: DOMAIN, id: project.id, name: project.name },
              is_domain: false,
              roles,
              ...(withCatalog ? { catalog: makeCatalog(context.base(), project.id, context.extras) } : {}),
            }),
      },
    };
  };

  app.post('/identity/v3/auth/tokens', async (request, reply) => {
    const auth = (request.body as AuthRequest | null)?.auth;
    if (auth === undefined) {
      return fail(
        reply,
        400,
        'Expecting to find auth in request body. The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error.',
      );
    }
    if (auth.identity === undefined) return fail(reply, 400, "'identity' is a required property");
    const proven = prove(identity, auth);
    if (proven === undefined) return unauthorized(reply);
    const wanted = auth.scope?.project;
    let projectId = proven.projectId;
    if (wanted !== undefined) {
      const project =
        wanted.id !== undefined
          ? identity.projects.get(wanted.id)
          : identity.projectByName(wanted.name ?? '');
      if (project === undefined || (proven.projectId !== undefined && proven.projectId !== project.id)) {
        return unauthorized(reply);
      }
      projectId = project.id;
    }
    const issuedAt = Math.floor(Date.now() / 1000) * 1000;
    const claims: TokenClaims = {
      userId: proven.userId,
      projectId,
      methods: proven.methods,
      auditId: randomBytes(16).toString('base64url'),
      issuedAt,
      expiresAt: proven.expiresAt ?? issuedAt + context.tokenSeconds * 1000,
      ...(proven.credentialId === undefined ? {} : { credentialId: proven.credentialId }),
    };
    if (projectId !== undefined && identity.rolesOfToken(claims).length === 0) return unauthorized(reply);
    const withCatalog = !('nocatalog' in (request.query as object));
    return reply
      .code(201)
      .header('X-Subject-Token', identity.issue(claims))
      .header('Vary', 'X-Auth-Token')
      .send(tokenBody(claims, withCatalog));
  });

  /** The token asked about, or the answer to give instead. */
  const subject = (
    request: FastifyRequest,
    reply: FastifyReply,
    rule: string,
  ): TokenClaims | FastifyReply => {
    const claims = caller(request);
    if (claims === undefined) return unauthorized(reply);
    const token = headerOf(request, 'x-subject-token');
    const own = token === headerOf(request, 'x-auth-token');
    if (!own && !identity.rolesOfToken(claims).some(({ name }) => name === 'admin' || name === 'service')) {
      return fail(reply, 403, `You are not authorized to perform the requested action: identity:${rule}.`);
    }
    const about = identity.verify(token);
    if (about !== undefined) return about;
    const known = token.startsWith('gAAAAA') && token.includes('.');
    return fail(reply, 404, known ? 'Failed to validate token' : 'Could not recognize Fernet token');
  };
  const isClaims = (value: TokenClaims | FastifyReply): value is TokenClaims => 'auditId' in value;

  app.route({
    method: ['GET', 'HEAD'],
    url: '/identity/v3/auth/tokens',
    handler: async (request, reply) => {
      const about = subject(request, reply, 'validate_token');
      if (!isClaims(about)) return about;
      const withCatalog = !('nocatalog' in (request.query as object));
      return reply
        .header('X-Subject-Token', headerOf(request, 'x-subject-token'))
        .header('Vary', 'X-Auth-Token')
        .send(tokenBody(about, withCatalog));
    },
  });
  app.delete('/identity/v3/auth/tokens', async (request, reply) => {
    const about = subject(request, reply, 'revoke_token');
    if (!isClaims(about)) return about;
    identity.revoke(about);
    await context.save();
    return reply.code(204).send();
  });

  const userView = ({ id, name }: { id: string; name: string }): unknown => ({
    id,
    name,
    domain_id: DOMAIN.id,
    enabled: true,
    password_expires_at: null,
    options: {},
    links: { self: self(`users/${id}`) },
  });
  const projectView = ({ id, name }: { id: string; name: string }): unknown => ({
    id,
    name,
    domain_id: DOMAIN.id,
    description: '',
    enabled: true,
    parent_id: DOMAIN.id,
    is_domain: false,
    tags: [],
    options: {},
    links: { self: self(`projects/${id}`) },
  });
  const roleView = ({ id, name }: Role): unknown => ({
    id,
    name,
    domain_id: null,
    description: null,
    options: {},
    links: { self: self(`roles/${id}`) },
  });

  const kinds = [
    ['users', 'user', identity.users, userView],
    ['projects', 'project', identity.projects, projectView],
    ['roles', 'role', identity.roles, roleView],
  ] as const;
  for (const [plural, kind, rows, view] of kinds) {
    app.get(
      `/identity/v3/${plural}`,
      admin(`list_${plural}`, async (request) => {
        const { name } = request.query as { name?: string };
        const found = [...rows.values()].filter((row) => name === undefined || row.name === name);
        return list(
          request,
          plural,
          found.map((row) => view(row)),
        );
      }),
    );
    app.get<{ Params: { id: string } }>(`/identity/v3/${plural}/:id`, async (request, reply) => {
      const claims = caller(request);
      if (claims === undefined) return unauthorized(reply);
      const { id } = request.params;
      const isAdmin = identity.rolesOfToken(claims).some((role) => role.name === 'admin');
      if (!isAdmin && id !== claims.userId && id !== claims.projectId) {
        return fail(
          reply,
          403,
          `You are not authorized to perform the requested action: identity:get_${kind}.`,
        );
      }
      const row = rows.get(id);
      return row === undefined ? fail(reply, 404, `Could not find ${kind}: ${id}.`) : { [kind]: view(row) };
    });
    app.post(
      `/identity/v3/${plural}`,
      admin(`create_${kind}`, async (request, reply) => {
        const given = (request.body as Record<string, { name?: string; password?: string }> | null)?.[kind];
        if (given?.name === undefined) return fail(reply, 400, "'name' is a required property");
        const { name } = given;
        if ([...rows.values()].some((row) => row.name === name)) {
          const message = `Conflict occurred attempting to store ${kind} - Duplicate entry found with name ${name} at domain ID default.`;
          return fail(reply, 409, message);
        }
        const row = { id: hexId(), name };
        if (plural === 'users') identity.users.set(row.id, { ...row, password: given.password ?? hexId() });
        else if (plural === 'roles') identity.roles.set(row.id, row);
        else identity.projects.set(row.id, row);
        await context.save();
        return reply.code(201).send({ [kind]: view(row) });
      }),
    );
    app.delete(
      `/identity/v3/${plural}/:id`,
      admin(`delete_${kind}`, async (request, reply) => {
        const { id } = request.params as { id: string };
        if (!rows.delete(id)) return fail(reply, 404, `Could not find ${kind}: ${id}.`);
        for (const assignment of identity.assignments) {
          if (assignment.split('/').includes(id)) identity.assignments.delete(assignment);
        }
        await context.save();
        return reply.code(204).send();
      }),
    );
  }

  app.get(
    '/identity/v3/role_assignments',
    admin('list_role_assignments', async (request) => {
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
      return list(
        request,
        'role_assignments',
        found.map(([project, user, role]) => ({
          links: { assignment: self(`projects/${project}/users/${user}/roles/${role}`) },
          scope: { project: { id: project } },
          user: { id: user },
          role: { id: role },
        })),
      );
    }),
  );

  const grantUrl = '/identity/v3/projects/:project/users/:user/roles/:role';
  /** The assignment a path names, or Keystone's 404 for the part that does not exist. */
  const assignmentOf = (request: FastifyRequest, reply: FastifyReply): string | FastifyReply => {
    const { project, user, role } = request.params as PathIds;
    if (!identity.roles.has(role)) return fail(reply, 404, `Could not find role: ${role}.`);
    if (!identity.projects.has(project)) return fail(reply, 404, `Could not find project: ${project}.`);
    if (!identity.users.has(user)) return fail(reply, 404, `Could not find user: ${user}.`);
    return `${project}/${user}/${role}`;
  };
  app.put(
    grantUrl,
    admin('create_grant', async (request, reply) => {
      const assignment = assignmentOf(request, reply);
      if (typeof assignment !== 'string') return assignment;
      identity.assignments.add(assignment);
      await context.save();
      return reply.code(204).send();
    }),
  );
  app.delete(
    grantUrl,
    admin('revoke_grant', async (request, reply) => {
      const assignment = assignmentOf(request, reply);
      if (typeof assignment !== 'string') return assignment;
      if (!identity.assignments.delete(assignment)) {
        return fail(
          reply,
          404,
          `Could not find role assignment with role: ${(request.params as PathIds).role}.`,
        );
      }
      await context.save();
      return reply.code(204).send();
    }),
  );
  app.get(
    '/identity/v3/projects/:project/users/:user/roles',
    admin('list_grants', async (request) => {
      const { project, user } = request.params as PathIds;
      const direct = [...identity.roles.values()].filter((role) =>
        identity.assignments.has(`${project}/${user}/${role.id}`),
      );
      return list(request, 'roles', direct.map(roleView));
    }),
  );

  const credentialsUrl = '/identity/v3/users/:user/application_credentials';
  app.post(credentialsUrl, async (request, reply) => {
    const claims = caller(request);
    const { user } = request.params as PathIds;
    if (claims === undefined) return unauthorized(reply);
    if (claims.userId !== user || claims.projectId === undefined) {
      const message =
        'You are not authorized to perform the requested action: identity:create_application_credential.';
      return fail(reply, 403, message);
    }
    const given = (request.body as { application_credential?: { name?: string } } | null)
      ?.application_credential;
    if (given?.name === undefined) return fail(reply, 400, "'name' is a required property");
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
    await context.save();
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
        roles: roles.map(roleView),
        secret: credential.secret,
        links: { self: self(`application_credentials/${credential.id}`) },
      },
    });
  });
  app.delete(`${credentialsUrl}/:credential`, async (request, reply) => {
    const claims = caller(request);
    const { user, credential } = request.params as PathIds;
    if (claims === undefined) return unauthorized(reply);
    if (claims.userId !== user || !identity.credentials.delete(credential)) {
      return fail(reply, 404, `Could not find application credential: ${credential}.`);
    }
    await context.save();
    return reply.code(204).send();
  });
}

interface Proven {
  userId: string;
  methods: string[];
  projectId?: string;
  credentialId?: string;
  expiresAt?: number;
}

/** Who proves to be whom; undefined when the proof fails. */
function prove(identity: Identity, auth: NonNullable<AuthRequest['auth']>): Proven | undefined {
  const methods = auth.identity?.methods ?? [];
  const password = auth.identity?.password?.user;
  if (methods.includes('password') && password !== undefined) {
    const user =
      password.id !== undefined ? identity.users.get(password.id) : identity.userByName(password.name ?? '');
    return user !== undefined && user.password === password.password
      ? { userId: user.id, methods }
      : undefined;
  }
  const given = auth.identity?.application_credential;
  if (methods.includes('application_credential') && given !== undefined) {
    const credential = identity.credentials.get(given.id ?? '');
    if (credential === undefined || credential.secret !== given.secret) return undefined;
    return {
      userId: credential.userId,
      methods,
      projectId: credential.projectId,
      credentialId: credential.id,
    };
  }
  const token = auth.identity?.token?.id;
  if (methods.includes('token') && token !== undefined) {
    const claims = identity.verify(token);
    // A token got with a token does not live longer than the first.
    return claims === undefined ? undefined : { userId: claims.userId, methods, expiresAt: claims.expiresAt };
  }
  return undefined;
}

function headerOf(request: FastifyRequest, name: string): string {
  const value = request.headers[name];
  return (Array.isArray(value) ? value[0] : value) ?? '';
}

/** `2026-01-01T00:00:00.000000Z`. */
function keystoneTime(time: number): string {
  return `${new Date(time).toISOString().slice(0, -1)}000Z`;
}
