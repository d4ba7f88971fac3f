import { createHash } from 'node:crypto';
import type { ClusterContext } from '../cluster-context.ts';
import { at, isSame, listOf, microTimestamp, timestamp, type Fields, type KubeObject } from '../objects.ts';
import { newMetadata } from '../seed.ts';
import type { SimNode } from '../spec.ts';
import { createObject, replaceObject } from '../writes.ts';
import { conditionOf } from './pod-state.ts';

/** What a node's kubelet says of it; `Unknown` is what is said when it says nothing. */
export type NodeReadiness = 'True' | 'False' | 'Unknown';

const CAPACITY = {
  cpu: '4',
  'ephemeral-storage': '20Gi',
  'hugepages-2Mi': '0',
  memory: '8Gi',
  pods: '110',
};
const MASTER_TAINT = 'node-role.kubernetes.io/control-plane';
const LEASE_SECONDS = 40;
/** How old a heartbeat may be for who looks at it. */
const LEASE_RENEWED_MS = 10_000;
const STATUS_RENEWED_MS = 300_000;
const LEASES = 'leases.coordination.k8s.io';
const LEASE_NAMESPACE = 'kube-node-lease';

/** First minor whose masters no longer carry the label and taint `master`. */
const CONTROL_PLANE_ONLY = 24;

function machineId(name: string): string {
  return createHash('sha256').update(`machine/${name}`).digest('hex').slice(0, 32);
}

function labelsOf(node: SimNode, minor: number): Record<string, string> {
  return {
    'beta.kubernetes.io/arch': 'amd64',
    'beta.kubernetes.io/os': 'linux',
    'kubernetes.io/arch': 'amd64',
    'kubernetes.io/hostname': node.name,
    'kubernetes.io/os': 'linux',
    ...(node.role === 'worker'
      ? {}
      : {
          'node-role.kubernetes.io/control-plane': '',
          ...(minor < CONTROL_PLANE_ONLY ? { 'node-role.kubernetes.io/master': '' } : {}),
        }),
    ...node.labels,
  };
}

/** Taints that are given stand in the place of a master's own, as kubeadm has it. */
function taintsOf(node: SimNode, minor: number): Fields[] {
  if (node.taints !== undefined) return node.taints.map((taint) => ({ ...taint }));
  if (node.role === 'worker') return [];
  const key = minor < CONTROL_PLANE_ONLY ? 'node-role.kubernetes.io/master' : MASTER_TAINT;
  return [{ key, effect: 'NoSchedule' }];
}

function nodeInfo(node: SimNode): Fields {
  const id = machineId(node.name);
  return {
    architecture: 'amd64',
    bootID: id,
    containerRuntimeVersion: 'containerd://1.7.27',
    kernelVersion: '5.15.0-simulated',
    kubeProxyVersion: node.version,
    kubeletVersion: node.version,
    machineID: id,
    operatingSystem: 'linux',
    osImage: 'Simulated Linux',
    systemUUID: node.machine ?? id,
  };
}

