import type { Identity } from './identity.ts';

/** What a request for a token carries. */
export interface AuthRequest {
  identity?: {
    methods?: string[];
    password?: { user?: { id?: string; name?: string; password?: string } };
    application_credential?: { id?: string; secret?: string };
    token?: { id?: string };
  };
  scope?: { project?: { id?: string; name?: string } };
}

/** Whom a request has proven to come from, and what limits the token it gets. */
export interface Proven {
  userId: string;
  methods: string[];
  projectId?: string;
  credentialId?: string;
  expiresAt?: number;
}

/** Who proves to be whom; undefined when the proof fails. */
export function prove(identity: Identity, auth: AuthRequest): Proven | undefined {
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
