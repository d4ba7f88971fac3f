import { randomBytes } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { headerOf, type KeystoneApi } from './api.ts';
import { prove, type AuthRequest } from './authentication.ts';
import type { TokenClaims } from './identity.ts';
import { tokenView } from './views.ts';

const TOKENS = '/identity/v3/auth/tokens';

/** Getting, validating and revoking tokens. */
export function tokenRoutes(app: FastifyInstance, api: KeystoneApi): void {
  const { identity, tokenSeconds, save } = api.context;

  app.post(TOKENS, async (request, reply) => {
    const auth = (request.body as { auth?: AuthRequest } | null)?.auth;
    if (auth === undefined) {
      return api.fail(
        reply,
        400,
        'Expecting to find auth in request body. The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error.',
      );
    }
    if (auth.identity === undefined) return api.fail(reply, 400, "'identity' is a required property");
    const proven = prove(identity, auth);
    if (proven === undefined) return api.unauthorized(reply);
    const wanted = auth.scope?.project;
    let projectId = proven.projectId;
    if (wanted !== undefined) {
      const project =
        wanted.id !== undefined
          ? identity.projects.get(wanted.id)
          : identity.projectByName(wanted.name ?? '');
      if (project === undefined || (proven.projectId !== undefined && proven.projectId !== project.id)) {
        return api.unauthorized(reply);
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
      expiresAt: proven.expiresAt ?? issuedAt + tokenSeconds * 1000,
      ...(proven.credentialId === undefined ? {} : { credentialId: proven.credentialId }),
    };
    if (projectId !== undefined && identity.rolesOfToken(claims).length === 0) return api.unauthorized(reply);
    return reply
      .code(201)
      .header('X-Subject-Token', identity.issue(claims))
      .header('Vary', 'X-Auth-Token')
      .send(tokenView(api, claims, wantsCatalog(request)));
  });

  app.route({
    method: ['GET', 'HEAD'],
    url: TOKENS,
    handler: async (request, reply) => {
      const about = subject(api, request, reply, 'validate_token');
      if (!isClaims(about)) return about;
      return reply
        .header('X-Subject-Token', headerOf(request, 'x-subject-token'))
        .header('Vary', 'X-Auth-Token')
        .send(tokenView(api, about, wantsCatalog(request)));
    },
  });

  app.delete(TOKENS, async (request, reply) => {
    const about = subject(api, request, reply, 'revoke_token');
    if (!isClaims(about)) return about;
    identity.revoke(about);
    await save();
    return reply.code(204).send();
  });
}

function wantsCatalog(request: FastifyRequest): boolean {
  return !('nocatalog' in (request.query as object));
}

/** The token asked about, or the answer to give instead. */
function subject(
  api: KeystoneApi,
  request: FastifyRequest,
  reply: FastifyReply,
  rule: string,
): TokenClaims | FastifyReply {
  const { identity } = api.context;
  const claims = api.caller(request);
  if (claims === undefined) return api.unauthorized(reply);
  const token = headerOf(request, 'x-subject-token');
  const own = token === headerOf(request, 'x-auth-token');
  if (!own && !identity.rolesOfToken(claims).some(({ name }) => name === 'admin' || name === 'service')) {
    return api.forbidden(reply, rule);
  }
  const about = identity.verify(token);
  if (about !== undefined) return about;
  const known = token.startsWith('gAAAAA') && token.includes('.');
  return api.fail(reply, 404, known ? 'Failed to validate token' : 'Could not recognize Fernet token');
}

function isClaims(value: TokenClaims | FastifyReply): value is TokenClaims {
  return 'auditId' in value;
}