/** Conditions of a node; times of those that have not changed stay. */
export function nodeConditions(readiness: NodeReadiness, before: unknown): Fields[] {
  const now = timestamp();
  const isSilent = readiness === 'Unknown';
  const silence = {
    status: 'Unknown',
    reason: 'NodeStatusUnknown',
    message: 'Kubelet stopped posting node status.',
  };
  const pressure = (type: string, reason: string, message: string): Fields => ({
    type,
    ...(isSilent ? silence : { status: 'False', reason, message }),
  });
  const ready: Fields = isSilent
    ? silence
    : readiness === 'True'
      ? { status: 'True', reason: 'KubeletReady', message: 'kubelet is posting ready status' }
      : {
          status: 'False',
          reason: 'KubeletNotReady',
          message: 'container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady',
        };
  const conditions = [
    pressure('MemoryPressure', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'),
    pressure('DiskPressure', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'),
    pressure('PIDPressure', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'),
    { type: 'Ready', ...ready },
  ];
  return conditions.map((condition) => {
    const old = listOf<Fields>(before).find((one) => one['type'] === condition['type']);
    const since = old?.['status'] === condition['status'] ? old?.['lastTransitionTime'] : now;
    return {
      ...condition,
      lastHeartbeatTime: isSilent && old !== undefined ? old['lastHeartbeatTime'] : now,
      lastTransitionTime: since,
    };
  });
}

/** Makes or changes the object of a machine. Labels and taints that others have set stay. */
export function applyNode(cluster: ClusterContext, node: SimNode, readiness: NodeReadiness): void {
  const type = cluster.registry.preferred('nodes');
  if (type === undefined) return;
  const { minor } = cluster.registry;
  const old = cluster.store.get('nodes', undefined, node.name);
  const taints = taintsOf(node, minor);
  const status = (conditions: unknown): Fields => ({
    addresses: [
      { type: 'InternalIP', address: node.address },
      { type: 'Hostname', address: node.name },
    ],
    allocatable: CAPACITY,
    capacity: CAPACITY,
    conditions,
    daemonEndpoints: { kubeletEndpoint: { Port: 10_250 } },
    images: [],
    nodeInfo: nodeInfo(node),
  });
  if (old === undefined) {
    const index = cluster.store.count('nodes');
    const object = createObject(cluster, type, {
      metadata: newMetadata(node.name, undefined, {
        labels: labelsOf(node, minor),
        annotations: { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' },
      }),
      spec: {
        podCIDR: `10.244.${String(index % 256)}.0/24`,
        podCIDRs: [`10.244.${String(index % 256)}.0/24`],
        providerID: `openstack:///${machineId(node.name)}`,
        ...(taints.length === 0 ? {} : { taints }),
      },
    });
    replaceObject(
      cluster,
      type,
      object,
      { ...object, status: status(nodeConditions(readiness, [])) },
      { subresource: 'status' },
    );
    return;
  }
  const before = at(old.status, 'conditions');
  const isChanged = conditionOf(old, 'Ready')?.['status'] !== readiness;
  const wanted = status(isChanged ? nodeConditions(readiness, before) : before);
  const keys = new Set(taints.map((taint) => taint['key']));
  const kept = listOf<Fields>(at(old.spec, 'taints')).filter((taint) => !keys.has(taint['key']));
  const object: KubeObject = {
    ...old,
    metadata: { ...old.metadata, labels: { ...old.metadata.labels, ...labelsOf(node, minor) } },
    spec: { ...old.spec, taints: [...kept, ...taints] },
    status: { ...old.status, ...wanted },
  };
  if ((object.spec?.['taints'] as unknown[]).length === 0) delete object.spec?.['taints'];
  if (!isSame(old, object)) cluster.store.put('nodes', object);
}

/** Notes that nothing is heard any more of the machine behind an object. */
export function silenceNode({ store }: ClusterContext, name: string): void {
  const node = store.get('nodes', undefined, name);
  if (node === undefined || conditionOf(node, 'Ready')?.['status'] === 'Unknown') return;
  const conditions = nodeConditions('Unknown', at(node.status, 'conditions'));
  store.put('nodes', { ...node, status: { ...node.status, conditions } });
}

/** Takes out the object of a machine that has gone, with all that was on it. */
export function removeNode(cluster: ClusterContext, name: string): void {
  const { store } = cluster;
  const node = store.get('nodes', undefined, name);
  if (node !== undefined) store.remove('nodes', node);
  for (const [, pod] of store.list('pods')) if (at(pod.spec, 'nodeName') === name) store.remove('pods', pod);
  const lease = store.get(LEASES, LEASE_NAMESPACE, name);
  if (lease !== undefined) store.remove(LEASES, lease);
}

/** Brings heartbeats of nodes whose kubelet lives up to date; called when somebody looks, as nobody else cares. */
export function renewHeartbeats(cluster: ClusterContext, isAlive: (name: string) => boolean): void {
  const { store } = cluster;
  const now = Date.now();
  for (const [, node] of store.list('nodes')) {
    const { name, uid } = node.metadata;
    if (!isAlive(name)) continue;
    const lease = store.get(LEASES, LEASE_NAMESPACE, name);
    if (now - Date.parse(String(at(lease?.spec, 'renewTime'))) < LEASE_RENEWED_MS) continue;
    const spec = {
      holderIdentity: name,
      leaseDurationSeconds: LEASE_SECONDS,
      renewTime: microTimestamp(now),
    };
    if (lease === undefined) {
      const type = cluster.registry.preferred(LEASES);
      const owner = { apiVersion: 'v1', kind: 'Node', name, uid };
      if (type !== undefined)
        createObject(cluster, type, {
          metadata: newMetadata(name, LEASE_NAMESPACE, { ownerReferences: [owner] }),
          spec,
        });
    } else {
      store.put(LEASES, { ...lease, spec: { ...lease.spec, ...spec } });
    }
  }
}

/** The same for the times in the nodes' conditions, which a kubelet renews every five minutes. */
export function renewConditions(cluster: ClusterContext, isAlive: (name: string) => boolean): void {
  const { store } = cluster;
  for (const [, node] of store.list('nodes')) {
    const ready = conditionOf(node, 'Ready');
    const age = Date.now() - Date.parse(String(ready?.['lastHeartbeatTime']));
    if (!isAlive(node.metadata.name) || age < STATUS_RENEWED_MS) continue;
    const conditions = nodeConditions(ready?.['status'] as NodeReadiness, at(node.status, 'conditions'));
    store.put('nodes', { ...node, status: { ...node.status, conditions } });
  }
}
