import { at, listOf, timestamp, type Fields, type KubeObject } from '../objects.ts';

/** The status of a condition: `True`, `False`, `Unknown`; undefined when there is none. */
export function conditionOf(object: KubeObject, type: string): Fields | undefined {
  return listOf<Fields>(at(object.status, 'conditions')).find((one) => one['type'] === type);
}

/** True for a pod (or node) whose condition Ready is true. */
export function isReady(object: KubeObject): boolean {
  return conditionOf(object, 'Ready')?.['status'] === 'True';
}

/** True for a pod that has ended by itself. */
export function hasEnded(pod: KubeObject): boolean {
  const phase = at(pod.status, 'phase');
  return phase === 'Succeeded' || phase === 'Failed';
}

/** True for a pod that counts as one of its owner's: neither ended nor on its way out. */
export function isActive(pod: KubeObject): boolean {
  return !hasEnded(pod) && pod.metadata.deletionTimestamp === undefined;
}

/** The annotation of pods that a kubelet keeps by itself. */
export const MIRROR = 'kubernetes.io/config.mirror';

/** True for a pod of the control plane, which its node's kubelet keeps by itself. */
export function isMirror(pod: KubeObject): boolean {
  return pod.metadata.annotations?.[MIRROR] !== undefined;
}

/** Conditions with one replaced; its time stays when its status does. */
export function withCondition(conditions: unknown, condition: Fields): Fields[] {
  const list = listOf<Fields>(conditions);
  const old = list.find((one) => one['type'] === condition['type']);
  const lastTransitionTime =
    old?.['status'] === condition['status'] ? old?.['lastTransitionTime'] : timestamp();
  const next = { lastProbeTime: null, ...condition, lastTransitionTime };
  return old === undefined ? [...list, next] : list.map((one) => (one === old ? next : one));
}

/** Of events about pods. */
export const POD = { kind: 'Pod', apiVersion: 'v1' };
