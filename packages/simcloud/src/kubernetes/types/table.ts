import { pathReader, type FieldReader } from '../api/selectors.ts';
import { autoscalerFromV1, autoscalerToV1 } from './autoscaler-versions.ts';
import * as defaults from './defaults.ts';
import { resourceType, type ResourceRow, type ResourceType } from './resource-type.ts';
import * as config from './validation/config.ts';
import * as networks from './validation/networks.ts';
import * as policies from './validation/policies.ts';
import * as pods from './validation/pods.ts';
import * as quotas from './validation/quotas.ts';
import * as services from './validation/services.ts';
import * as storage from './validation/storage.ts';
import * as workloads from './validation/workloads.ts';

function fields(...paths: string[]): Record<string, FieldReader> {
  return Object.fromEntries(paths.map((path) => [path, pathReader(path)]));
}

const EVENT_FIELDS = fields(
  ...['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'].map(
    (name) => `involvedObject.${name}`,
  ),
  'reason',
  'reportingComponent',
  'type',
);
EVENT_FIELDS['source'] = pathReader('source.component');

const CRON_JOB: ResourceRow = {
  kind: 'CronJob',
  newStatus: {},
  plural: 'cronjobs',
  shortNames: 'cj',
  categories: 'all',
  subresources: 'status',
  generation: true,
  defaults: defaults.cronJob,
  validate: workloads.cronJob,
};
const AUTOSCALER: ResourceRow = {
  kind: 'HorizontalPodAutoscaler',
  newStatus: { currentReplicas: 0, desiredReplicas: 0 },
  plural: 'horizontalpodautoscalers',
  shortNames: 'hpa',
  categories: 'all',
  subresources: 'status',
  defaults: defaults.autoscaler,
  validate: policies.autoscaler,
};
const BUDGET: ResourceRow = {
  kind: 'PodDisruptionBudget',
  newStatus: { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 },
  plural: 'poddisruptionbudgets',
  shortNames: 'pdb',
  subresources: 'status',
  generation: true,
  validate: policies.disruptionBudget,
};
const ENDPOINT_SLICE: ResourceRow = { kind: 'EndpointSlice', plural: 'endpointslices' };
const CREATE_ONLY: readonly ['create'] = ['create'];

