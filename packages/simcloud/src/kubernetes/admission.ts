import { CetusError } from '@cetus/shared/errors';
import { readSigningRequest } from '@cetus/shared/pki';
import type { User } from './api/authentication.ts';
import { conflict, forbidden, invalid } from './api/status-error.ts';
import type { ClusterContext } from './cluster-context.ts';
import { at, fieldsOf, listOf, type Fields, type KubeObject } from './objects.ts';
import type { ObjectStore } from './store.ts';
import type { ResourceType } from './types/resource-type.ts';

const FIRST_NODE_PORT = 30_000;
const NODE_PORTS = 2768;
/** First minors whose services have these fields. */
const FAMILIES_SINCE = 21;
const TRAFFIC_POLICY_SINCE = 22;
const DEFAULT_CLASS = 'storageclass.kubernetes.io/is-default-class';

/** Completes a new object as the admission of a real cluster does; changes it, it is a copy. @throws ApiError */
export function admit(cluster: ClusterContext, type: ResourceType, object: KubeObject, user: User): void {
  const { store } = cluster;
  switch (type.storage) {
    case 'namespaces':
      object.spec = { ...object.spec, finalizers: ['kubernetes'] };
      object.status = { phase: 'Active' };
      if (cluster.registry.minor >= 21)
        object.metadata.labels = {
          ...object.metadata.labels,
          'kubernetes.io/metadata.name': object.metadata.name,
        };
      return;
    case 'pods':
      admitPod(cluster, type, object);
      return;
    case 'services':
      admitService(cluster, type, object, undefined);
      return;
    case 'persistentvolumeclaims':
      addFinalizer(object, 'kubernetes.io/pvc-protection');
      if (at(object.spec, 'storageClassName') === undefined) {
        const standard = defaultClass(store);
        if (standard !== undefined) object.spec = { ...object.spec, storageClassName: standard };
      }
      return;
    case 'persistentvolumes':
      addFinalizer(object, 'kubernetes.io/pv-protection');
      return;
    case 'certificatesigningrequests.certificates.k8s.io':
      object.spec = { ...object.spec, username: user.name, groups: user.groups };
      checkSubject(type, object);
      return;
    default:
  }
}

const CLIENT_SIGNER = 'kubernetes.io/kube-apiserver-client';

/** Nobody is made an administrator by a request that somebody may approve. What is no request at all is found later. */
function checkSubject(type: ResourceType, object: KubeObject): void {
  if (at(object.spec, 'signerName') !== CLIENT_SIGNER) return;
  const pem = Buffer.from(String(at(object.spec, 'request')), 'base64').toString('utf8');
  let organizations: readonly string[];
  try {
    ({ organizations } = readSigningRequest(pem));
  } catch (error) {
    if (!(error instanceof CetusError)) throw error;
    return;
  }
  if (organizations.includes('system:masters')) {
    throw forbidden(
      type,
      object.metadata.name,
      `use of ${CLIENT_SIGNER} signer with system:masters group is not allowed`,
    );
  }
}

function addFinalizer(object: KubeObject, finalizer: string): void {
  const finalizers = object.metadata.finalizers ?? [];
  if (!finalizers.includes(finalizer)) object.metadata.finalizers = [...finalizers, finalizer];
}

function defaultClass(store: ObjectStore): string | undefined {
  for (const one of store.values('storageclasses.storage.k8s.io'))
    if (one.metadata.annotations?.[DEFAULT_CLASS] === 'true') return one.metadata.name;
  return undefined;
}

function admitPod({ store }: ClusterContext, type: ResourceType, object: KubeObject): void {
  const { name, namespace } = object.metadata;
  const spec = fieldsOf(object.spec);
  const account = String(spec['serviceAccountName']);
  if (store.get('serviceaccounts', namespace, account) === undefined) {
    throw forbidden(
      type,
      name,
      `error looking up service account ${String(namespace)}/${account}: serviceaccount "${account}" not found`,
    );
  }
  const priorityClass = spec['priorityClassName'];
  if (typeof priorityClass !== 'string' || priorityClass === '') return;
  const found = store.get('priorityclasses.scheduling.k8s.io', undefined, priorityClass);
  if (found === undefined)
    throw forbidden(type, name, `no PriorityClass with name ${priorityClass} was found`);
  spec['priority'] = found['value'] ?? 0;
}

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
