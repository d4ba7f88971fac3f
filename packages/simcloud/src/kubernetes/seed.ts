import type { ClusterContext } from './cluster-context.ts';
import type { Fields, KubeObject, Metadata } from './objects.ts';
import { DEFAULT_CLUSTER_BINDINGS, DEFAULT_CLUSTER_ROLES } from './rbac/default-roles.ts';
import { createObject } from './writes.ts';

const NAMESPACES = ['default', 'kube-node-lease', 'kube-public', 'kube-system'];
const BOOTSTRAP = { 'kubernetes.io/bootstrapping': 'rbac-defaults' };

/** Metadata of an object that is to be made. */
export function newMetadata(name: string, namespace?: string, more: Partial<Metadata> = {}): Metadata {
  return {
    name,
    uid: '',
    resourceVersion: '',
    creationTimestamp: '',
    ...(namespace === undefined ? {} : { namespace }),
    ...more,
  };
}

/** Makes what every new cluster has: namespaces, roles, the API's own service, a class of storage. */
export function seed(cluster: ClusterContext): void {
  const make = (storage: string, object: KubeObject): void => {
    const type = cluster.registry.preferred(storage);
    if (type !== undefined) createObject(cluster, type, object);
  };
  for (const name of NAMESPACES) {
    make('namespaces', { metadata: newMetadata(name) });
    make('serviceaccounts', { metadata: newMetadata('default', name) });
  }
  for (const [name, rules] of Object.entries(DEFAULT_CLUSTER_ROLES))
    make('clusterroles.rbac.authorization.k8s.io', {
      metadata: newMetadata(name, undefined, { labels: BOOTSTRAP }),
      rules,
    });
  for (const [name, groups] of Object.entries(DEFAULT_CLUSTER_BINDINGS)) {
    make('clusterrolebindings.rbac.authorization.k8s.io', {
      metadata: newMetadata(name, undefined, { labels: BOOTSTRAP }),
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
      subjects: groups.map((group): Fields => ({
        apiGroup: 'rbac.authorization.k8s.io',
        kind: 'Group',
        name: group,
      })),
    });
  }
  for (const [name, value] of [
    ['system-cluster-critical', 2_000_000_000],
    ['system-node-critical', 2_000_001_000],
  ] as const)
    make('priorityclasses.scheduling.k8s.io', {
      metadata: newMetadata(name),
      value,
      preemptionPolicy: 'PreemptLowerPriority',
    });
  make('services', {
    metadata: newMetadata('kubernetes', 'default', {
      labels: { component: 'apiserver', provider: 'kubernetes' },
    }),
    spec: {
      clusterIP: '10.96.0.1',
      ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: cluster.spec.port }],
    },
  });
  make('storageclasses.storage.k8s.io', {
    metadata: newMetadata('standard', undefined, {
      annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' },
    }),
    provisioner: 'cinder.csi.openstack.org',
    allowVolumeExpansion: true,
  });
}
