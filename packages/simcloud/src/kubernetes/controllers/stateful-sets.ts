import { ApiError } from '../api/status-error.ts';
import { at, fieldsOf, isSame, listOf, keyOfObject, type Fields, type KubeObject } from '../objects.ts';
import { newMetadata } from '../seed.ts';
import type { ControllerContext } from './controller-context.ts';
import { podOf } from './pod-template.ts';
import { isReady } from './pod-state.ts';
import { currentRevision, REVISION_LABEL } from './revisions.ts';

const SETS = 'statefulsets.apps';
const POD_NAME = 'statefulset.kubernetes.io/pod-name';
const KIND = { kind: 'StatefulSet', apiVersion: 'apps/v1' };

/** Keeps the numbered pods of a StatefulSet, with their volumes, in order. */
export function reconcileStatefulSet(context: ControllerContext, set: KubeObject): void {
  const update = currentRevision(context, SETS, set);
  const pods = new Map(context.controlledBy('pods', set).map((pod) => [pod.metadata.name, pod]));
  if (set.metadata.deletionTimestamp === undefined) step(context, set, pods, update);
  writeStatus(context, set, update);
}

function podName(set: KubeObject, index: number): string {
  return `${set.metadata.name}-${String(index)}`;
}

/** The next thing to do; in parallel sets, all there is to do. */
function step(
  context: ControllerContext,
  set: KubeObject,
  pods: ReadonlyMap<string, KubeObject>,
  update: string,
): void {
  const wanted = Number(at(set.spec, 'replicas') ?? 1);
  const isParallel = at(set.spec, 'podManagementPolicy') === 'Parallel';
  for (let index = 0; index < wanted; index += 1) {
    const pod = pods.get(podName(set, index));
    if (pod === undefined) {
      if (!make(context, set, index, update)) return;
    } else if (at(pod.status, 'phase') === 'Failed') {
      context.delete('pods', pod, { gracePeriodSeconds: 0 });
    }
    const isWell = pod !== undefined && isReady(pod) && pod.metadata.deletionTimestamp === undefined;
    if (!isWell && !isParallel) return;
  }
  const surplus = [...pods.values()]
    .filter((pod) => indexOf(set, pod) >= wanted)
    .sort((a, b) => indexOf(set, b) - indexOf(set, a));
  for (const pod of surplus) {
    if (pod.metadata.deletionTimestamp === undefined) {
      context.delete('pods', pod);
      record(
        context,
        set,
        'SuccessfulDelete',
        `delete Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name} successful`,
      );
    }
    if (!isParallel) return;
  }
  replaceOld(context, set, pods, update, wanted);
}

function indexOf(set: KubeObject, pod: KubeObject): number {
  return Number(pod.metadata.name.slice(set.metadata.name.length + 1));
}

function record(context: ControllerContext, set: KubeObject, reason: string, message: string): void {
  context.events.record(set, KIND, 'Normal', reason, message, 'statefulset-controller');
}

/** Pods of an older template go one by one, from the last number down to the partition. */
function replaceOld(
  context: ControllerContext,
  set: KubeObject,
  pods: ReadonlyMap<string, KubeObject>,
  update: string,
  wanted: number,
): void {
  if (at(set.spec, 'updateStrategy', 'type') === 'OnDelete') return;
  const partition = Number(at(set.spec, 'updateStrategy', 'rollingUpdate', 'partition') ?? 0);
  for (let index = wanted - 1; index >= partition; index -= 1) {
    const pod = pods.get(podName(set, index));
    if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) return;
    if (pod.metadata.labels?.[REVISION_LABEL] !== update) {
      context.delete('pods', pod);
      return;
    }
    if (!isReady(pod)) return;
  }
}

