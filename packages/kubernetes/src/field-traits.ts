/**
 * What the API knows about a field and its JSON does not show, as far as a manifest and an object have to be compared. A place is the
 * path of field names to it; items of lists leave no name. Sources: the `listType`, `listMapKey` and `mapType` markers, and
 * the `omitempty` tags, of k8s.io/api.
 */
export type Place = readonly string[];

/** How the items of a list are told apart. */
export type ListTrait =
  /** The list is one value: the same items in the same order, and no others. */
  | 'atomic'
  /** One value too, but the server gives its items in an order of its own. */
  | 'unordered'
  /** Plain values without repetition or order; others may add to them. */
  | 'set'
  /** Items with a key; others may add to them. */
  | ListKeys;

export interface ListKeys {
  keys: readonly string[];
  /** Values of keys that may be left out. */
  defaults?: Readonly<Record<string, unknown>>;
}

const BY_NAME: ListKeys = { keys: ['name'] };

const OF_CONTAINER: Readonly<Record<string, ListKeys>> = {
  env: BY_NAME,
  ports: { keys: ['containerPort', 'protocol'], defaults: { protocol: 'TCP' } },
  volumeMounts: { keys: ['mountPath'] },
  volumeDevices: { keys: ['devicePath'] },
};

const OF_SPEC: Readonly<Record<string, ListKeys>> = {
  containers: BY_NAME,
  initContainers: BY_NAME,
  ephemeralContainers: BY_NAME,
  volumes: BY_NAME,
  imagePullSecrets: BY_NAME,
  schedulingGates: BY_NAME,
  resourceClaims: BY_NAME,
  hostAliases: { keys: ['ip'] },
  topologySpreadConstraints: { keys: ['topologyKey', 'whenUnsatisfiable'] },
};

const OF_SERVICE: ListKeys = { keys: ['port', 'protocol'], defaults: { protocol: 'TCP' } };
const CONTAINERS = new Set(['containers', 'initContainers', 'ephemeralContainers']);

/** What the list at a place is. */
export function listTrait(place: Place, kind: string): ListTrait {
  const name = place.at(-1) ?? '';
  const parent = place.at(-2) ?? '';
  if (parent === 'metadata' && name === 'finalizers') return 'set';
  if (parent === 'metadata' && name === 'ownerReferences') return { keys: ['uid'] };
  if (CONTAINERS.has(parent)) return own(OF_CONTAINER, name) ?? 'atomic';
  if (parent === 'resources' && name === 'claims') return BY_NAME;
  if (kind === 'Service' && parent === 'spec' && name === 'ports') return OF_SERVICE;
  // Older servers keep them as autoscaling/v1, which knows the processor only, with the rest in an annotation: that comes first then.
  if (kind === 'HorizontalPodAutoscaler' && name === 'metrics') return 'unordered';
  if (kind === 'ServiceAccount' && place.length === 1) return name === 'secrets' ? BY_NAME : 'atomic';
  return (parent === 'spec' ? own(OF_SPEC, name) : undefined) ?? 'atomic';
}

function own<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

const EXACT_MAPS = new Set(['nodeSelector', 'selector', 'labelSelector', 'podSelector', 'namespaceSelector']);

/** True for a map that is one value, to which the server adds nothing: an applier owns all of it. */
export function isExactMap(place: Place): boolean {
  // `matchLabels` and `matchExpressions` too: they are parts of a selector.
  return EXACT_MAPS.has(place.at(-1) ?? '') || EXACT_MAPS.has(place.at(-2) ?? '');
}

/** Maps whose keys are anybody's. The server keeps their entries as they are, and leaves out those without any. */
const FREE_MAPS = new Set([
  'annotations',
  'binaryData',
  'data',
  'hard',
  'labels',
  'limits',
  'matchLabels',
  'nodeSelector',
  'parameters',
  'requests',
  'stringData',
]);

/** True for a map with keys that are no fields. */
export function isFreeMap(place: Place, kind: string): boolean {
  const name = place.at(-1) ?? '';
  return FREE_MAPS.has(name) || (kind === 'Service' && name === 'selector');
}

const QUANTITY_MAPS = new Set(['limits', 'requests', 'hard', 'capacity', 'overhead']);
const LIMIT_MAPS = new Set(['default', 'defaultRequest', 'max', 'min', 'maxLimitRequestRatio']);

/** True for a field that is a quantity, of which one value can be written in several ways. */
export function isQuantity(place: Place, kind: string): boolean {
  const name = place.at(-1) ?? '';
  const parent = place.at(-2) ?? '';
  if (QUANTITY_MAPS.has(parent)) return true;
  if (isFreeMap(place.slice(0, -1), kind)) return false;
  if (name === 'sizeLimit' || name === 'divisor' || name === 'averageValue') return true;
  if (kind === 'LimitRange') return LIMIT_MAPS.has(parent);
  return kind === 'HorizontalPodAutoscaler' && parent === 'target' && name === 'value';
}

/** Fields whose zero or empty text the server replaces by a default, or by what it assigns. */
const REPLACED = new Set([
  'apiGroup',
  'clusterIP',
  'dnsPolicy',
  'failureThreshold',
  'hostPort',
  'imagePullPolicy',
  'nodePort',
  'periodSeconds',
  'protocol',
  'restartPolicy',
  'schedulerName',
  'scheme',
  'serviceAccountName',
  'sessionAffinity',
  'successThreshold',
  'terminationMessagePath',
  'terminationMessagePolicy',
  'timeoutSeconds',
]);

/** True for a value of a manifest with which nothing is asked for: there is nothing to compare. */
export function asksNothing(value: unknown, place: Place, kind: string): boolean {
  if (value === undefined || value === null) return true;
  if (value !== 0 && value !== '') return false;
  return REPLACED.has(place.at(-1) ?? '') && !isFreeMap(place.slice(0, -1), kind);
}

/** Fields whose false or zero the server leaves out. That of any other is kept: not said is not the same there. */
const LEFT_OUT_ZEROS = new Set([
  'globalDefault',
  'hostIPC',
  'hostNetwork',
  'hostPID',
  'initialDelaySeconds',
  'minReadySeconds',
  'paused',
  'publishNotReadyAddresses',
  'readOnly',
  'stdin',
  'stdinOnce',
  'tty',
]);
/** Fields of text of which the empty one is kept. */
const KEPT_TEXTS = new Set(['storageClassName']);

/** True for a value of a manifest that the server leaves out, so that nothing at all is the same. */
export function isLeftOut(value: unknown, place: Place, kind: string): boolean {
  if (Array.isArray(value)) return value.length === 0;
  if (typeof value === 'object' && value !== null)
    return isFreeMap(place, kind) && Object.keys(value).length === 0;
  // An entry of a map stays as it is, whatever it is called.
  if (isFreeMap(place.slice(0, -1), kind)) return false;
  const name = place.at(-1) ?? '';
  if (value === '') return !KEPT_TEXTS.has(name);
  return (value === 0 || value === false) && LEFT_OUT_ZEROS.has(name);
}
