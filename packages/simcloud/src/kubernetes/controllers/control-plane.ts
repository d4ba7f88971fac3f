import { isSame, timestamp, type Fields, type KubeObject } from '../objects.ts';
import { newMetadata } from '../seed.ts';
import type { SimNode } from '../spec.ts';
import type { ControllerContext } from './controller-context.ts';
import { MIRROR } from './pod-state.ts';

const NAMESPACE = 'kube-system';
const COMPONENTS = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'];

/** Keeps the pods of the control plane on the masters, as their kubelets do, and the add-ons of every cluster. */
export function reconcileControlPlane(context: ControllerContext): void {
  const { spec } = context.cluster;
  for (const node of spec.nodes)
    if (node.role === 'master') for (const component of COMPONENTS) keep(context, node, component);
  addOns(context);
}

function keep(context: ControllerContext, node: SimNode, component: string): void {
  const { store, cluster } = context;
  const name = `${component}-${node.name}`;
  const owner = store.get('nodes', undefined, node.name);
  if (owner === undefined || !context.hooks.isAlive(node.name)) return;
  // Known under the short name as well, as in componentstatuses.
  const problem = cluster.health.get(component) ?? cluster.health.get(component.replace('kube-', ''));
  const old = store.get('pods', NAMESPACE, name);
  const image =
    component === 'etcd' ? 'registry.k8s.io/etcd:3.5.21-0' : `registry.k8s.io/${component}:${node.version}`;
  const since = String(old?.metadata.creationTimestamp ?? timestamp());
  const pod: KubeObject = {
    metadata: {
      ...(old?.metadata ??
        newMetadata(name, NAMESPACE, {
          uid: crypto.randomUUID(),
          creationTimestamp: since,
          annotations: { [MIRROR]: cluster.spec.id },
          labels: { component, tier: 'control-plane' },
          ownerReferences: [
            { apiVersion: 'v1', kind: 'Node', name: node.name, uid: owner.metadata.uid, controller: true },
          ],
        })),
    },
    spec: {
      containers: [{ name: component, image, imagePullPolicy: 'IfNotPresent', resources: {} }],
      hostNetwork: true,
      nodeName: node.name,
      priorityClassName: 'system-node-critical',
      priority: 2_000_001_000,
      restartPolicy: 'Always',
      schedulerName: 'default-scheduler',
      tolerations: [{ effect: 'NoExecute', operator: 'Exists' }],
    },
    status: statusOf(old, node, component, image, since, problem),
  };
  if (old === undefined || !isSame({ ...old, metadata: {} }, { ...pod, metadata: {} }))
    store.put('pods', pod);
}

function statusOf(
  old: KubeObject | undefined,
  node: SimNode,
  name: string,
  image: string,
  since: string,
  problem: string | undefined,
): Fields {
  const isWell = problem === undefined;
  const conditions = ['Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map((type) => {
    const isTrue = isWell || type === 'Initialized' || type === 'PodScheduled';
    const before = (old?.status?.['conditions'] as Fields[] | undefined)?.find((one) => one['type'] === type);
    const status = isTrue ? 'True' : 'False';
    return {
      type,
      status,
      lastProbeTime: null,
      lastTransitionTime: before?.['status'] === status ? before['lastTransitionTime'] : timestamp(),
      ...(isTrue
        ? {}
        : { reason: 'ContainersNotReady', message: `containers with unready status: [${name}]` }),
    };
  });
  return {
    phase: 'Running',
    conditions,
    hostIP: node.address,
    podIP: node.address,
    podIPs: [{ ip: node.address }],
    startTime: since,
    qosClass: 'Burstable',
    containerStatuses: [
      {
        name,
        image,
        imageID: image,
        containerID: `containerd://${name}`,
        ready: isWell,
        started: isWell,
        restartCount: 0,
        lastState: {},
        state: isWell
          ? { running: { startedAt: since } }
          : { waiting: { reason: 'CrashLoopBackOff', message: problem } },
      },
    ],
  };
}

const EVERYWHERE: Fields[] = [{ operator: 'Exists' }];

function addOns(context: ControllerContext): void {
  const { store, cluster } = context;
  const { version } = cluster.spec;
  const make = (
    storage: string,
    name: string,
    labels: Record<string, string>,
    more: Fields,
    podSpec: Fields,
    image: string,
  ): void => {
    const old = store.get(storage, NAMESPACE, name);
    const template = {
      metadata: { labels },
      spec: {
        containers: [{ name, image }],
        priorityClassName: 'system-cluster-critical',
        serviceAccountName: name,
        ...podSpec,
      },
    };
    if (store.get('serviceaccounts', NAMESPACE, name) === undefined)
      context.create('serviceaccounts', { metadata: newMetadata(name, NAMESPACE) });
    if (old === undefined) {
      context.create(storage, {
        metadata: newMetadata(name, NAMESPACE, { labels }),
        spec: { ...more, selector: { matchLabels: labels }, template },
      });
    }
  };
  make(
    'deployments.apps',
    'coredns',
    { 'k8s-app': 'kube-dns' },
    { replicas: 2 },
    {
      tolerations: [
        { key: 'CriticalAddonsOnly', operator: 'Exists' },
        ...['master', 'control-plane'].map((role) => ({
          key: `node-role.kubernetes.io/${role}`,
          effect: 'NoSchedule',
        })),
      ],
    },
    'registry.k8s.io/coredns/coredns:v1.11.3',
  );
  make(
    'daemonsets.apps',
    'kube-proxy',
    { 'k8s-app': 'kube-proxy' },
    {},
    { hostNetwork: true, tolerations: EVERYWHERE },
    `registry.k8s.io/kube-proxy:${version}`,
  );
  if (store.get('services', NAMESPACE, 'kube-dns') === undefined) {
    context.create('services', {
      metadata: newMetadata('kube-dns', NAMESPACE, {
        labels: { 'k8s-app': 'kube-dns', 'kubernetes.io/name': 'CoreDNS' },
      }),
      spec: {
        clusterIP: '10.96.0.10',
        selector: { 'k8s-app': 'kube-dns' },
        ports: [
          { name: 'dns', port: 53, protocol: 'UDP', targetPort: 53 },
          { name: 'dns-tcp', port: 53, protocol: 'TCP', targetPort: 53 },
        ],
      },
    });
  }
}
