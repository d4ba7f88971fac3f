/**
 * How the items of a list are told apart, by the path of field names to it (list items leave no name in the path).
 * `keys`: for server-side apply; `patchKey`: for the strategic merge patch, which knows only one. Lists that are not
 * here are replaced as a whole. Source: the `listType`, `listMapKeys` and `patchMergeKey` markers of k8s.io/api.
 */
export interface ListKeys {
  keys: readonly string[];
  patchKey?: string;
  /** Values of keys that may be left out. */
  defaults?: Readonly<Record<string, unknown>>;
}

/** A list of plain values without repetition. */
export const SET = 'set';

function byName(): ListKeys {
  return { keys: ['name'], patchKey: 'name' };
}

const CONTAINER: Record<string, ListKeys> = {
  env: byName(),
  ports: { keys: ['containerPort', 'protocol'], patchKey: 'containerPort', defaults: { protocol: 'TCP' } },
  volumeMounts: { keys: ['mountPath'], patchKey: 'mountPath' },
  volumeDevices: { keys: ['devicePath'], patchKey: 'devicePath' },
};

const POD_SPEC: Record<string, ListKeys> = {
  containers: byName(),
  initContainers: byName(),
  ephemeralContainers: byName(),
  volumes: byName(),
  imagePullSecrets: byName(),
  hostAliases: { keys: ['ip'], patchKey: 'ip' },
  topologySpreadConstraints: { keys: ['topologyKey', 'whenUnsatisfiable'], patchKey: 'topologyKey' },
};

/** Lists anywhere, by their own name alone. */
const EVERYWHERE: Record<string, ListKeys> = {
  conditions: { keys: ['type'], patchKey: 'type' },
  ownerReferences: { keys: ['uid'], patchKey: 'uid' },
};

const SETS = new Set(['finalizers', 'clusterIPs']);
const CONTAINERS = new Set(['containers', 'initContainers', 'ephemeralContainers']);

/** Maps that are one value: an applier owns them as a whole. */
const ATOMIC_MAPS = new Set([
  'matchLabels',
  'nodeSelector',
  'selector',
  'labelSelector',
  'podSelector',
  'namespaceSelector',
  'fieldRef',
  'configMapKeyRef',
  'secretKeyRef',
  'resourceFieldRef',
  'scaleTargetRef',
  'roleRef',
  'claimRef',
  'involvedObject',
]);

/** What the list at a path is; undefined: one value as a whole. */
export function listKeys(path: readonly string[], kind: string): ListKeys | typeof SET | undefined {
  const name = path[path.length - 1] ?? '';
  const parent = path[path.length - 2] ?? '';
  if (SETS.has(name)) return SET;
  if (CONTAINERS.has(parent) && name in CONTAINER) return CONTAINER[name];
  if (parent === 'spec' && name in POD_SPEC) return POD_SPEC[name];
  if (kind === 'Service' && parent === 'spec' && name === 'ports')
    return { keys: ['port', 'protocol'], patchKey: 'port', defaults: { protocol: 'TCP' } };
  if (kind === 'ServiceAccount' && (name === 'secrets' || name === 'imagePullSecrets'))
    return name === 'secrets' ? { keys: ['name'], patchKey: 'name' } : { keys: [], patchKey: 'name' };
  if (kind === 'Node' && name === 'taints') return { keys: [], patchKey: 'key' };
  if (kind === 'Node' && name === 'addresses') return { keys: ['type'], patchKey: 'type' };
  return EVERYWHERE[name];
}

/** True when the map at a path is one value. */
export function isAtomicMap(path: readonly string[], kind: string): boolean {
  const name = path[path.length - 1] ?? '';
  // A Service's selector is atomic as well; a network policy's rules lie in lists that are one value anyway.
  return ATOMIC_MAPS.has(name) && !(kind === 'PersistentVolume' && name === 'selector');
}
