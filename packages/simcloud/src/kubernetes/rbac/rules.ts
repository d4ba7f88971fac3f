import { fieldsOf, listOf, type Fields, type KubeObject } from '../objects.ts';
import type { ObjectStore } from '../store.ts';
import type { User } from '../api/authentication.ts';

/** What is to be done, in RBAC's words. */
export interface Access {
  verb: string;
  group?: string;
  /** With its subresource: `pods/log`. */
  resource?: string;
  name?: string;
  namespace?: string;
  /** Instead of a resource. */
  path?: string;
}

interface Rule {
  verbs?: string[];
  apiGroups?: string[];
  resources?: string[];
  resourceNames?: string[];
  nonResourceURLs?: string[];
}

const ROLES = 'roles.rbac.authorization.k8s.io';
const CLUSTER_ROLES = 'clusterroles.rbac.authorization.k8s.io';
const BINDINGS = 'rolebindings.rbac.authorization.k8s.io';
const CLUSTER_BINDINGS = 'clusterrolebindings.rbac.authorization.k8s.io';

/** True when a user may do something, by the roles bound to them; `system:masters` may do everything. */
export function isAllowed(store: ObjectStore, user: User, access: Access): boolean {
  if (user.groups.includes('system:masters')) return true;
  return rulesOf(store, user, access.namespace).some((rule) => allows(rule, access));
}

/** The rules that hold for a user in a namespace, cluster-wide ones included. */
export function rulesOf(store: ObjectStore, user: User, namespace: string | undefined): Rule[] {
  const rules: Rule[] = [];
  for (const binding of store.values(CLUSTER_BINDINGS))
    if (isBound(binding, user)) rules.push(...roleRules(store, binding, undefined));
  if (namespace === undefined || namespace === '') return rules;
  for (const [, binding] of store.list(BINDINGS, namespace))
    if (isBound(binding, user)) rules.push(...roleRules(store, binding, namespace));
  return rules;
}

function roleRules(store: ObjectStore, binding: KubeObject, namespace: string | undefined): Rule[] {
  const { kind, name } = fieldsOf(binding['roleRef']);
  const role =
    kind === 'ClusterRole'
      ? store.get(CLUSTER_ROLES, undefined, String(name))
      : store.get(ROLES, namespace, String(name));
  return listOf<Rule>(role?.['rules']);
}

function isBound(binding: KubeObject, user: User): boolean {
  return listOf<Fields>(binding['subjects']).some(({ kind, name, namespace }) => {
    if (kind === 'Group') return user.groups.includes(String(name));
    if (kind === 'User') return user.name === name;
    return user.name === `system:serviceaccount:${String(namespace)}:${String(name)}`;
  });
}

function has(list: readonly string[] | undefined, value: string): boolean {
  return list !== undefined && (list.includes('*') || list.includes(value));
}

function allows(rule: Rule, access: Access): boolean {
  if (!has(rule.verbs, access.verb)) return false;
  const { path, resource = '' } = access;
  if (path !== undefined) {
    return (rule.nonResourceURLs ?? []).some(
      (url) => url === path || url === '*' || (url.endsWith('*') && path.startsWith(url.slice(0, -1))),
    );
  }
  const [, subresource] = resource.split('/');
  const isResource =
    has(rule.resources, resource) ||
    (subresource !== undefined && (rule.resources ?? []).includes(`*/${subresource}`));
  return (
    has(rule.apiGroups, access.group ?? '') &&
    isResource &&
    (rule.resourceNames === undefined ||
      rule.resourceNames.length === 0 ||
      rule.resourceNames.includes(access.name ?? ''))
  );
}
