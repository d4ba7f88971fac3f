import { labelSelectorTest, labelsOf } from '../api/selectors.ts';
import { at, isSame, listOf, timestamp, type Fields, type KubeObject } from '../objects.ts';
import { controllerOf, type ControllerContext } from './controller-context.ts';
import { podRefusal } from './pod-creation.ts';
import { podOf } from './pod-template.ts';
import { conditionOf, isActive, isReady } from './pod-state.ts';

const REPLICA_SETS = 'replicasets.apps';

/** Keeps as many pods as a ReplicaSet (or a ReplicationController) wants. */
export function reconcileReplicaSet(context: ControllerContext, storage: string, set: KubeObject): void {
  const type = context.typeOf(storage);
  const kind = { kind: type.kind, apiVersion: type.groupVersion };
  const selector = at(set.spec, 'selector');
  const matches = labelSelectorTest(storage === REPLICA_SETS ? selector : { matchLabels: selector });
  adopt(context, storage, set, matches);
  let pods = context.controlledBy('pods', set).filter(isActive);
  const wanted = Number(at(set.spec, 'replicas') ?? 1);
  let refusal: string | undefined;
  if (set.metadata.deletionTimestamp === undefined && pods.length !== wanted) {
    if (pods.length < wanted) refusal = add(context, storage, set, kind, wanted - pods.length);
    else
      for (const pod of leastWanted(pods).slice(0, pods.length - wanted)) {
        context.delete('pods', pod);
        context.events.record(
          set,
          kind,
          'Normal',
          'SuccessfulDelete',
          `Deleted pod: ${pod.metadata.name}`,
          'replicaset-controller',
        );
      }
    pods = context.controlledBy('pods', set).filter(isActive);
  }
  const status: Fields = {
    replicas: pods.length,
    fullyLabeledReplicas: pods.length,
    readyReplicas: pods.filter(isReady).length,
    availableReplicas: pods.filter(isReady).length,
    observedGeneration: set.metadata.generation ?? 1,
    conditions: conditionsOf(set, refusal),
  };
  const now = context.store.get(storage, set.metadata.namespace, set.metadata.name);
  if (now === undefined) return;
  // What is empty is left out.
  const isQuiet =
    (status['conditions'] as unknown[]).length === 0 && at(now.status, 'conditions') === undefined;
  const written = isQuiet ? { ...status, conditions: undefined } : status;
  if (!isSame({ ...now.status, ...written }, now.status)) context.setStatus(storage, now, written);
}

const REPLICA_FAILURE = 'ReplicaFailure';

/** The set's conditions, with the failure to make a pod as long as it lasts; with its time of the first. */
function conditionsOf(set: KubeObject, refusal: string | undefined): Fields[] {
  const others = listOf<Fields>(at(set.status, 'conditions')).filter(
    (one) => one['type'] !== REPLICA_FAILURE,
  );
  if (refusal === undefined) return others;
  const before = conditionOf(set, REPLICA_FAILURE);
  // The name of the pod is another each time, which is no news.
  if (before?.['status'] === 'True' && before['reason'] === 'FailedCreate') return [...others, before];
  const failure = { type: REPLICA_FAILURE, status: 'True', reason: 'FailedCreate', message: refusal };
  return [...others, { ...failure, lastTransitionTime: timestamp() }];
}

/** Pods that match and that nobody controls become the set's. */
function adopt(
  context: ControllerContext,
  storage: string,
  set: KubeObject,
  matches: ReturnType<typeof labelSelectorTest>,
): void {
  for (const [, pod] of context.store.list('pods', set.metadata.namespace)) {
    if (!isActive(pod) || controllerOf(pod) !== undefined || !matches(labelsOf(pod))) continue;
    const ownerReferences = [...(pod.metadata.ownerReferences ?? []), context.ownerReference(storage, set)];
    context.store.put('pods', { ...pod, metadata: { ...pod.metadata, ownerReferences } });
  }
}

/** @returns why one was refused; then no more are tried */
function add(
  context: ControllerContext,
  storage: string,
  set: KubeObject,
  kind: { kind: string; apiVersion: string },
  count: number,
): string | undefined {
  const owner = { storage, object: set, kind, component: 'replicaset-controller' };
  for (let made = 0; made < count; made += 1) {
    const pod = podOf(set, context.ownerReference(storage, set), at(set.spec, 'template'));
    const refusal = podRefusal(context, owner, pod);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

/** Pods in the order in which they are given up: without a node, not ready, the newest. */
function leastWanted(pods: readonly KubeObject[]): KubeObject[] {
  const rank = (pod: KubeObject): number =>
    at(pod.spec, 'nodeName') === undefined ? 0 : isReady(pod) ? 2 : 1;
  return [...pods].sort(
    (a, b) => rank(a) - rank(b) || Number(b.metadata.resourceVersion) - Number(a.metadata.resourceVersion),
  );
}