/** @returns false when it could not be made; it is tried again */
function make(context: ControllerContext, set: KubeObject, index: number, update: string): boolean {
  const name = podName(set, index);
  const partition = Number(at(set.spec, 'updateStrategy', 'rollingUpdate', 'partition') ?? 0);
  const current = at(set.status, 'currentRevision');
  const revision = index < partition && typeof current === 'string' ? current : update;
  try {
    const volumes = listOf<Fields>(at(set.spec, 'volumeClaimTemplates')).map((template) =>
      claimVolume(context, set, template, name),
    );
    const names = new Set(volumes.map((volume) => volume['name']));
    const template = revision === update ? at(set.spec, 'template') : templateOf(context, set, revision);
    const own = listOf<Fields>(at(template, 'spec', 'volumes')).filter(
      (volume) => !names.has(volume['name']),
    );
    const pod = podOf(set, context.ownerReference(SETS, set), template, {
      name,
      labels: { [POD_NAME]: name, [REVISION_LABEL]: revision, 'apps.kubernetes.io/pod-index': String(index) },
      spec: { hostname: name, subdomain: at(set.spec, 'serviceName'), volumes: [...volumes, ...own] },
    });
    context.create('pods', pod);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const message = `create Pod ${name} in StatefulSet ${set.metadata.name} failed error: ${error.message}`;
    context.events.record(set, KIND, 'Warning', 'FailedCreate', message, 'statefulset-controller');
    context.wishLater(SETS, keyOfObject(set), 1);
    return false;
  }
  record(
    context,
    set,
    'SuccessfulCreate',
    `create Pod ${name} in StatefulSet ${set.metadata.name} successful`,
  );
  return true;
}

function templateOf({ store }: ControllerContext, set: KubeObject, revision: string): unknown {
  const found = store.get('controllerrevisions.apps', set.metadata.namespace, revision);
  return at(found?.['data'], 'spec', 'template') ?? at(set.spec, 'template');
}

/** The volume of a pod by its claim, which is made when it is not there. */
function claimVolume(context: ControllerContext, set: KubeObject, template: Fields, pod: string): Fields {
  const name = String(at(template, 'metadata', 'name'));
  const claimName = `${name}-${pod}`;
  const { namespace } = set.metadata;
  if (context.store.get('persistentvolumeclaims', namespace, claimName) === undefined) {
    const labels = fieldsOf(at(set.spec, 'selector', 'matchLabels')) as Record<string, string>;
    context.create('persistentvolumeclaims', {
      metadata: newMetadata(claimName, namespace, {
        labels: { ...(at(template, 'metadata', 'labels') as Record<string, string>), ...labels },
      }),
      spec: fieldsOf(template['spec']),
    });
    record(
      context,
      set,
      'SuccessfulCreate',
      `create Claim ${claimName} Pod ${pod} in StatefulSet ${set.metadata.name} success`,
    );
  }
  return { name, persistentVolumeClaim: { claimName } };
}

function writeStatus(context: ControllerContext, before: KubeObject, update: string): void {
  const set = context.store.get(SETS, before.metadata.namespace, before.metadata.name);
  if (set === undefined) return;
  const pods = context
    .controlledBy('pods', set)
    .filter((pod) => pod.metadata.deletionTimestamp === undefined);
  const updated = pods.filter((pod) => pod.metadata.labels?.[REVISION_LABEL] === update);
  const wanted = Number(at(set.spec, 'replicas') ?? 1);
  const isDone = updated.length === wanted && pods.length === wanted && pods.every(isReady);
  const old = at(set.status, 'currentRevision');
  const current = isDone || typeof old !== 'string' ? update : old;
  const status: Fields = {
    observedGeneration: set.metadata.generation ?? 1,
    replicas: pods.length,
    readyReplicas: pods.filter(isReady).length,
    availableReplicas: pods.filter(isReady).length,
    currentReplicas: pods.filter((pod) => pod.metadata.labels?.[REVISION_LABEL] === current).length,
    updatedReplicas: updated.length,
    currentRevision: current,
    updateRevision: update,
    collisionCount: 0,
  };
  if (!isSame({ ...set.status, ...status }, set.status)) context.setStatus(SETS, set, status);
}
