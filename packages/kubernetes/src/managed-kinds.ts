/** How the API serves a kind. */
export interface ManagedKind {
  /** The last word of a collection's path. */
  plural: string;
  namespaced: boolean;
  /** In the order in which they are wanted; clusters serve some of them. */
  apiVersions: readonly [string, ...string[]];
}

const RBAC = 'rbac.authorization.k8s.io/v1';

/**
 * The kinds that Cetus puts into clusters. Lists of several versions are of kinds whose oldest version is gone in newer servers and
 * whose newest is not there yet in Kubernetes 1.20. Source: the deprecation guide of Kubernetes.
 */
export const MANAGED_KINDS = {
  ConfigMap: inNamespace('configmaps', 'v1'),
  Event: inNamespace('events', 'v1'),
  LimitRange: inNamespace('limitranges', 'v1'),
  Namespace: inCluster('namespaces', 'v1'),
  PersistentVolume: inCluster('persistentvolumes', 'v1'),
  PersistentVolumeClaim: inNamespace('persistentvolumeclaims', 'v1'),
  Pod: inNamespace('pods', 'v1'),
  ResourceQuota: inNamespace('resourcequotas', 'v1'),
  Secret: inNamespace('secrets', 'v1'),
  Service: inNamespace('services', 'v1'),
  ServiceAccount: inNamespace('serviceaccounts', 'v1'),
  DaemonSet: inNamespace('daemonsets', 'apps/v1'),
  Deployment: inNamespace('deployments', 'apps/v1'),
  ReplicaSet: inNamespace('replicasets', 'apps/v1'),
  StatefulSet: inNamespace('statefulsets', 'apps/v1'),
  HorizontalPodAutoscaler: inNamespace(
    'horizontalpodautoscalers',
    'autoscaling/v2',
    'autoscaling/v2beta2',
    'autoscaling/v1',
  ),
  Job: inNamespace('jobs', 'batch/v1'),
  CronJob: inNamespace('cronjobs', 'batch/v1', 'batch/v1beta1'),
  Ingress: inNamespace('ingresses', 'networking.k8s.io/v1', 'networking.k8s.io/v1beta1'),
  IngressClass: inCluster('ingressclasses', 'networking.k8s.io/v1', 'networking.k8s.io/v1beta1'),
  NetworkPolicy: inNamespace('networkpolicies', 'networking.k8s.io/v1'),
  PodDisruptionBudget: inNamespace('poddisruptionbudgets', 'policy/v1', 'policy/v1beta1'),
  ClusterRole: inCluster('clusterroles', RBAC),
  ClusterRoleBinding: inCluster('clusterrolebindings', RBAC),
  Role: inNamespace('roles', RBAC),
  RoleBinding: inNamespace('rolebindings', RBAC),
  PriorityClass: inCluster('priorityclasses', 'scheduling.k8s.io/v1'),
  StorageClass: inCluster('storageclasses', 'storage.k8s.io/v1'),
} as const satisfies Record<string, ManagedKind>;

export type ManagedKindName = keyof typeof MANAGED_KINDS;

/** Whether Cetus puts this kind into clusters. */
export function isManagedKind(kind: string): kind is ManagedKindName {
  return Object.hasOwn(MANAGED_KINDS, kind);
}

function inNamespace(plural: string, ...apiVersions: [string, ...string[]]): ManagedKind {
  return { plural, namespaced: true, apiVersions };
}

function inCluster(plural: string, ...apiVersions: [string, ...string[]]): ManagedKind {
  return { plural, namespaced: false, apiVersions };
}
