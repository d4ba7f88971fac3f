import { at, isSame, listOf, textOf, type Fields, type KubeObject } from '../objects.ts';
import { NONE, readQuantity, type Quantity } from '../types/exact-quantity.ts';
import { containerAmounts, containersOf, podAmounts, type Amounts } from './pod-resources.ts';

const BILLION = 10n ** 9n;

function count(many: number): Quantity {
  return { amount: BigInt(many) * BILLION, isBinary: false };
}

/** What one object takes of the resources that a quota counts, by their names in the quota. */
export function usageOf(storage: string, object: KubeObject): Amounts {
  const usage = new Map<string, Quantity>([[`count/${storage}`, count(1)]]);
  const plain = PLAIN_COUNTS[storage];
  if (plain !== undefined) usage.set(plain, count(1));
  if (storage === 'pods') addPod(usage, object);
  else if (storage === 'services') addService(usage, object);
  else if (storage === 'persistentvolumeclaims') addClaim(usage, object);
  return usage;
}

/** Resources with a count under a name of its own. */
const PLAIN_COUNTS: Readonly<Record<string, string>> = {
  configmaps: 'configmaps',
  persistentvolumeclaims: 'persistentvolumeclaims',
  replicationcontrollers: 'replicationcontrollers',
  resourcequotas: 'resourcequotas',
  secrets: 'secrets',
  services: 'services',
};

/** Resources of which an update can take more than before. */
export const GROWING: ReadonlySet<string> = new Set(['services', 'persistentvolumeclaims']);

function addPod(usage: Map<string, Quantity>, pod: KubeObject): void {
  // A pod that has ended takes nothing but its place in the list.
  if (['Succeeded', 'Failed'].includes(textOf(at(pod.status, 'phase')))) return;
  usage.set('pods', count(1));
  for (const [name, amount] of podAmounts(pod.spec, 'requests')) {
    usage.set(`requests.${name}`, amount);
    if (SHORT.has(name)) usage.set(name, amount);
  }
  for (const [name, amount] of podAmounts(pod.spec, 'limits')) usage.set(`limits.${name}`, amount);
}

/** Requests that have a short name too. */
const SHORT = new Set(['cpu', 'memory', 'ephemeral-storage']);

function addService(usage: Map<string, Quantity>, service: KubeObject): void {
  const type = at(service.spec, 'type');
  const ports = listOf<Fields>(at(service.spec, 'ports'));
  const isBalanced = type === 'LoadBalancer';
  if (isBalanced) usage.set('services.loadbalancers', count(1));
  const isBare = isBalanced && at(service.spec, 'allocateLoadBalancerNodePorts') === false;
  const taken = isBare ? ports.filter((port) => port['nodePort'] !== undefined) : ports;
  if (type === 'NodePort' || isBalanced) usage.set('services.nodeports', count(taken.length));
}

function addClaim(usage: Map<string, Quantity>, claim: KubeObject): void {
  const size = readQuantity(at(claim.spec, 'resources', 'requests', 'storage')) ?? NONE;
  usage.set('requests.storage', size);
  const storageClass = at(claim.spec, 'storageClassName');
  if (typeof storageClass !== 'string' || storageClass === '') return;
  const prefix = `${storageClass}.storageclass.storage.k8s.io`;
  usage.set(`${prefix}/requests.storage`, size);
  usage.set(`${prefix}/persistentvolumeclaims`, count(1));
}

/** Resources that every container has to name as soon as a quota counts them. */
const TO_BE_NAMED = new Set([
  'cpu',
  'memory',
  'requests.cpu',
  'requests.memory',
  'limits.cpu',
  'limits.memory',
]);

/** Of the resources of a quota those that a container of a pod does not name, with the containers. */
export function unnamedResources(pod: KubeObject, counted: readonly string[]): Map<string, string[]> {
  const missing = new Map<string, string[]>();
  for (const resource of counted.filter((name) => TO_BE_NAMED.has(name)).sort()) {
    const side = resource.startsWith('limits.') ? 'limits' : 'requests';
    const name = resource.replace(/^(requests|limits)\./, '');
    const without = containersOf(pod.spec).filter((one) => !containerAmounts(one, side).has(name));
    const names = without.map((one) => String(one['name'])).sort();
    if (names.length > 0) missing.set(resource, names);
  }
  return missing;
}

/** Whether a quota with scopes is about an object: one without is about all. */
export function isInScope(quota: KubeObject, storage: string, object: KubeObject): boolean {
  const scopes = [
    ...listOf<string>(at(quota.spec, 'scopes')).map((scopeName) => ({ scopeName, operator: 'Exists' })),
    ...listOf<Fields>(at(quota.spec, 'scopeSelector', 'matchExpressions')),
  ] as { scopeName: string; operator: string; values?: string[] }[];
  if (scopes.length === 0) return true;
  return storage === 'pods' && scopes.every((scope) => matchesScope(scope, object));
}

function matchesScope(
  { scopeName, operator, values = [] }: { scopeName: string; operator: string; values?: string[] },
  pod: KubeObject,
): boolean {
  const isTerminating = at(pod.spec, 'activeDeadlineSeconds') !== undefined;
  const isBestEffort = containersOf(pod.spec).every(
    (one) => containerAmounts(one, 'requests').size + containerAmounts(one, 'limits').size === 0,
  );
  switch (scopeName) {
    case 'Terminating':
      return isTerminating;
    case 'NotTerminating':
      return !isTerminating;
    case 'BestEffort':
      return isBestEffort;
    case 'NotBestEffort':
      return !isBestEffort;
    case 'PriorityClass': {
      const name = textOf(at(pod.spec, 'priorityClassName'));
      if (operator === 'In') return values.includes(name);
      if (operator === 'NotIn') return !values.includes(name);
      return (name !== '') === (operator === 'Exists');
    }
    default:
      return false;
  }
}

/** Whether two objects take the same. */
export function isSameUsage(a: Amounts, b: Amounts): boolean {
  const plain = (usage: Amounts): Fields =>
    Object.fromEntries([...usage].map(([name, { amount }]) => [name, String(amount)]));
  return isSame(plain(a), plain(b));
}
