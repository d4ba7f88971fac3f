import type { KeystoneApi } from './api.ts';
import { makeCatalog } from './catalog.ts';
import type { Project, Role, TokenClaims, User } from './identity.ts';

const DOMAIN = { id: 'default', name: 'Default' };

export function userView(api: KeystoneApi, { id, name }: Pick<User, 'id' | 'name'>): unknown {
  return {
    id,
    name,
    domain_id: DOMAIN.id,
    enabled: true,
    password_expires_at: null,
    options: {},
    links: { self: api.href(`users/${id}`) },
  };
}

export function projectView(api: KeystoneApi, { id, name }: Project): unknown {
  return {
    id,
    name,
    domain_id: DOMAIN.id,
    description: '',
    enabled: true,
    parent_id: DOMAIN.id,
    is_domain: false,
    tags: [],
    options: {},
    links: { self: api.href(`projects/${id}`) },
  };
}

export function roleView(api: KeystoneApi, { id, name }: Role): unknown {
  return {
    id,
    name,
    domain_id: null,
    description: null,
    options: {},
    links: { self: api.href(`roles/${id}`) },
  };
}

/** What a token says of its owner; with a project also the roles there and, if wanted, the catalog. */
export function tokenView(api: KeystoneApi, claims: TokenClaims, withCatalog: boolean): unknown {
  const { identity, base, extras } = api.context;
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
            ...(withCatalog ? { catalog: makeCatalog(base(), project.id, extras) } : {}),
          }),
    },
  };
}

/** `2026-01-01T00:00:00.000000Z`. */
function keystoneTime(time: number): string {
  return `${new Date(time).toISOString().slice(0, -1)}000Z`;
}
