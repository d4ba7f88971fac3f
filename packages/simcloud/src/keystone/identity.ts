import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { hexId, stableHexId } from '../ids.ts';

export interface User {
  id: string;
  name: string;
  password: string;
}
export interface Project {
  id: string;
  name: string;
}
export interface Role {
  id: string;
  name: string;
}
export interface ApplicationCredential {
  id: string;
  name: string;
  secret: string;
  userId: string;
  projectId: string;
  roleIds: string[];
}

/** What is inside a token; the rest is looked up when it is used, as with Fernet tokens. */
export interface TokenClaims {
  userId: string;
  projectId: string | undefined;
  methods: string[];
  auditId: string;
  /** Milliseconds since 1970. */
  issuedAt: number;
  expiresAt: number;
  /** Limits the roles, for an application credential. */
  credentialId?: string;
}

interface IdentityDocument {
  key: string;
  users: User[];
  projects: Project[];
  roles: Role[];
  assignments: string[];
  credentials: ApplicationCredential[];
  revoked: [string, number][];
}

/** Roles another role brings with it (Keystone's bootstrap rules). */
const IMPLIED: Record<string, readonly string[]> = { admin: ['member'], member: ['reader'] };

/** Password of every user that is given none. */
export const DEFAULT_PASSWORD = 'devpw';

/**
 * Users, projects, roles and their assignments, and the signing of tokens. A token is its claims with a signature, so
 * it outlives a restart without being stored; revoked ones are listed until they would have expired.
 */
export class Identity {
  #key = randomBytes(32);
  readonly users = new Map<string, User>();
  readonly projects = new Map<string, Project>();
  readonly roles = new Map<string, Role>();
  readonly credentials = new Map<string, ApplicationCredential>();
  /** `<project>/<user>/<role>`. */
  readonly assignments = new Set<string>();
  readonly #revoked = new Map<string, number>();

  constructor(passwords: Readonly<Record<string, string>> = {}) {
    for (const name of ['admin', 'member', 'reader', 'service', 'heat_stack_owner'])
      this.#add(this.roles, 'role', name);
    for (const name of ['admin', 'service', 'demo', 'demo2']) this.#add(this.projects, 'project', name);
    for (const name of ['admin', 'demo', 'demo2', 'demo-reader', 'cetus']) {
      this.users.set(stableHexId(`user/${name}`), {
        id: stableHexId(`user/${name}`),
        name,
        password: passwords[name] ?? DEFAULT_PASSWORD,
      });
    }
    for (const role of ['admin', 'heat_stack_owner']) this.#assign('admin', 'admin', role);
    for (const name of ['demo', 'demo2']) {
      for (const role of ['member', 'reader', 'heat_stack_owner']) this.#assign(name, name, role);
    }
    this.#assign('demo', 'demo-reader', 'reader');
    for (const role of ['admin', 'service']) this.#assign('service', 'cetus', role);
  }

  /** Takes over what a former run has stored; passwords given now win over stored ones. */
  restore(document: unknown, passwords: Readonly<Record<string, string>> = {}): void {
    const stored = document as IdentityDocument;
    this.#key = Buffer.from(stored.key, 'base64');
    for (const user of stored.users)
      this.users.set(user.id, { ...user, password: passwords[user.name] ?? user.password });
    for (const project of stored.projects) this.projects.set(project.id, project);
    for (const role of stored.roles) this.roles.set(role.id, role);
    for (const credential of stored.credentials) this.credentials.set(credential.id, credential);
    this.assignments.clear();
    for (const assignment of stored.assignments) this.assignments.add(assignment);
    for (const [auditId, until] of stored.revoked) this.#revoked.set(auditId, until);
  }

  toDocument(): IdentityDocument {
    return {
      key: this.#key.toString('base64'),
      users: [...this.users.values()],
      projects: [...this.projects.values()],
      roles: [...this.roles.values()],
      assignments: [...this.assignments],
      credentials: [...this.credentials.values()],
      revoked: [...this.#revoked],
    };
  }

  userByName(name: string): User | undefined {
    return [...this.users.values()].find((user) => user.name === name);
  }

  projectByName(name: string): Project | undefined {
    return [...this.projects.values()].find((project) => project.name === name);
  }

  /** Roles of a user in a project, implied ones included. */
  rolesOf(userId: string, projectId: string): Role[] {
    const names = new Set<string>();
    const add = (name: string): void => {
      if (names.has(name)) return;
      names.add(name);
      for (const implied of IMPLIED[name] ?? []) add(implied);
    };
    const all = [...this.roles.values()];
    for (const role of all) if (this.assignments.has(`${projectId}/${userId}/${role.id}`)) add(role.name);
    return all.filter((role) => names.has(role.name));
  }

  /** Roles a token carries now; empty when the user has lost them all. */
  rolesOfToken(claims: TokenClaims): Role[] {
    if (claims.projectId === undefined) return [];
    const roles = this.rolesOf(claims.userId, claims.projectId);
    if (claims.credentialId === undefined) return roles;
    const allowed = this.credentials.get(claims.credentialId)?.roleIds ?? [];
    return roles.filter((role) => allowed.includes(role.id));
  }

  /** Signs a token. */
  issue(claims: TokenClaims): string {
    const body = Buffer.from(JSON.stringify(claims)).toString('base64url');
    return `gAAAAA${body}.${this.#sign(body)}`;
  }

  /** Claims of a token that is genuine, alive and not revoked, and whose user still has a role in its project. */
  verify(token: string): TokenClaims | undefined {
    const [head, signature] = token.split('.');
    if (head === undefined || signature === undefined || !head.startsWith('gAAAAA')) return undefined;
    const body = head.slice(6);
    const expected = Buffer.from(this.#sign(body));
    const given = Buffer.from(signature);
    if (expected.length !== given.length || !timingSafeEqual(expected, given)) return undefined;
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as TokenClaims;
    if (claims.expiresAt <= Date.now() || this.#revoked.has(claims.auditId)) return undefined;
    if (!this.users.has(claims.userId)) return undefined;
    if (claims.credentialId !== undefined && !this.credentials.has(claims.credentialId)) return undefined;
    if (claims.projectId !== undefined && this.rolesOfToken(claims).length === 0) return undefined;
    return claims;
  }

  revoke(claims: TokenClaims): void {
    const now = Date.now();
    for (const [auditId, until] of this.#revoked) if (until <= now) this.#revoked.delete(auditId);
    this.#revoked.set(claims.auditId, claims.expiresAt);
  }

  addUser(name: string, password: string): User {
    const user = { id: hexId(), name, password };
    this.users.set(user.id, user);
    return user;
  }

  #sign(body: string): string {
    return createHmac('sha256', this.#key).update(body).digest('base64url');
  }

  #add(map: Map<string, { id: string; name: string }>, kind: string, name: string): void {
    const id = stableHexId(`${kind}/${name}`);
    map.set(id, { id, name });
  }

  #assign(project: string, user: string, role: string): void {
    this.assignments.add(
      [stableHexId(`project/${project}`), stableHexId(`user/${user}`), stableHexId(`role/${role}`)].join('/'),
    );
  }
}
