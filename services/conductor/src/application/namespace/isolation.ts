import { createHash } from 'node:crypto';
import type { Manifest } from '@cetus/kubernetes/apply';
import { MANAGED_BY, MANAGED_BY_LABEL, PROJECT_LABEL, USER_LABEL } from '@cetus/shared/schemas';
import type { NamespacePolicy } from './policy.ts';

/** Whose a namespace is. */
export interface NamespaceOwner {
  namespace: string;
  projectId: string;
  userId: string;
}

/** Of a namespace: which rules it has, so that they are not all asked for every time. */
export const RULES_ANNOTATION = 'cetus.io/rules';
/** Of a namespace: what was last put into it for the first time. Each time it changes, so that nobody takes the namespace away meanwhile. */
const LATEST_ANNOTATION = 'cetus.io/latest';

const READ = ['get', 'list', 'watch'];

/**
 * What keeps a namespace to itself: what its user may do there, how much there may be, and who may send to its pods. Egress is free: what
 * it could reach within the cluster is kept by the same rules.
 */
export function isolationOf(owner: NamespaceOwner, policy: NamespacePolicy): Manifest[] {
  const { namespace, userId } = owner;
  const object = (apiVersion: string, kind: string, name: string, body: object): Manifest => ({
    apiVersion,
    kind,
    metadata: { name, namespace, labels: { [MANAGED_BY_LABEL]: MANAGED_BY } },
    ...body,
  });
  const rbac = 'rbac.authorization.k8s.io';
  const { quota, limits } = policy;
  return [
    ...(Object.keys(quota).length === 0
      ? []
      : [object('v1', 'ResourceQuota', 'cetus', { spec: { hard: quota } })]),
    ...(limits.length === 0 ? [] : [object('v1', 'LimitRange', 'cetus', { spec: { limits } })]),
    object(`${rbac}/v1`, 'Role', 'cetus-user', { rules: USER_RULES }),
    object(`${rbac}/v1`, 'RoleBinding', 'cetus-user', {
      roleRef: { apiGroup: rbac, kind: 'Role', name: 'cetus-user' },
      subjects: [{ apiGroup: rbac, kind: 'User', name: userId }],
    }),
    object('networking.k8s.io/v1', 'NetworkPolicy', 'cetus-default-deny', {
      spec: { podSelector: {}, policyTypes: ['Ingress'] },
    }),
    object('networking.k8s.io/v1', 'NetworkPolicy', 'cetus-same-project', {
      spec: {
        podSelector: {},
        policyTypes: ['Ingress'],
        ingress: [
          {
            from: [{ namespaceSelector: { matchLabels: { [PROJECT_LABEL]: labelValue(owner.projectId) } } }],
          },
        ],
      },
    }),
  ];
}

/**
 * What the user may do there with a certificate or a token of the cluster: look, and work in pods that there are. What is made there is
 * made through Cetus, which knows what may not be: `edit` would be a way around it in clusters without Pod Security.
 */
const USER_RULES = [
  {
    apiGroups: [''],
    resources: [
      'pods',
      'pods/status',
      'services',
      'endpoints',
      'configmaps',
      'persistentvolumeclaims',
      'events',
      'resourcequotas',
      'limitranges',
    ],
    verbs: READ,
  },
  { apiGroups: [''], resources: ['pods/log'], verbs: ['get'] },
  { apiGroups: [''], resources: ['pods/exec', 'pods/attach', 'pods/portforward'], verbs: ['create', 'get'] },
  { apiGroups: [''], resources: ['pods'], verbs: ['delete'] },
  {
    apiGroups: ['apps', 'batch', 'autoscaling', 'networking.k8s.io', 'policy', 'metrics.k8s.io'],
    resources: ['*'],
    verbs: READ,
  },
];

/** The namespace itself. `latest` says what is put into it for the first time; undefined: nothing. */
export function namespaceManifest(
  owner: NamespaceOwner,
  policy: NamespacePolicy,
  latest: string | undefined,
): Manifest {
  const level = policy.podSecurity;
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: {
      name: owner.namespace,
      labels: {
        [MANAGED_BY_LABEL]: MANAGED_BY,
        [PROJECT_LABEL]: labelValue(owner.projectId),
        [USER_LABEL]: labelValue(owner.userId),
        'pod-security.kubernetes.io/enforce': level,
        'pod-security.kubernetes.io/warn': level,
      },
      annotations: {
        [RULES_ANNOTATION]: rulesHash(owner, policy),
        ...(latest === undefined ? {} : { [LATEST_ANNOTATION]: latest }),
      },
    },
  };
}

/** Of all the rules of a namespace. */
export function rulesHash(owner: NamespaceOwner, policy: NamespacePolicy): string {
  const rules = { manifests: isolationOf(owner, policy), podSecurity: policy.podSecurity };
  return createHash('sha256').update(JSON.stringify(rules)).digest('hex').slice(0, 16);
}

/** An id as a label can have it: Keystone's may be longer than one. */
export function labelValue(id: string): string {
  if (/^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/.test(id)) return id;
  return createHash('sha256').update(id).digest('hex').slice(0, 60);
}
