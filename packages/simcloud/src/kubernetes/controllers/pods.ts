import { at, keyOfObject, type KubeObject } from '../objects.ts';
import type { ControllerContext } from './controller-context.ts';
import { run } from './kubelet.ts';
import { schedule } from './pod-scheduling.ts';
import { hasEnded, isMirror } from './pod-state.ts';

/** Brings a pod one step on: to a node, to life, to its end. */
export function reconcilePod(context: ControllerContext, pod: KubeObject): void {
  const node = at(pod.spec, 'nodeName');
  if (pod.metadata.deletionTimestamp !== undefined) stop(context, pod);
  else if (hasEnded(pod)) return;
  else if (typeof node !== 'string' || node === '') schedule(context, pod);
  else if (context.store.get('nodes', undefined, node) === undefined) context.store.remove('pods', pod);
  // The control plane's pods are as its components are.
  else if (context.hooks.isAlive(node) && !isMirror(pod)) run(context, pod, node);
}

/** Ends a pod that is to go, after a while; one on a node that says nothing stays until the node is back. */
function stop(context: ControllerContext, pod: KubeObject): void {
  const node = at(pod.spec, 'nodeName');
  const isThere = typeof node === 'string' && context.store.get('nodes', undefined, node) !== undefined;
  if (isThere && !context.hooks.isAlive(node)) return;
  const grace = pod.metadata.deletionGracePeriodSeconds ?? 0;
  const seconds = Math.min(grace, context.cluster.seconds.podStop);
  // The time it has is the node's own affair: nobody else can tell when it began.
  context.wishLater('pods-stopping', keyOfObject(pod), isThere ? seconds : 0);
}

/** The end of a pod's last seconds. */
export function finishPod(context: ControllerContext, pod: KubeObject): void {
  if (pod.metadata.deletionTimestamp === undefined) return;
  const node = at(pod.spec, 'nodeName');
  if (
    typeof node === 'string' &&
    context.store.get('nodes', undefined, node) !== undefined &&
    !context.hooks.isAlive(node)
  )
    return;
  if ((pod.metadata.finalizers ?? []).length === 0) {
    context.store.remove('pods', pod);
    return;
  }
  const metadata = { ...pod.metadata, deletionGracePeriodSeconds: 0 };
  if (pod.metadata.deletionGracePeriodSeconds !== 0) context.store.put('pods', { ...pod, metadata });
}
