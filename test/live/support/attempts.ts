import { IMAGE } from './lab-cluster.ts';
import type { Attempt } from './tenant.ts';

/** What somebody has in a cluster. */
export interface Belongings {
  namespace: string;
  /** Of the application, and so of its Deployment and its Service. */
  name: string;
  pod: string;
  /** Where the pod runs. */
  node: string;
}

const MERGE = 'application/merge-patch+json';
const UPGRADE = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
  'sec-websocket-protocol': 'v4.channel.k8s.io',
};
const RBAC = '/apis/rbac.authorization.k8s.io/v1';

const get = (path: string, headers?: Record<string, string>): Attempt => ({
  method: 'GET',
  path,
  ...(headers === undefined ? {} : { headers }),
});
const post = (path: string, body: unknown = {}): Attempt => ({ method: 'POST', path, body });
const merge = (path: string, body: unknown): Attempt => ({
  method: 'PATCH',
  path,
  body,
  contentType: MERGE,
});
const remove = (path: string): Attempt => ({ method: 'DELETE', path });

const podWith = (spec: object): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'intruder' },
  spec: { containers: [{ name: 'a', image: IMAGE }], ...spec },
});
const binding = (kind: string, name: string): object => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind,
  metadata: { name: 'intruder' },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
  subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:authenticated' }],
});

/** What nobody may in a namespace past Cetus, not even whose it is. */
export function makingThingsIn({ namespace, name, pod, node }: Belongings): Attempt[] {
  const core = `/api/v1/namespaces/${namespace}`;
  const apps = `/apis/apps/v1/namespaces/${namespace}`;
  const net = `/apis/networking.k8s.io/v1/namespaces/${namespace}`;
  const rbac = `${RBAC}/namespaces/${namespace}`;
  return [
    ...[
      {},
      { containers: [{ name: 'a', image: IMAGE, securityContext: { privileged: true } }] },
      { volumes: [{ name: 'root', hostPath: { path: '/' } }] },
      { hostNetwork: true },
      { hostPID: true },
      { nodeName: node },
    ].map((spec) => post(`${core}/pods`, podWith(spec))),
    ...['secrets', `secrets/${name}-db`, 'serviceaccounts', 'serviceaccounts/default'].map((what) =>
      get(`${core}/${what}`),
    ),
    get(`${core}/secrets?watch=1`),
    post(`${core}/serviceaccounts/default/token`, {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: {},
    }),
    merge(`${core}/serviceaccounts/default`, { automountServiceAccountToken: true }),
    merge(`${core}/pods/${pod}`, { metadata: { labels: { 'cetus.io/application': 'x' } } }),
    merge(`${core}/pods/${pod}/status`, { status: { phase: 'Failed' } }),
    merge(`${core}/pods/${pod}/ephemeralcontainers`, { spec: { ephemeralContainers: [] } }),
    post(`${core}/pods/${pod}/eviction`),
    post(`${core}/pods/${pod}/binding`),
    post(`${core}/bindings`),
    // What `kubectl proxy` and the dashboard go by.
    get(`${core}/pods/${pod}/proxy/`),
    get(`${core}/pods/${pod}:8080/proxy/`),
    get(`${core}/services/${name}/proxy/`),
    get(`${core}/services/http:${name}:80/proxy/`),
    post(`${core}/services`, {
      metadata: { name: 'i' },
      spec: { type: 'ExternalName', externalName: 'a.b' },
    }),
    merge(`${core}/services/${name}`, { spec: { externalIPs: ['10.0.0.1'] } }),
    post(`${core}/configmaps`, { metadata: { name: 'i' } }),
    post(`${core}/secrets`, { metadata: { name: 'i' } }),
    post(`${core}/persistentvolumeclaims`),
    merge(`${core}/resourcequotas/cetus`, { spec: { hard: { pods: '9999' } } }),
    remove(`${core}/resourcequotas`),
    remove(`${core}/limitranges`),
    merge(core, { metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'privileged' } } }),
    remove(core),
    post(`${core}/events`),
    post(`${apps}/deployments`),
    merge(`${apps}/deployments/${name}`, { spec: { template: { spec: { hostNetwork: true } } } }),
    merge(`${apps}/deployments/${name}/scale`, { spec: { replicas: 9 } }),
    remove(`${apps}/deployments/${name}`),
    post(`${apps}/daemonsets`),
    post(`/apis/batch/v1/namespaces/${namespace}/jobs`),
    remove(`${net}/networkpolicies/cetus-default-deny`),
    merge(`${net}/networkpolicies/cetus-same-project`, { spec: { ingress: [{}] } }),
    post(`${net}/networkpolicies`),
    post(`${net}/ingresses`),
    get(`${rbac}/roles`),
    get(`${rbac}/rolebindings`),
    post(`${rbac}/rolebindings`, binding('RoleBinding', 'cluster-admin')),
    post(`${rbac}/roles`, {
      metadata: { name: 'i' },
      rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }],
    }),
    merge(`${rbac}/roles/cetus-user`, { rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }] }),
    remove(`${rbac}/rolebindings/cetus-user`),
  ];
}

