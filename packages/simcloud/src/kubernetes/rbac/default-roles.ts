import type { Fields } from '../objects.ts';

const READ = ['get', 'list', 'watch'];
const WRITE = ['create', 'delete', 'deletecollection', 'patch', 'update'];
const CORE = [
  'pods',
  'services',
  'configmaps',
  'endpoints',
  'persistentvolumeclaims',
  'replicationcontrollers',
  'replicationcontrollers/scale',
  'serviceaccounts',
];
const CORE_READ = [
  ...CORE,
  'bindings',
  'events',
  'limitranges',
  'namespaces',
  'namespaces/status',
  'persistentvolumeclaims/status',
  'pods/log',
  'pods/status',
  'replicationcontrollers/status',
  'resourcequotas',
  'resourcequotas/status',
  'services/status',
];
const APPS = [
  'daemonsets',
  'deployments',
  'deployments/scale',
  'replicasets',
  'replicasets/scale',
  'statefulsets',
  'statefulsets/scale',
];
const OTHER: [string, string[]][] = [
  ['apps', APPS],
  ['autoscaling', ['horizontalpodautoscalers']],
  ['batch', ['cronjobs', 'jobs']],
  ['policy', ['poddisruptionbudgets']],
  ['networking.k8s.io', ['ingresses', 'networkpolicies']],
  ['discovery.k8s.io', ['endpointslices']],
];

function rule(group: string, resources: string[], verbs: string[]): Fields {
  return { apiGroups: [group], resources, verbs };
}

const VIEW = [rule('', CORE_READ, READ), ...OTHER.map(([group, resources]) => rule(group, resources, READ))];
const EDIT = [
  ...VIEW,
  rule(
    '',
    [...CORE, 'secrets', 'pods/attach', 'pods/exec', 'pods/portforward', 'pods/proxy', 'services/proxy'],
    [...READ, ...WRITE],
  ),
  rule('', ['pods/eviction'], ['create']),
  ...OTHER.map(([group, resources]) => rule(group, resources, WRITE)),
  rule('coordination.k8s.io', ['leases'], [...READ, ...WRITE]),
];
const DISCOVERY = [
  '/api',
  '/api/*',
  '/apis',
  '/apis/*',
  '/healthz',
  '/livez',
  '/openapi',
  '/openapi/*',
  '/readyz',
  '/version',
  '/version/',
];
const HEALTH = ['/healthz', '/livez', '/readyz', '/version', '/version/'];

/** The rules of the cluster roles that every cluster has; shared by all clusters. */
export const DEFAULT_CLUSTER_ROLES: Readonly<Record<string, Fields[]>> = {
  'cluster-admin': [rule('*', ['*'], ['*']), { nonResourceURLs: ['*'], verbs: ['*'] }],
  admin: [
    ...EDIT,
    rule('rbac.authorization.k8s.io', ['rolebindings', 'roles'], [...READ, ...WRITE]),
    rule('authorization.k8s.io', ['localsubjectaccessreviews'], ['create']),
  ],
  edit: EDIT,
  view: VIEW,
  'system:basic-user': [
    rule('authorization.k8s.io', ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'], ['create']),
  ],
  'system:discovery': [{ nonResourceURLs: DISCOVERY, verbs: ['get'] }],
  'system:public-info-viewer': [{ nonResourceURLs: HEALTH, verbs: ['get'] }],
  'system:node': [
    rule(
      '',
      ['nodes', 'nodes/status', 'pods', 'pods/status', 'services', 'configmaps', 'secrets', 'events'],
      ['*'],
    ),
    rule('coordination.k8s.io', ['leases'], ['*']),
    rule('certificates.k8s.io', ['certificatesigningrequests'], ['create', ...READ]),
  ],
};

/** Groups that each default role is bound to. */
export const DEFAULT_CLUSTER_BINDINGS: Readonly<Record<string, readonly string[]>> = {
  'cluster-admin': ['system:masters'],
  'system:basic-user': ['system:authenticated'],
  'system:discovery': ['system:authenticated'],
  'system:public-info-viewer': ['system:authenticated', 'system:unauthenticated'],
};
