import type { ControllerContext } from './controller-context.ts';
import { labelSelectorTest, labelsOf } from '../api/selectors.ts';
import { at, fieldsOf, listOf, type Fields, type KubeObject } from '../objects.ts';
import { parseQuantity } from '../types/quantity.ts';
import { hasEnded } from './pod-state.ts';

/** Where a pod may go, or why it may go nowhere. */
export type Placement = { node: string } | { problem: string };

/** Chooses the node with the fewest pods among those that a pod fits on. */
export function place({ store }: ControllerContext, pod: KubeObject): Placement {
  const nodes = store.list('nodes').map(([, node]) => node);
  const byNode = new Map<string, KubeObject[]>();
  for (const other of store.values('pods')) {
    const name = at(other.spec, 'nodeName');
    if (typeof name !== 'string' || hasEnded(other)) continue;
    const list = byNode.get(name);
    if (list === undefined) byNode.set(name, [other]);
    else list.push(other);
  }
  const reasons = new Map<string, number>();
  let best: { node: string; pods: number } | undefined;
  for (const node of nodes) {
    const { name } = node.metadata;
    const others = byNode.get(name) ?? [];
    const problem = misfit(pod, node, others);
    if (problem !== undefined) reasons.set(problem, (reasons.get(problem) ?? 0) + 1);
    else if (best === undefined || others.length < best.pods) best = { node: name, pods: others.length };
  }
  if (best !== undefined) return { node: best.node };
  const listed = [...reasons]
    .map(([reason, count]) => `${String(count)} ${reason}`)
    .sort()
    .join(', ');
  return {
    problem:
      nodes.length === 0
        ? 'no nodes available to schedule pods'
        : `0/${String(nodes.length)} nodes are available: ${listed}.`,
  };
}

/** Why a pod does not fit on a node; undefined when it does. */
export function misfit(pod: KubeObject, node: KubeObject, others: readonly KubeObject[]): string | undefined {
  const spec = fieldsOf(pod.spec);
  const unschedulable = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };
  if (at(node.spec, 'unschedulable') === true && !isTolerated(unschedulable, spec))
    return 'node(s) were unschedulable';
  const taint = untolerated(pod, node, ['NoSchedule', 'NoExecute']);
  if (taint !== undefined)
    return `node(s) had taint {${String(taint['key'])}: ${textOf(taint['value'])}}, that the pod didn't tolerate`;
  if (!matchesSelectors(spec, node)) return "node(s) didn't match Pod's node affinity/selector";
  const short = shortage(pod, node, others);
  if (short !== undefined) return short;
  return meetsAntiAffinity(pod, others) ? undefined : "node(s) didn't match pod anti-affinity rules";
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** The first of a node's taints, of some effects, that a pod does not tolerate. */
export function untolerated(
  pod: KubeObject,
  node: KubeObject,
  effects: readonly string[],
): Fields | undefined {
  return listOf<Fields>(at(node.spec, 'taints')).find(
    (taint) => effects.includes(String(taint['effect'])) && !isTolerated(taint, fieldsOf(pod.spec)),
  );
}

function isTolerated(taint: Fields, spec: Fields): boolean {
  return listOf<Fields>(spec['tolerations']).some(({ key, operator, value, effect }) => {
    if (effect !== undefined && effect !== '' && effect !== taint['effect']) return false;
    if (key === undefined || key === '') return operator === 'Exists';
    return key === taint['key'] && (operator === 'Exists' || (value ?? '') === (taint['value'] ?? ''));
  });
}

/** True when a node has what a pod's selector and required affinity ask for. */
export function matchesSelectors(spec: Fields, node: KubeObject): boolean {
  const labels = labelsOf(node);
  const selector = Object.entries(fieldsOf(spec['nodeSelector']));
  if (!selector.every(([key, value]) => labels[key] === value)) return false;
  const required = at(spec['affinity'], 'nodeAffinity', 'requiredDuringSchedulingIgnoredDuringExecution');
  const terms = listOf<Fields>(at(required, 'nodeSelectorTerms'));
  return terms.length === 0 || terms.some((term) => matchesTerm(term, node));
}

function matchesTerm(term: Fields, node: KubeObject): boolean {
  const labels = labelsOf(node);
  const fields: Record<string, string> = { 'metadata.name': node.metadata.name };
  const test = (from: Readonly<Record<string, string>>) => (expression: Fields) => {
    const { key, operator, values } = expression as { key: string; operator: string; values?: string[] };
    if (operator === 'Gt') return Number(from[key]) > Number(values?.[0]);
    if (operator === 'Lt') return Number(from[key]) < Number(values?.[0]);
    return labelSelectorTest({ matchExpressions: [expression] })(from);
  };
  return (
    listOf<Fields>(term['matchExpressions']).every(test(labels)) &&
    listOf<Fields>(term['matchFields']).every(test(fields))
  );
}

/** What all containers of a pod ask for together. */
export function requestOf(pod: KubeObject, resource: string): number {
  return listOf<Fields>(at(pod.spec, 'containers')).reduce(
    (sum, container) => sum + (parseQuantity(at(container, 'resources', 'requests', resource) ?? 0) ?? 0),
    0,
  );
}

function shortage(pod: KubeObject, node: KubeObject, others: readonly KubeObject[]): string | undefined {
  const allocatable = fieldsOf(at(node.status, 'allocatable'));
  if (others.length >= Number(allocatable['pods'] ?? 110)) return 'Too many pods';
  for (const resource of ['cpu', 'memory']) {
    const wanted = requestOf(pod, resource);
    if (wanted === 0) continue;
    const used = others.reduce((sum, other) => sum + requestOf(other, resource), 0);
    if (used + wanted > (parseQuantity(allocatable[resource]) ?? 0)) return `Insufficient ${resource}`;
  }
  return undefined;
}

/** Only rules by host, which are the usual ones. */
function meetsAntiAffinity(pod: KubeObject, others: readonly KubeObject[]): boolean {
  const terms = listOf<Fields>(
    at(pod.spec, 'affinity', 'podAntiAffinity', 'requiredDuringSchedulingIgnoredDuringExecution'),
  ).filter((term) => term['topologyKey'] === 'kubernetes.io/hostname');
  return terms.every((term) => {
    const matches = labelSelectorTest(term['labelSelector']);
    return !others.some(
      (other) => other.metadata.namespace === pod.metadata.namespace && matches(labelsOf(other)),
    );
  });
}
