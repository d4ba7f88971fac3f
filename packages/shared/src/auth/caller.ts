import { AuthError } from './auth-error.ts';
import type { TokenInfo } from './token-validator.ts';

/** Who asks: the scope that every store method takes. */
export interface Caller {
  userId: string;
  userName: string;
  projectId: string;
  roles: readonly string[];
  /** The id of the request, for logs, answers and notifications. */
  requestId: string;
}

/** OpenStack's default roles; each can do what the ones before it can. */
export type Role = 'reader' | 'member' | 'admin';

const RANK: Readonly<Record<Role, number>> = { reader: 1, member: 2, admin: 3 };

/** @throws AuthError `token_unscoped` when the token is for no project. */
export function toCaller(token: TokenInfo, requestId: string): Caller {
  const { userId, userName, projectId, roles } = token;
  if (projectId === undefined) {
    throw new AuthError(
      'token_unscoped',
      'The token is not scoped to a project; ask Keystone for one that is.',
    );
  }
  return { userId, userName, projectId, roles, requestId };
}

/** Whether one of the roles is `role` or one that includes it. Keystone takes role names without regard to case. */
export function hasRole(caller: Pick<Caller, 'roles'>, role: Role): boolean {
  return caller.roles.some((name) => {
    const key = name.toLowerCase();
    return Object.hasOwn(RANK, key) && RANK[key as Role] >= RANK[role];
  });
}

/** @throws AuthError `forbidden` when the caller has neither the role nor one that includes it. */
export function requireRole(caller: Pick<Caller, 'roles'>, role: Role): void {
  if (!hasRole(caller, role)) throw new AuthError('forbidden', `This needs the role ${role} in the project.`);
}
