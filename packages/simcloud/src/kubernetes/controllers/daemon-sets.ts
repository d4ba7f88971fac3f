import { at, fieldsOf, isSame, listOf, type Fields, type KubeObject, textOf } from '../objects.ts';
import type { ControllerContext } from './controller-context.ts';
import { matchesSelectors, untolerated } from './placement.ts';
import { createPod } from './pod-creation.ts';
import { podOf } from './pod-template.ts';
import { hasEnded, isReady } from './pod-state.ts';
import { currentRevision, REVISION_LABEL } from './revisions.ts';
import { amountOf } from './deployments.ts';

const SETS = 'daemonsets.apps';
const KIND = { kind: 'DaemonSet', apiVersion: 'apps/v1' };

/** What a daemon puts up with on any node. */
const TOLERATIONS: Fields[] = [
  ...['not-ready', 'unreachable'].map((name) => ({
    key: `node.kubernetes.io/${name}`,
    operator: 'Exists',
    effect: 'NoExecute',
  })),
  ...['disk-pressure', 'memory-pressure', 'pid-pressure', 'unschedulable'].map((name) => ({
    key: `node.kubernetes.io/${name}`,
    operator: 'Exists',
    effect: 'NoSchedule',
  })),
];

/** Keeps one pod on every node that a DaemonSet is for. */
export function reconcileDaemonSet(context: ControllerContext, set: KubeObject): void {
  const revision = currentRevision(context, SETS, set);
  const template = withTolerations(at(set.spec, 'template'));
  const nodes = context.store
    .list('nodes')
    .map(([, node]) => node)
    .filter((node) => isFor(template, node));
  const pods = context.controlledBy('pods', set);
  if (set.metadata.deletionTimestamp === undefined) {
    const wanted = new Set(nodes.map((node) => node.metadata.name));
    for (const pod of pods) {
      const isLeaving = pod.metadata.deletionTimestamp !== undefined;
      if (!isLeaving && (!wanted.has(targetOf(pod)) || hasEnded(pod))) context.delete('pods', pod);
    }
    const taken = new Set(pods.map(targetOf));
    for (const node of wanted) if (!taken.has(node)) make(context, set, template, node, revision);
    replaceOld(context, set, pods, revision, nodes.length);
  }
  writeStatus(context, set, nodes, revision);
}

function withTolerations(template: unknown): Fields {
  const spec = fieldsOf(at(template, 'spec'));
  return {
    ...fieldsOf(template),
    spec: { ...spec, tolerations: [...listOf<Fields>(spec['tolerations']), ...TOLERATIONS] },
  };
}

function isFor(template: Fields, node: KubeObject): boolean {
  const pod = { metadata: node.metadata, spec: fieldsOf(template['spec']) };
  return (
    matchesSelectors(pod.spec, node) && untolerated(pod, node, ['NoSchedule', 'NoExecute']) === undefined
  );
}

/** The node a daemon's pod is made for. */
function targetOf(pod: KubeObject): string {
  const terms = at(
    pod.spec,
    'affinity',
    'nodeAffinity',
    'requiredDuringSchedulingIgnoredDuringExecution',
    'nodeSelectorTerms',
  );
  const [field] = listOf<Fields>(at(listOf(terms)[0], 'matchFields'));
  return textOf(at(pod.spec, 'nodeName') ?? listOf(field?.['values'])[0] ?? '');
}

function make(
  context: ControllerContext,
  set: KubeObject,
  template: Fields,
  node: string,
  revision: string,
): void {
  const terms = [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }] }];
  const pod = podOf(set, context.ownerReference(SETS, set), template, {
    labels: {
      [REVISION_LABEL]: revision.slice(set.metadata.name.length + 1),
      'pod-template-generation': String(set.metadata.generation ?? 1),
    },
    spec: {
      affinity: {
        nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } },
      },
    },
  });
  createPod(context, { storage: SETS, object: set, kind: KIND, component: 'daemonset-controller' }, pod);
}

function isUpdated(pod: KubeObject, set: KubeObject, revision: string): boolean {
  return pod.metadata.labels?.[REVISION_LABEL] === revision.slice(set.metadata.name.length + 1);
}

/** Pods of an older template go, as many at once as may be missing. */
function replaceOld(
  context: ControllerContext,
  set: KubeObject,
  pods: readonly KubeObject[],
  revision: string,
  nodes: number,
): void {
  if (at(set.spec, 'updateStrategy', 'type') === 'OnDelete') return;
  const most = Math.max(
    1,
    amountOf(at(set.spec, 'updateStrategy', 'rollingUpdate', 'maxUnavailable') ?? 1, nodes, Math.ceil),
  );
  const staying = pods.filter((pod) => pod.metadata.deletionTimestamp === undefined);
  let missing = nodes - staying.filter(isReady).length;
  for (const pod of staying) {
    if (isUpdated(pod, set, revision)) continue;
    if (isReady(pod) && missing >= most) continue;
    if (isReady(pod)) missing += 1;
    context.delete('pods', pod);
  }
}

function writeStatus(
  context: ControllerContext,
  before: KubeObject,
  nodes: readonly KubeObject[],
  revision: string,
): void {
  const set = context.store.get(SETS, before.metadata.namespace, before.metadata.name);
  if (set === undefined) return;
  const wanted = new Set(nodes.map((node) => node.metadata.name));
  const pods = context
    .controlledBy('pods', set)
    .filter((pod) => pod.metadata.deletionTimestamp === undefined);
  const placed = pods.filter((pod) => wanted.has(targetOf(pod)));
  const ready = placed.filter(isReady).length;
  const status: Fields = {
    currentNumberScheduled: placed.length,
    numberMisscheduled: pods.length - placed.length,
    desiredNumberScheduled: nodes.length,
    numberReady: ready,
    observedGeneration: set.metadata.generation ?? 1,
    updatedNumberScheduled: placed.filter((pod) => isUpdated(pod, set, revision)).length,
    numberAvailable: ready,
    numberUnavailable: nodes.length - ready,
  };
  if (!isSame({ ...set.status, ...status }, set.status)) context.setStatus(SETS, set, status);
}
