import type { CatalogEntry } from './catalog.ts';
import type { HttpClientOptions } from './http.ts';

/** A user with a password, scoped to a project by id or by name and domain. */
export interface PasswordCredentials {
  type: 'password';
  username: string;
  password: string;
  /** Domain of the user. Default `Default`. */
  userDomainName?: string;
  projectId?: string;
  projectName?: string;
  /** Domain of the project. Default: the user's. */
  projectDomainName?: string;
}

/** An application credential: bound to the user and the project it was made for. */
export interface ApplicationCredentials {
  type: 'application_credential';
  id: string;
  secret: string;
}

export type Credentials = PasswordCredentials | ApplicationCredentials;

/** How a {@link KeystoneSession} behaves. */
export interface KeystoneSessionOptions {
  /** Identity endpoint, with or without `/v3`. */
  authUrl: string;
  credentials: Credentials;
  /** Region of the endpoints; any when not given. */
  region?: string;
  /** Interface of the endpoints. Default `public`. */
  interface?: string;
  /** A token is renewed when less than this is left, and never later than after nine tenths of its life. Seconds, default 120. */
  renewBeforeSeconds?: number;
  /** Sessions of other projects kept at a time; the least used one goes first. Default 500. */
  maxProjectSessions?: number;
  /** Roles the session gives its own user in a project that refuses it. Needs an admin token. Default none. */
  grantRoles?: readonly string[];
  http?: HttpClientOptions;
}

/** The body of a token as Keystone sends it (Identity API v3). */
export interface TokenBody {
  user: { id: string; name: string; domain: { id: string; name: string } };
  project?: { id: string; name: string; domain: { id: string; name: string } };
  roles?: { id: string; name: string }[];
  catalog?: CatalogEntry[];
  audit_ids: string[];
  issued_at: string;
  expires_at: string;
}

/** Who a token belongs to. */
export interface TokenIdentity {
  userId: string;
  userName: string;
  /** Undefined for an unscoped (or domain- or system-scoped) token. */
  projectId: string | undefined;
  projectName: string | undefined;
  /** Domain of the user. */
  domainId: string;
  /** Role names in the project; empty for an unscoped token. */
  roles: string[];
  expiresAt: Date;
  auditIds: string[];
}

/** Reads the identity out of a token body. */
export function tokenIdentity(token: TokenBody): TokenIdentity {
  return {
    userId: token.user.id,
    userName: token.user.name,
    projectId: token.project?.id,
    projectName: token.project?.name,
    domainId: token.user.domain.id,
    roles: (token.roles ?? []).map((role) => role.name),
    expiresAt: new Date(token.expires_at),
    auditIds: token.audit_ids,
  };
}

/** The `auth` object of `POST /v3/auth/tokens`. */
export function authBody(credentials: Credentials, projectId: string | undefined): unknown {
  if (credentials.type === 'application_credential') {
    const { id, secret } = credentials;
    return {
      auth: { identity: { methods: ['application_credential'], application_credential: { id, secret } } },
    };
  }
  const userDomain = { name: credentials.userDomainName ?? 'Default' };
  const project = projectId ?? credentials.projectId;
  const projectDomain = credentials.projectDomainName ?? userDomain.name;
  const scope =
    project !== undefined
      ? { project: { id: project } }
      : credentials.projectName !== undefined
        ? { project: { name: credentials.projectName, domain: { name: projectDomain } } }
        : undefined;
  const user = { name: credentials.username, domain: userDomain, password: credentials.password };
  return {
    auth: {
      identity: { methods: ['password'], password: { user } },
      ...(scope === undefined ? {} : { scope }),
    },
  };
}
