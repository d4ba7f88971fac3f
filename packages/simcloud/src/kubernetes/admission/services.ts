import { conflict, invalid } from '../api/status-error.ts';
import type { ClusterContext } from '../cluster-context.ts';
import { at, fieldsOf, listOf, type Fields, type KubeObject } from '../objects.ts';
import type { ObjectStore } from '../store.ts';
import type { ResourceType } from '../types/resource-type.ts';

const FIRST_NODE_PORT = 30_000;
const NODE_PORTS = 2768;
/** First minors whose services have these fields. */
const FAMILIES_SINCE = 21;
const TRAFFIC_POLICY_SINCE = 22;

/** Gives a service its addresses and node ports, as far as it has none; those of `old` stay. */
export function admitService(
  { store, registry }: ClusterContext,
  type: ResourceType,
  object: KubeObject,
  old: KubeObject | undefined,
): void {
  const spec = { ...fieldsOf(object.spec) };
  object.spec = spec;
  if (spec['type'] === 'ExternalName') {
    delete spec['clusterIP'];
    delete spec['clusterIPs'];
    return;
  }
  const before = fieldsOf(old?.spec);
  if (spec['clusterIP'] === undefined || spec['clusterIP'] === '')
    spec['clusterIP'] = before['clusterIP'] ?? freeClusterIp(store, object);
  spec['clusterIPs'] = [spec['clusterIP']];
  if (registry.minor >= FAMILIES_SINCE) {
    spec['ipFamilies'] ??= ['IPv4'];
    spec['ipFamilyPolicy'] ??= 'SingleStack';
  }
  if (registry.minor >= TRAFFIC_POLICY_SINCE) spec['internalTrafficPolicy'] ??= 'Cluster';
  const needsPorts = spec['type'] === 'NodePort' || spec['type'] === 'LoadBalancer';
  const used = usedNodePorts(store, object);
  const oldPorts = listOf<Fields>(before['ports']);
  spec['ports'] = listOf<Fields>(spec['ports']).map((port, index) => {
    if (!needsPorts) {
      const { nodePort: _nodePort, ...bare } = port;
      return bare;
    }
    const wanted = Number(port['nodePort'] ?? 0);
    if (wanted !== 0 && used.has(wanted)) {
      const field = `spec.ports[${String(index)}].nodePort`;
      throw invalid(type, object.metadata.name, [
        { field, type: 'Invalid', value: wanted, detail: 'provided port is already allocated' },
      ]);
    }
    const kept = oldPorts.find((one) => one['port'] === port['port'] && one['protocol'] === port['protocol']);
    const nodePort = wanted === 0 ? (kept?.['nodePort'] ?? freeNodePort(used)) : wanted;
    used.add(Number(nodePort));
    return { ...port, nodePort };
  });
}

function usedNodePorts(store: ObjectStore, except: KubeObject): Set<number> {
  const used = new Set<number>();
  for (const service of store.values('services')) {
    if (service.metadata.uid === except.metadata.uid) continue;
    for (const port of listOf<Fields>(at(service.spec, 'ports')))
      if (port['nodePort'] !== undefined) used.add(Number(port['nodePort']));
  }
  return used;
}

function freeNodePort(used: ReadonlySet<number>): number {
  const start = Math.floor(Math.random() * NODE_PORTS);
  for (let offset = 0; offset < NODE_PORTS; offset += 1) {
    const port = FIRST_NODE_PORT + ((start + offset) % NODE_PORTS);
    if (!used.has(port)) return port;
  }
  throw conflict({ group: '', plural: 'services', kind: 'Service' }, '', 'range is full');
}

function freeClusterIp(store: ObjectStore, object: KubeObject): string {
  const used = new Set<unknown>();
  for (const service of store.values('services')) used.add(at(service.spec, 'clusterIP'));
  if (object.metadata.namespace === 'default' && object.metadata.name === 'kubernetes') return '10.96.0.1';
  for (;;) {
    const address = `10.${String(96 + Math.floor(Math.random() * 16))}.${String(Math.floor(Math.random() * 256))}.${String(1 + Math.floor(Math.random() * 254))}`;
    if (!used.has(address)) return address;
  }
}
