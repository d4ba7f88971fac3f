import { at, listOf, keyOfObject, type Fields, type KubeObject } from '../objects.ts';
import type { ControllerContext } from './controller-context.ts';
import { place } from './placement.ts';
import { conditionOf, POD, withCondition } from './pod-state.ts';

/** Gives a pod to a node, or says why it cannot. */
export function schedule(context: ControllerContext, pod: KubeObject): void {
  const { cluster } = context;
  if (at(pod.spec, 'schedulerName') !== 'default-scheduler' || cluster.health.has('scheduler')) return;
  const claims = claimProblem(context, pod);
  const placement = claims === undefined ? place(context, pod) : { problem: claims };
  if ('problem' in placement) {
    const condition = {
      type: 'PodScheduled',
      status: 'False',
      reason: 'Unschedulable',
      message: placement.problem,
    };
    const before = conditionOf(pod, 'PodScheduled');
    if (before?.['message'] === placement.problem) return;
    context.events.record(pod, POD, 'Warning', 'FailedScheduling', placement.problem, 'default-scheduler');
    context.setStatus('pods', pod, {
      phase: 'Pending',
      conditions: withCondition(at(pod.status, 'conditions'), condition),
    });
    return;
  }
  const conditions = withCondition(at(pod.status, 'conditions'), { type: 'PodScheduled', status: 'True' });
  const cleaned = conditions.map(({ reason: _reason, message: _message, ...rest }) => rest);
  const spec = { ...pod.spec, nodeName: placement.node };
  context.store.put('pods', { ...pod, spec, status: { ...pod.status, conditions: cleaned } });
  const message = `Successfully assigned ${keyOfObject(pod)} to ${placement.node}`;
  context.events.record(pod, POD, 'Normal', 'Scheduled', message, 'default-scheduler');
  selectNode(context, pod, placement.node);
}

/** The names of the claims a pod mounts. */
export function claimsOf(pod: KubeObject): string[] {
  return listOf<Fields>(at(pod.spec, 'volumes')).flatMap((volume) => {
    const name = at(volume['persistentVolumeClaim'], 'claimName');
    return typeof name === 'string' ? [name] : [];
  });
}

const SELECTED_NODE = 'volume.kubernetes.io/selected-node';

function claimProblem({ store }: ControllerContext, pod: KubeObject): string | undefined {
  for (const name of claimsOf(pod)) {
    const claim = store.get('persistentvolumeclaims', pod.metadata.namespace, name);
    if (claim === undefined) return `persistentvolumeclaim "${name}" not found`;
    if (claim.metadata.deletionTimestamp !== undefined)
      return `persistentvolumeclaim "${name}" is being deleted`;
    if (at(claim.spec, 'volumeName') !== undefined) continue;
    const className = at(claim.spec, 'storageClassName');
    const storageClass =
      typeof className === 'string'
        ? store.get('storageclasses.storage.k8s.io', undefined, className)
        : undefined;
    if (storageClass?.['volumeBindingMode'] !== 'WaitForFirstConsumer')
      return `pod has unbound immediate PersistentVolumeClaims`;
  }
  return undefined;
}

/** Claims that wait for their first consumer are provisioned for its node. */
function selectNode(context: ControllerContext, pod: KubeObject, node: string): void {
  for (const name of claimsOf(pod)) {
    const claim = context.store.get('persistentvolumeclaims', pod.metadata.namespace, name);
    if (claim === undefined || at(claim.spec, 'volumeName') !== undefined) continue;
    const annotations = { ...claim.metadata.annotations, [SELECTED_NODE]: node };
    context.store.put('persistentvolumeclaims', { ...claim, metadata: { ...claim.metadata, annotations } });
  }
}

/** The node for which a claim is to be provisioned. */
export function selectedNode(claim: KubeObject): string | undefined {
  return claim.metadata.annotations?.[SELECTED_NODE];
}
