import { createHash } from 'node:crypto';
import { at, fieldsOf, listOf, timestamp, type Fields, type KubeObject } from '../objects.ts';
import type { ControllerContext } from './controller-context.ts';
import { POD } from './pod-state.ts';

/** Longest wait before a crashed container is started again, as a multiple of the first. */
const MOST_BACKOFF = 32;

/** What a container does next, by its pod's name and image. */
export interface Outcome {
  /** The image cannot be had, or the container cannot be made: the reason it waits for. */
  waiting?: string;
  /** Code with which it ends, and after how many seconds; undefined: it runs on. */
  exit?: { code: number; seconds: number };
  isReady: boolean;
}

export function outcomeOf(context: ControllerContext, pod: KubeObject, container: Fields): Outcome {
  const image = String(container['image']);
  const { name, namespace = '' } = pod.metadata;
  const forced = context.hooks.podFailure({ namespace, name, image });
  const { jobRun } = context.cluster.seconds;
  if (forced === 'Error' || forced === 'CrashLoopBackOff')
    return { exit: { code: 1, seconds: 0 }, isReady: false };
  if (forced === 'Unready') return { isReady: false };
  if (forced !== undefined) return { waiting: forced, isReady: false };
  if (image.includes('missing') || /^[^/]+\.invalid[:/]/.test(image))
    return { waiting: 'ErrImagePull', isReady: false };
  if (image.includes('crash')) return { exit: { code: 1, seconds: 0 }, isReady: true };
  if (image.includes('unready')) return { isReady: false };
  const command = [...listOf(container['command']), ...listOf(container['args'])].join(' ');
  const code = Number(/\bexit (\d+)/.exec(command)?.[1] ?? (/^(?:.*\s)?false$/.test(command) ? 1 : 0));
  if (at(pod.spec, 'restartPolicy') === 'Always')
    return code === 0 ? { isReady: true } : { exit: { code, seconds: 0 }, isReady: true };
  const slept = /\bsleep (\d+(?:\.\d+)?|infinity)\b/.exec(command)?.[1];
  if (slept === 'infinity') return { isReady: true };
  return { exit: { code, seconds: slept === undefined ? jobRun : Number(slept) }, isReady: true };
}

/** A reference to a ConfigMap or Secret that is not there; undefined when all are. */
export function missingReference(
  { store }: ControllerContext,
  pod: KubeObject,
): { inVolume: boolean; message: string } | undefined {
  const { namespace } = pod.metadata;
  const check = (storage: string, name: unknown, optional: unknown): string | undefined =>
    typeof name === 'string' && optional !== true && store.get(storage, namespace, name) === undefined
      ? `${storage.slice(0, -1)} "${name}" not found`
      : undefined;
  for (const volume of listOf<Fields>(at(pod.spec, 'volumes'))) {
    const found =
      check('configmaps', at(volume['configMap'], 'name'), at(volume['configMap'], 'optional')) ??
      check('secrets', at(volume['secret'], 'secretName'), at(volume['secret'], 'optional'));
    if (found !== undefined)
      return {
        inVolume: true,
        message: `MountVolume.SetUp failed for volume "${String(volume['name'])}" : ${found}`,
      };
  }
  for (const container of listOf<Fields>(at(pod.spec, 'containers'))) {
    for (const source of [
      ...listOf<Fields>(container['env']).map((one) => fieldsOf(one['valueFrom'])),
      ...listOf<Fields>(container['envFrom']),
    ]) {
      const map = source['configMapKeyRef'] ?? source['configMapRef'];
      const secret = source['secretKeyRef'] ?? source['secretRef'];
      const found =
        check('configmaps', at(map, 'name'), at(map, 'optional')) ??
        check('secrets', at(secret, 'name'), at(secret, 'optional'));
      if (found !== undefined) return { inVolume: false, message: found };
    }
  }
  return undefined;
}

