import { forbidden } from '../api/status-error.ts';
import type { ClusterContext } from '../cluster-context.ts';
import { at, fieldsOf, listOf, type Fields, type KubeObject } from '../objects.ts';
import { NONE, quantityText, type Quantity } from '../types/exact-quantity.ts';
import type { ResourceType } from '../types/resource-type.ts';
import {
  amountsOf,
  containerAmounts,
  containersOf,
  podAmounts,
  type Amounts,
  type Side,
} from './pod-resources.ts';

const RANGES = 'limitranges';
const ANNOTATION = 'kubernetes.io/limit-ranger';

function itemsOf({ store }: ClusterContext, namespace: string | undefined, kind: string): Fields[] {
  return store
    .list(RANGES, namespace)
    .flatMap(([, range]) => listOf<Fields>(at(range.spec, 'limits')))
    .filter((item) => item['type'] === kind);
}

/** Gives a pod's containers the requests and limits that they do not say, and writes down which; changes the pod. */
export function applyLimitDefaults(cluster: ClusterContext, pod: KubeObject): void {
  for (const item of itemsOf(cluster, pod.metadata.namespace, 'Container')) {
    const set = [
      ...['containers', 'initContainers'].flatMap((list) =>
        listOf<Fields>(at(pod.spec, list)).flatMap((container) => {
          const what = `${list === 'containers' ? 'container' : 'init container'} ${String(container['name'])}`;
          return fillIn(container, item, what);
        }),
      ),
    ];
    if (set.length === 0) continue;
    const text = `LimitRanger plugin set: ${set.join('; ')}`;
    pod.metadata.annotations = { ...pod.metadata.annotations, [ANNOTATION]: text };
  }
}

function fillIn(container: Fields, item: Fields, what: string): string[] {
  const resources = { ...fieldsOf(container['resources']) };
  const texts = (
    [
      ['requests', 'request', item['defaultRequest']],
      ['limits', 'limit', item['default']],
    ] as [Side, string, unknown][]
  ).flatMap(([side, word, defaults]) => {
    const given = fieldsOf(resources[side]);
    const missing = Object.keys(fieldsOf(defaults)).filter((name) => given[name] === undefined);
    if (missing.length === 0) return [];
    const added = missing.map((name) => [name, fieldsOf(defaults)[name]]);
    resources[side] = { ...given, ...Object.fromEntries(added) };
    return [`${missing.sort().join(', ')} ${word} for ${what}`];
  });
  if (texts.length > 0) container['resources'] = resources;
  return texts;
}

/** Refuses pods and claims that are outside of a range of their namespace. @throws ApiError 403 that names all that is */
export function enforceLimits(cluster: ClusterContext, type: ResourceType, object: KubeObject): void {
  const { name, namespace } = object.metadata;
  const problems: string[] = [];
  if (type.storage === 'pods') {
    for (const item of itemsOf(cluster, namespace, 'Container'))
      for (const container of containersOf(object.spec))
        problems.push(
          ...outside(item, containerAmounts(container, 'requests'), containerAmounts(container, 'limits')),
        );
    for (const item of itemsOf(cluster, namespace, 'Pod'))
      problems.push(...outside(item, podAmounts(object.spec, 'requests'), podAmounts(object.spec, 'limits')));
  } else if (type.storage === 'persistentvolumeclaims') {
    const requests = amountsOf(at(object.spec, 'resources', 'requests'));
    for (const item of itemsOf(cluster, namespace, 'PersistentVolumeClaim'))
      problems.push(...outside(item, requests, undefined));
  }
  if (problems.length === 0) return;
  // What several containers have in common is said once.
  const said = [...new Set(problems)];
  throw forbidden(type, name, said.length === 1 ? String(said[0]) : `[${said.join(', ')}]`);
}

/** @param limits undefined for what has none: a claim */
function outside(item: Fields, requests: Amounts, limits: Amounts | undefined): string[] {
  const kind = String(item['type']);
  const problems: string[] = [];
  const usage = (word: string, name: string, bound: Quantity): string =>
    `${word} ${name} usage per ${kind} is ${quantityText(bound)}`;
  for (const [name, least] of amountsOf(item['min'])) {
    const says = usage('minimum', name, least);
    const [request, limit] = [requests.get(name), limits?.get(name)];
    if (request === undefined) problems.push(`${says}.  No request is specified`);
    else if (request.amount < least.amount) problems.push(`${says}, but request is ${quantityText(request)}`);
    else if (limit !== undefined && limit.amount < least.amount)
      problems.push(`${says}, but limit is ${quantityText(limit)}`);
  }
  for (const [name, most] of amountsOf(item['max'])) {
    const says = usage('maximum', name, most);
    const [request, limit] = [requests.get(name), limits?.get(name)];
    const bounded = limits === undefined ? request : limit;
    const word = limits === undefined ? 'request' : 'limit';
    if (bounded === undefined) problems.push(`${says}.  No ${word} is specified`);
    else if (bounded.amount > most.amount) problems.push(`${says}, but ${word} is ${quantityText(bounded)}`);
    else if (request !== undefined && request.amount > most.amount)
      problems.push(`${says}, but request is ${quantityText(request)}`);
  }
  if (limits !== undefined)
    for (const [name, ratio] of amountsOf(item['maxLimitRequestRatio']))
      problems.push(...ratioProblem(kind, name, ratio, requests.get(name) ?? NONE, limits.get(name) ?? NONE));
  return problems;
}

function ratioProblem(
  kind: string,
  name: string,
  ratio: Quantity,
  request: Quantity,
  limit: Quantity,
): string[] {
  const says = `${name} max limit to request ratio per ${kind} is ${quantityText(ratio)}`;
  if (request.amount === 0n) return [`${says}, but no request is specified or request is 0`];
  if (limit.amount === 0n) return [`${says}, but no limit is specified or limit is 0`];
  if (limit.amount * 10n ** 9n <= ratio.amount * request.amount) return [];
  const found = Number(limit.amount) / Number(request.amount);
  return [`${says}, but provided ratio is ${found.toFixed(6)}`];
}
