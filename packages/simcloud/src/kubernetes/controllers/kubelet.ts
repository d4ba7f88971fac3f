import { createHash } from 'node:crypto';
import { at, listOf, textOf, timestamp, keyOfObject, type Fields, type KubeObject } from '../objects.ts';
import {
  backOff,
  containerOf,
  missingReference,
  nextStatus,
  outcomeOf,
  startedStatus,
  type Outcome,
} from './containers.ts';
import type { ControllerContext } from './controller-context.ts';
import { isReady, POD, withCondition } from './pod-state.ts';

/** Until something that was missing is looked for again. */
const RETRY_SECONDS = 1;

/** Brings the containers of a pod on its node one step on. */
export function run(context: ControllerContext, pod: KubeObject, node: string): void {
  const statuses = listOf<Fields>(at(pod.status, 'containerStatuses'));
  if (statuses.length === 0) create(context, pod, node);
  else if (statuses.some((one) => at(one['state'], 'waiting', 'reason') === 'ContainerCreating'))
    start(context, pod, node);
  else advance(context, pod);
}

function create(context: ControllerContext, pod: KubeObject, node: string): void {
  const conditions = ['Initialized', 'Ready', 'ContainersReady'].reduce<Fields[]>(
    (list, type) =>
      withCondition(
        list,
        type === 'Initialized'
          ? { type, status: 'True' }
          : {
              type,
              status: 'False',
              reason: 'ContainersNotReady',
              message: unreadyMessage(pod, () => false),
            },
      ),
    withCondition(at(pod.status, 'conditions'), { type: 'PodScheduled', status: 'True' }),
  );
  context.setStatus('pods', pod, {
    phase: 'Pending',
    conditions,
    hostIP: addressOfNode(context, node),
    startTime: timestamp(),
    containerStatuses: listOf<Fields>(at(pod.spec, 'containers')).map((container) => ({
      name: container['name'],
      image: container['image'],
      imageID: '',
      ready: false,
      started: false,
      restartCount: 0,
      lastState: {},
      state: { waiting: { reason: 'ContainerCreating' } },
    })),
  });
  context.wishLater('pods', keyOfObject(pod), context.cluster.seconds.podStart);
}

function addressOfNode({ store }: ControllerContext, node: string): string {
  const addresses = listOf<Fields>(at(store.get('nodes', undefined, node)?.status, 'addresses'));
  return textOf(addresses.find((one) => one['type'] === 'InternalIP')?.['address'] ?? '');
}

function unreadyMessage(pod: KubeObject, ready: (name: string) => boolean): string {
  const names = listOf<Fields>(at(pod.spec, 'containers'))
    .map((one) => String(one['name']))
    .filter((name) => !ready(name));
  return `containers with unready status: [${names.join(' ')}]`;
}

/** The containers of a pod are made, once its time has come and what it refers to is there. */
function start(context: ControllerContext, pod: KubeObject, node: string): void {
  const { podStart } = context.cluster.seconds;
  const key = keyOfObject(pod);
  const begun = Date.parse(String(at(pod.status, 'startTime')));
  // Times in objects have whole seconds: the wake-up that was set when it was created decides.
  if (Date.now() < begun + podStart * 1000 - 1000) {
    context.wishLater('pods', key, podStart);
    return;
  }
  const missing = missingReference(context, pod);
  if (missing?.inVolume === true) {
    context.events.record(pod, POD, 'Warning', 'FailedMount', missing.message, 'kubelet');
    context.wishLater('pods', key, RETRY_SECONDS);
    return;
  }
  const podIP = textOf(at(pod.status, 'podIP') ?? podAddress(pod, node));
  const statuses = listOf<Fields>(at(pod.spec, 'containers')).map((container) => {
    const outcome: Outcome =
      missing === undefined
        ? outcomeOf(context, pod, container)
        : { waiting: 'CreateContainerConfigError', isReady: false };
    return startedStatus(context, pod, container, undefined, outcome, missing?.message);
  });
  settle(context, pod, statuses, { podIP, podIPs: [{ ip: podIP }] });
}

function podAddress({ metadata }: KubeObject, node: string): string {
  const [a = 0, b = 0] = createHash('sha1').update(metadata.uid).digest();
  const [c = 0] = createHash('sha1').update(node).digest();
  return `10.244.${String((c + a) % 256)}.${String(2 + (b % 252))}`;
}

function phaseOf(pod: KubeObject, statuses: readonly Fields[]): string {
  const ended = statuses.filter((one) => at(one['state'], 'terminated') !== undefined);
  const policy = at(pod.spec, 'restartPolicy');
  const failed = ended.some((one) => at(one['state'], 'terminated', 'exitCode') !== 0);
  if (ended.length === statuses.length && policy !== 'Always' && (!failed || policy === 'Never'))
    return failed ? 'Failed' : 'Succeeded';
  const isBegun = (one: Fields): boolean =>
    at(one['state'], 'waiting') === undefined ||
    Number(one['restartCount']) > 0 ||
    at(one['lastState'], 'terminated') !== undefined;
  return statuses.every(isBegun) ? 'Running' : 'Pending';
}

/** Writes the states of containers, what follows from them for the pod, and when to look again. */
function settle(context: ControllerContext, pod: KubeObject, statuses: Fields[], more: Fields = {}): void {
  const phase = phaseOf(pod, statuses);
  const isOver = phase === 'Succeeded' || phase === 'Failed';
  const ready = !isOver && statuses.every((one) => one['ready'] === true);
  const reason = isOver
    ? { reason: phase === 'Succeeded' ? 'PodCompleted' : 'PodFailed' }
    : {
        reason: 'ContainersNotReady',
        message: unreadyMessage(pod, (name) =>
          statuses.some((one) => one['name'] === name && one['ready'] === true),
        ),
      };
  const conditions = ['Ready', 'ContainersReady'].reduce<Fields[]>(
    (list, type) =>
      withCondition(list, ready ? { type, status: 'True' } : { type, status: 'False', ...reason }),
    listOf<Fields>(at(pod.status, 'conditions')),
  );
  const stored = context.setStatus('pods', pod, { ...more, phase, conditions, containerStatuses: statuses });
  if (!isOver) lookAgain(context, stored, statuses);
}

/** When a container ends by itself, or one that has crashed or waits for its image is tried again. */
function lookAgain(context: ControllerContext, pod: KubeObject, statuses: readonly Fields[]): void {
  const waits = statuses.flatMap((status) => {
    const container = containerOf(pod, status);
    const { exit } = outcomeOf(context, pod, container);
    if (at(status['state'], 'running') !== undefined) return exit === undefined ? [] : [exit.seconds];
    if (at(status['state'], 'waiting') !== undefined) return [backOff(context, status)];
    return [];
  });
  if (waits.length > 0) context.wishLater('pods', keyOfObject(pod), Math.min(...waits) + 0.01);
}

/** One step of each container of a pod that has been started. */
function advance(context: ControllerContext, pod: KubeObject): void {
  let isChanged = false;
  const statuses = listOf<Fields>(at(pod.status, 'containerStatuses')).map((status) => {
    const next = nextStatus(context, pod, status);
    isChanged ||= next !== status;
    return next;
  });
  const isWrong = isReady(pod) !== statuses.every((one) => one['ready'] === true);
  if (isChanged || isWrong) settle(context, pod, statuses);
}