/** What whoever has a namespace may do there, and nobody else. */
export function lookingIn({ namespace, name, pod }: Belongings): Attempt[] {
  const core = `/api/v1/namespaces/${namespace}`;
  return [
    ...[
      'pods',
      'services',
      'endpoints',
      'configmaps',
      'events',
      'persistentvolumeclaims',
      'resourcequotas',
    ].map((what) => get(`${core}/${what}`)),
    ...['pods', 'configmaps'].map((what) => get(`${core}/${what}?watch=1&timeoutSeconds=5`)),
    get(`${core}/pods/${pod}`),
    get(`${core}/pods/${pod}/log`),
    get(`${core}/configmaps/${name}-files`),
    get(`/apis/apps/v1/namespaces/${namespace}/deployments/${name}`),
    get(`/apis/networking.k8s.io/v1/namespaces/${namespace}/networkpolicies`),
  ];
}

/** Streams of a pod and its end: of the tenant's own these are tried one by one. */
export function workingIn({ namespace, pod }: Belongings): Attempt[] {
  const path = `/api/v1/namespaces/${namespace}/pods/${pod}`;
  return [
    ...['exec?command=id&stdout=true', 'attach?stdout=true', 'portforward?ports=8080'].flatMap((what) => [
      get(`${path}/${what}`, UPGRADE),
      { method: 'POST', path: `${path}/${what}` },
    ]),
    remove(path),
    remove(path.replace(/\/[^/]+$/, '')),
  ];
}

/** What is nobody's alone. */
export function reachingOut({ namespace, pod, node }: Belongings): Attempt[] {
  const victim = `/api/v1/namespaces/${namespace}`;
  const impersonate = (headers: Record<string, string>): Attempt => get(`${victim}/pods`, headers);
  return [
    ...[
      'namespaces',
      'pods',
      'secrets',
      'configmaps',
      'services',
      'events',
      'nodes',
      'persistentvolumes',
    ].map((what) => get(`/api/v1/${what}`)),
    get('/api/v1/pods?labelSelector=app.kubernetes.io/managed-by%3Dcetus'),
    get('/api/v1/pods?watch=1'),
    get('/api/v1/secrets?watch=1'),
    get(`/api/v1/pods?fieldSelector=metadata.namespace%3D${namespace}`),
    get(`/api/v1/watch/namespaces/${namespace}/pods`),
    get(`/api/v1/watch/namespaces/${namespace}/secrets`),
    get(victim),
    get('/api/v1/namespaces/kube-system/secrets'),
    get('/api/v1/namespaces/kube-system/configmaps'),
    get('/api/v1/namespaces/default/pods'),
    get('/api/v1/namespaces/cetus-trial/pods'),
    post('/api/v1/namespaces', { metadata: { name: 'intruder' } }),
    post('/api/v1/namespaces/kube-system/pods', podWith({})),
    post('/api/v1/namespaces/default/pods', podWith({})),
    get(`/api/v1/nodes/${node}/proxy/pods`),
    get(`/api/v1/nodes/${node}/proxy/logs/`),
    get(`/api/v1/nodes/${node}:10250/proxy/runningpods/`),
    merge(`/api/v1/nodes/${node}`, { spec: { unschedulable: true } }),
    post('/api/v1/persistentvolumes'),
    get('/logs/'),
    get('/metrics'),
    get('/debug/pprof/'),
    get('/apis/apps/v1/deployments'),
    get('/apis/networking.k8s.io/v1/ingresses'),
    get(`${RBAC}/clusterroles`),
    get(`${RBAC}/clusterrolebindings`),
    post(`${RBAC}/clusterrolebindings`, binding('ClusterRoleBinding', 'cluster-admin')),
    merge(`${RBAC}/clusterroles/cluster-admin`, { rules: [] }),
    get('/apis/certificates.k8s.io/v1/certificatesigningrequests'),
    post('/apis/certificates.k8s.io/v1/certificatesigningrequests', {
      metadata: { name: 'intruder' },
      spec: { request: '', signerName: 'kubernetes.io/kube-apiserver-client', usages: ['client auth'] },
    }),
    post('/apis/apiextensions.k8s.io/v1/customresourcedefinitions'),
    post('/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations'),
    post('/apis/apiregistration.k8s.io/v1/apiservices'),
    post('/apis/scheduling.k8s.io/v1/priorityclasses'),
    post('/apis/authentication.k8s.io/v1/tokenreviews', { spec: { token: 'x' } }),
    post('/apis/authorization.k8s.io/v1/subjectaccessreviews', { spec: { user: 'admin' } }),
    impersonate({ 'impersonate-user': 'admin', 'impersonate-group': 'system:masters' }),
    impersonate({ 'impersonate-user': `system:serviceaccount:kube-system:default` }),
    impersonate({ 'impersonate-user': 'system:anonymous' }),
    // A path that another part of the server might read in another way.
    get(`/api/v1/namespaces/${namespace}/pods/../secrets`),
    get(`/api/v1/namespaces/${namespace}%2Fpods%2F${pod}`),
    get(`//api/v1/namespaces/${namespace}/pods`),
  ];
}