/** The state of a container that has just been started, or could not be. */
export function startedStatus(
  context: ControllerContext,
  pod: KubeObject,
  container: Fields,
  before: Fields | undefined,
  outcome: Outcome,
  message?: string,
): Fields {
  const image = String(container['image']);
  const base = {
    name: container['name'],
    image,
    imageID: `docker-pullable://${image}@sha256:${createHash('sha256').update(image).digest('hex')}`,
    restartCount: before === undefined ? 0 : Number(before['restartCount']) + 1,
    lastState: before === undefined ? {} : fieldsOf(before['lastState']),
  };
  if (outcome.waiting !== undefined) {
    const isPull = outcome.waiting === 'ErrImagePull' || outcome.waiting === 'ImagePullBackOff';
    const why = isPull
      ? `rpc error: code = NotFound desc = failed to pull and unpack image "${image}": not found`
      : (message ?? outcome.waiting);
    if (isPull) {
      context.events.record(pod, POD, 'Normal', 'Pulling', `Pulling image "${image}"`, 'kubelet');
      context.events.record(
        pod,
        POD,
        'Warning',
        'Failed',
        `Failed to pull image "${image}": ${why}`,
        'kubelet',
      );
      context.events.record(pod, POD, 'Warning', 'Failed', 'Error: ErrImagePull', 'kubelet');
    } else context.events.record(pod, POD, 'Warning', 'Failed', `Error: ${why}`, 'kubelet');
    return {
      ...base,
      imageID: '',
      ready: false,
      started: false,
      state: { waiting: { reason: outcome.waiting, message: why } },
    };
  }
  context.events.record(
    pod,
    POD,
    'Normal',
    'Pulled',
    `Container image "${image}" already present on machine`,
    'kubelet',
  );
  context.events.record(
    pod,
    POD,
    'Normal',
    'Created',
    `Created container ${String(container['name'])}`,
    'kubelet',
  );
  context.events.record(
    pod,
    POD,
    'Normal',
    'Started',
    `Started container ${String(container['name'])}`,
    'kubelet',
  );
  return {
    ...base,
    containerID: `containerd://${createHash('sha256')
      .update(`${pod.metadata.uid}/${String(container['name'])}/${String(base.restartCount)}`)
      .digest('hex')}`,
    ready: outcome.isReady,
    started: true,
    state: { running: { startedAt: timestamp() } },
  };
}

/** The container that a status is of. */
export function containerOf(pod: KubeObject, status: Fields): Fields {
  return fieldsOf(listOf<Fields>(at(pod.spec, 'containers')).find((one) => one['name'] === status['name']));
}

/** Seconds until a container that waits is tried again. */
export function backOff({ cluster }: ControllerContext, status: Fields): number {
  return cluster.seconds.crashBackOff * Math.min(MOST_BACKOFF, 2 ** Number(status['restartCount']));
}

/** Milliseconds since a time that is written in whole seconds; a little may be missing. */
function since(time: unknown): number {
  return Date.now() - Date.parse(String(time)) + 5;
}

/** The state of a container after its next step; the same when there is none. */
export function nextStatus(context: ControllerContext, pod: KubeObject, status: Fields): Fields {
  const container = containerOf(pod, status);
  const outcome = outcomeOf(context, pod, container);
  const { state } = status;
  const image = String(container['image']);
  const reason = at(state, 'waiting', 'reason');
  if (reason === 'ErrImagePull') {
    if (outcome.waiting === undefined) return startedStatus(context, pod, container, undefined, outcome);
    context.events.record(pod, POD, 'Normal', 'BackOff', `Back-off pulling image "${image}"`, 'kubelet');
    return {
      ...status,
      state: { waiting: { reason: 'ImagePullBackOff', message: `Back-off pulling image "${image}"` } },
    };
  }
  if (reason === 'CrashLoopBackOff') {
    const finished = at(status['lastState'], 'terminated', 'finishedAt');
    return since(finished) < backOff(context, status) * 1000
      ? status
      : startedStatus(context, pod, container, status, outcome);
  }
  if (reason === 'CreateContainerConfigError') {
    return missingReference(context, pod) === undefined
      ? startedStatus(context, pod, container, undefined, outcome)
      : status;
  }
  if (reason !== undefined) {
    // Another image, or a switch that is off again.
    return outcome.waiting === undefined
      ? startedStatus(context, pod, container, undefined, outcome)
      : status;
  }
  const startedAt = at(state, 'running', 'startedAt');
  if (startedAt === undefined) return status;
  if (status['image'] !== image) return startedStatus(context, pod, container, status, outcome);
  if (outcome.waiting !== undefined) return startedStatus(context, pod, container, status, outcome);
  if (outcome.exit === undefined)
    return status['ready'] === outcome.isReady ? status : { ...status, ready: outcome.isReady };
  if (since(startedAt) < outcome.exit.seconds * 1000) return status;
  return endedStatus(context, pod, status, outcome.exit.code, startedAt);
}

function endedStatus(
  context: ControllerContext,
  pod: KubeObject,
  status: Fields,
  code: number,
  startedAt: unknown,
): Fields {
  const terminated = {
    exitCode: code,
    reason: code === 0 ? 'Completed' : 'Error',
    startedAt,
    finishedAt: timestamp(),
    containerID: status['containerID'],
  };
  const policy = at(pod.spec, 'restartPolicy');
  if (policy === 'Never' || (policy === 'OnFailure' && code === 0))
    return { ...status, ready: false, started: false, state: { terminated } };
  const { name } = pod.metadata;
  const message = `back-off ${String(backOff(context, status))}s restarting failed container=${String(status['name'])} pod=${name}_${String(pod.metadata.namespace)}(${pod.metadata.uid})`;
  context.events.record(pod, POD, 'Warning', 'BackOff', 'Back-off restarting failed container', 'kubelet');
  return {
    ...status,
    ready: false,
    started: false,
    lastState: { terminated },
    state: { waiting: { reason: 'CrashLoopBackOff', message } },
  };
}
