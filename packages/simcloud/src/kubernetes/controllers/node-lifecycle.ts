import {
  at,
  fieldsOf,
  isSame,
  listOf,
  timestamp,
  keyOfObject,
  type Fields,
  type KubeObject,
} from '../objects.ts';
import type { ControllerContext } from './controller-context.ts';
import { reconcileUpgrade } from './node-upgrades.ts';
import { conditionOf, isReady, withCondition } from './pod-state.ts';

const NOT_READY = 'node.kubernetes.io/not-ready';
const UNREACHABLE = 'node.kubernetes.io/unreachable';
const UNSCHEDULABLE = 'node.kubernetes.io/unschedulable';
const OWN_TAINTS = new Set([NOT_READY, UNREACHABLE, UNSCHEDULABLE]);

/** Sees to a node's taints and to its upgrade. */
export function reconcileNode(context: ControllerContext, node: KubeObject): void {
  reconcileTaints(context, node);
  const now = context.store.get('nodes', undefined, node.metadata.name);
  if (now !== undefined) reconcileUpgrade(context, now);
}

/** Sets the taints that follow from a node's state, and what follows from them for its pods. */
function reconcileTaints(context: ControllerContext, node: KubeObject): void {
  const readiness = conditionOf(node, 'Ready')?.['status'];
  const key = readiness === 'True' ? undefined : readiness === 'Unknown' ? UNREACHABLE : NOT_READY;
  const before = listOf<Fields>(at(node.spec, 'taints'));
  const taint = (name: string, effect: string): Fields =>
    before.find((one) => one['key'] === name && one['effect'] === effect) ?? {
      key: name,
      effect,
      ...(effect === 'NoExecute' || name === UNSCHEDULABLE ? { timeAdded: timestamp() } : {}),
    };
  const taints = [
    ...before.filter((one) => !OWN_TAINTS.has(String(one['key']))),
    ...(at(node.spec, 'unschedulable') === true ? [taint(UNSCHEDULABLE, 'NoSchedule')] : []),
    ...(key === undefined ? [] : [taint(key, 'NoSchedule'), taint(key, 'NoExecute')]),
  ];
  if (!isSame(before, taints)) {
    const { taints: _taints, ...spec } = fieldsOf(node.spec);
    context.store.put('nodes', { ...node, spec: taints.length === 0 ? spec : { ...spec, taints } });
  }
  for (const [podKey, pod] of context.store.list('pods')) {
    if (at(pod.spec, 'nodeName') !== node.metadata.name) continue;
    if (key === undefined) context.wish('pods', podKey);
    else suffer(context, pod, podKey, key);
  }
}

/** A pod on a node that is not well is not ready, and is evicted when it puts up with that no longer. */
function suffer(context: ControllerContext, pod: KubeObject, key: string, taint: string): void {
  if (pod.metadata.deletionTimestamp !== undefined) return;
  if (isReady(pod)) {
    const conditions = withCondition(at(pod.status, 'conditions'), {
      type: 'Ready',
      status: 'False',
      reason: 'NodeNotReady',
    });
    context.setStatus('pods', pod, { conditions });
  }
  const tolerations = listOf<Fields>(at(pod.spec, 'tolerations')).filter(
    (one) =>
      (one['key'] === taint || one['key'] === undefined) &&
      (one['effect'] === undefined || one['effect'] === 'NoExecute'),
  );
  const seconds = tolerations.map((one) => one['tolerationSeconds']);
  if (tolerations.length > 0 && seconds.includes(undefined)) return;
  context.wishLater('pods-evicted', key, tolerations.length === 0 ? 0 : Math.min(...seconds.map(Number)));
}

/** A pod's time on a node that is not well is over, unless the node has recovered. */
export function evictTainted(context: ControllerContext, pod: KubeObject): void {
  const node = context.store.get('nodes', undefined, String(at(pod.spec, 'nodeName')));
  if (node === undefined || isReady(node) || pod.metadata.deletionTimestamp !== undefined) return;
  const message = `Marking for deletion Pod ${keyOfObject(pod)}`;
  context.events.record(
    pod,
    { kind: 'Pod', apiVersion: 'v1' },
    'Normal',
    'TaintManagerEviction',
    message,
    'taint-eviction-controller',
  );
  context.delete('pods', pod);
}
