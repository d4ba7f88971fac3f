import { badRequest } from '../api/status-error.ts';
import { at, listOf, textOf, type Fields, type KubeObject } from '../objects.ts';
import type { ContainerRun } from './container-log.ts';

/**
 * The container of a pod that a request means.
 * @throws ApiError 400 when there is none of the name, or there are several and none is named
 */
export function chosenContainer(pod: KubeObject, asked: string | null): string {
  const containers = listOf<Fields>(at(pod.spec, 'containers')).map((one) => String(one['name']));
  const initial = listOf<Fields>(at(pod.spec, 'initContainers')).map((one) => String(one['name']));
  const { name } = pod.metadata;
  if (asked !== null && asked !== '') {
    if (![...containers, ...initial].includes(asked))
      throw badRequest(`container ${asked} is not valid for pod ${name}`);
    return asked;
  }
  if (containers.length > 1) {
    const others = initial.length === 0 ? '' : ` or one of the init containers: [${initial.join(' ')}]`;
    throw badRequest(
      `a container name must be specified for pod ${name}, choose one of: [${containers.join(' ')}]${others}`,
    );
  }
  return containers[0] ?? '';
}

/** The status of a container; undefined when it has none yet. */
export function statusOf(pod: KubeObject, container: string): Fields | undefined {
  return listOf<Fields>(at(pod.status, 'containerStatuses')).find((one) => one['name'] === container);
}

/** Whether a container runs now. */
export function isRunning(pod: KubeObject, container: string): boolean {
  return at(statusOf(pod, container)?.['state'], 'running') !== undefined;
}

/** How a kubelet puts why there is no log yet. */
const PULLING: Readonly<Record<string, string>> = {
  ErrImagePull: "image can't be pulled",
  ImagePullBackOff: 'trying and failing to pull image',
};

/**
 * The run of a container that now is or was last, or the one before.
 * @throws ApiError 400 when there is none
 */
export function runOf(pod: KubeObject, container: string, isPrevious: boolean): ContainerRun {
  const { name } = pod.metadata;
  const status = statusOf(pod, container);
  const before = at(status?.['lastState'], 'terminated');
  const found = isPrevious
    ? before
    : (at(status?.['state'], 'running') ?? at(status?.['state'], 'terminated') ?? before);
  const started = at(found, 'startedAt');
  if (typeof started === 'string') {
    const finished = at(found, 'finishedAt');
    const ended = typeof finished === 'string' ? Date.parse(finished) : undefined;
    return { pod, container, started: Date.parse(started), ended };
  }
  if (isPrevious) throw badRequest(`previous terminated container "${container}" in pod "${name}" not found`);
  const reason = at(status?.['state'], 'waiting', 'reason') ?? 'ContainerCreating';
  const why = PULLING[textOf(reason)] ?? textOf(reason);
  throw badRequest(`container "${container}" in pod "${name}" is waiting to start: ${why}`);
}