/** Resources by `group/version`; the first version of a group is the preferred one. */
const ROWS: Readonly<Record<string, readonly ResourceRow[]>> = {
  v1: [
    { kind: 'Binding', plural: 'bindings', verbs: CREATE_ONLY },
    {
      kind: 'ComponentStatus',
      plural: 'componentstatuses',
      cluster: true,
      shortNames: 'cs',
      verbs: ['get', 'list'],
    },
    { kind: 'ConfigMap', plural: 'configmaps', shortNames: 'cm', validate: config.configMap },
    { kind: 'Endpoints', plural: 'endpoints', shortNames: 'ep' },
    { kind: 'Event', plural: 'events', shortNames: 'ev', selectable: EVENT_FIELDS, validate: policies.event },
    {
      kind: 'LimitRange',
      plural: 'limitranges',
      shortNames: 'limits',
      defaults: defaults.limitRange,
      validate: quotas.limitRange,
    },
    {
      kind: 'Namespace',
      plural: 'namespaces',
      cluster: true,
      shortNames: 'ns',
      verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
      subresources: 'status finalize',
      selectable: fields('status.phase'),
    },
    {
      kind: 'Node',
      plural: 'nodes',
      cluster: true,
      shortNames: 'no',
      subresources: 'status proxy',
      selectable: fields('spec.unschedulable'),
    },
    {
      kind: 'PersistentVolumeClaim',
      plural: 'persistentvolumeclaims',
      shortNames: 'pvc',
      subresources: 'status',
      defaults: defaults.volumeClaim,
      validate: storage.volumeClaim,
    },
    {
      kind: 'PersistentVolume',
      plural: 'persistentvolumes',
      cluster: true,
      shortNames: 'pv',
      subresources: 'status',
      defaults: defaults.volume,
      validate: storage.volume,
    },
    {
      kind: 'Pod',
      plural: 'pods',
      shortNames: 'po',
      categories: 'all',
      subresources: 'status attach binding eviction exec log portforward',
      selectable: fields(
        'spec.nodeName',
        'spec.restartPolicy',
        'spec.schedulerName',
        'spec.serviceAccountName',
        'status.phase',
        'status.podIP',
        'status.nominatedNodeName',
      ),
      defaults: defaults.pod,
      validate: pods.pod,
    },
    { kind: 'PodTemplate', plural: 'podtemplates', generation: true, defaults: defaults.podTemplate },
    {
      kind: 'ReplicationController',
      newStatus: { replicas: 0 },
      plural: 'replicationcontrollers',
      shortNames: 'rc',
      categories: 'all',
      subresources: 'status scale',
      generation: true,
      selectable: fields('status.replicas'),
      defaults: defaults.replicationController,
    },
    {
      kind: 'ResourceQuota',
      plural: 'resourcequotas',
      shortNames: 'quota',
      subresources: 'status',
      validate: quotas.resourceQuota,
    },
    {
      kind: 'Secret',
      plural: 'secrets',
      selectable: fields('type'),
      defaults: defaults.secret,
      validate: config.secret,
    },
    { kind: 'ServiceAccount', plural: 'serviceaccounts', shortNames: 'sa', subresources: 'token' },
    {
      kind: 'Service',
      plural: 'services',
      shortNames: 'svc',
      categories: 'all',
      subresources: 'status proxy',
      defaults: defaults.service,
      validate: services.service,
    },
  ],
  'apiextensions.k8s.io/v1': [
    {
      kind: 'CustomResourceDefinition',
      plural: 'customresourcedefinitions',
      cluster: true,
      shortNames: 'crd crds',
      subresources: 'status',
      generation: true,
    },
  ],
  'apps/v1': [
    { kind: 'ControllerRevision', plural: 'controllerrevisions' },
    {
      kind: 'DaemonSet',
      newStatus: {
        currentNumberScheduled: 0,
        desiredNumberScheduled: 0,
        numberMisscheduled: 0,
        numberReady: 0,
      },
      plural: 'daemonsets',
      shortNames: 'ds',
      categories: 'all',
      subresources: 'status',
      generation: true,
      defaults: defaults.daemonSet,
      validate: workloads.workload,
    },
    {
      kind: 'Deployment',
      newStatus: {},
      plural: 'deployments',
      shortNames: 'deploy',
      categories: 'all',
      subresources: 'status scale',
      generation: true,
      defaults: defaults.deployment,
      validate: workloads.workload,
    },
    {
      kind: 'ReplicaSet',
      newStatus: { replicas: 0 },
      plural: 'replicasets',
      shortNames: 'rs',
      categories: 'all',
      subresources: 'status scale',
      generation: true,
      selectable: fields('status.replicas'),
      defaults: defaults.replicaSet,
      validate: workloads.workload,
    },
    {
      kind: 'StatefulSet',
      newStatus: { replicas: 0 },
      plural: 'statefulsets',
      shortNames: 'sts',
      categories: 'all',
      subresources: 'status scale',
      generation: true,
      defaults: defaults.statefulSet,
      validate: workloads.statefulSet,
    },
  ],
  'authentication.k8s.io/v1': [
    { kind: 'TokenReview', plural: 'tokenreviews', cluster: true, verbs: CREATE_ONLY },
  ],
  'authorization.k8s.io/v1': [
    { kind: 'LocalSubjectAccessReview', plural: 'localsubjectaccessreviews', verbs: CREATE_ONLY },
    {
      kind: 'SelfSubjectAccessReview',
      plural: 'selfsubjectaccessreviews',
      cluster: true,
      verbs: CREATE_ONLY,
    },
    { kind: 'SelfSubjectRulesReview', plural: 'selfsubjectrulesreviews', cluster: true, verbs: CREATE_ONLY },
    { kind: 'SubjectAccessReview', plural: 'subjectaccessreviews', cluster: true, verbs: CREATE_ONLY },
  ],
  'autoscaling/v2': [{ ...AUTOSCALER, since: 23 }],
  'autoscaling/v1': [{ ...AUTOSCALER, decode: autoscalerFromV1, encode: autoscalerToV1 }],
  'autoscaling/v2beta2': [{ ...AUTOSCALER, until: 25 }],
  'batch/v1': [
    {
      kind: 'Job',
      newStatus: {},
      plural: 'jobs',
      categories: 'all',
      subresources: 'status',
      generation: true,
      selectable: fields('status.successful'),
      defaults: defaults.job,
      validate: workloads.job,
    },
    { ...CRON_JOB, since: 21 },
  ],
  'batch/v1beta1': [{ ...CRON_JOB, until: 24 }],
  'certificates.k8s.io/v1': [
    {
      kind: 'CertificateSigningRequest',
      newStatus: {},
      plural: 'certificatesigningrequests',
      cluster: true,
      shortNames: 'csr',
      subresources: 'status approval',
      selectable: fields('spec.signerName'),
      validate: policies.signingRequest,
    },
  ],
  'coordination.k8s.io/v1': [{ kind: 'Lease', plural: 'leases' }],
  'discovery.k8s.io/v1': [{ ...ENDPOINT_SLICE, since: 21 }],
  'discovery.k8s.io/v1beta1': [{ ...ENDPOINT_SLICE, until: 24 }],
  'networking.k8s.io/v1': [
    { kind: 'IngressClass', plural: 'ingressclasses', cluster: true, generation: true },
    {
      kind: 'Ingress',
      newStatus: { loadBalancer: {} },
      plural: 'ingresses',
      shortNames: 'ing',
      subresources: 'status',
      generation: true,
      validate: networks.ingress,
    },
    {
      kind: 'NetworkPolicy',
      plural: 'networkpolicies',
      shortNames: 'netpol',
      generation: true,
      defaults: defaults.networkPolicy,
      validate: networks.networkPolicy,
    },
  ],
  'policy/v1': [{ ...BUDGET, since: 21 }],
  'policy/v1beta1': [{ ...BUDGET, until: 24 }],
  'rbac.authorization.k8s.io/v1': [
    {
      kind: 'ClusterRoleBinding',
      plural: 'clusterrolebindings',
      cluster: true,
      defaults: defaults.roleBinding,
      validate: policies.roleBinding,
    },
    { kind: 'ClusterRole', plural: 'clusterroles', cluster: true, validate: policies.role },
    {
      kind: 'RoleBinding',
      plural: 'rolebindings',
      defaults: defaults.roleBinding,
      validate: policies.roleBinding,
    },
    { kind: 'Role', plural: 'roles', validate: policies.role },
  ],
  'scheduling.k8s.io/v1': [
    {
      kind: 'PriorityClass',
      plural: 'priorityclasses',
      cluster: true,
      shortNames: 'pc',
      generation: true,
      defaults: defaults.priorityClass,
      validate: policies.priorityClass,
    },
  ],
  'storage.k8s.io/v1': [
    { kind: 'CSIDriver', plural: 'csidrivers', cluster: true },
    { kind: 'CSINode', plural: 'csinodes', cluster: true },
    {
      kind: 'StorageClass',
      plural: 'storageclasses',
      cluster: true,
      shortNames: 'sc',
      defaults: defaults.storageClass,
      validate: storage.storageClass,
    },
    { kind: 'VolumeAttachment', plural: 'volumeattachments', cluster: true, subresources: 'status' },
  ],
};

/** Every resource in every version, preferred versions first. */
export const RESOURCE_TYPES: readonly ResourceType[] = Object.entries(ROWS).flatMap(
  ([groupVersion, rows]) => {
    const [group, version] = groupVersion.includes('/') ? groupVersion.split('/') : ['', groupVersion];
    return rows.map((row) => resourceType(group ?? '', version ?? '', row));
  },
);
