import type { ApiRequest } from '../api/api-request.ts';
import { sendText } from '../api/exchange.ts';
import { ApiError, badRequest } from '../api/status-error.ts';
import { at, listOf, keyOfObject, type Fields, type KubeObject, textOf } from '../objects.ts';
import type { Change } from '../store.ts';

/** Lines a container has written: some for its start, and one for each minute since, at most this many. */
const MOST_MINUTES = 500;

/**
 * Answers a container's log: `container`, `tailLines`, `limitBytes`, `timestamps`, `previous`, `follow`.
 * @throws ApiError 400 when there is no such container, or it has not started
 */
export function readLog(api: ApiRequest, pod: KubeObject): void {
  const { query, response } = api;
  const names = [
    ...listOf<Fields>(at(pod.spec, 'containers')),
    ...listOf<Fields>(at(pod.spec, 'initContainers')),
  ].map((one) => String(one['name']));
  const { name } = pod.metadata;
  const container = query.get('container') ?? names[0] ?? '';
  if (query.get('container') === null && listOf(at(pod.spec, 'containers')).length > 1)
    throw badRequest(
      `a container name must be specified for pod ${name}, choose one of: [${names.join(' ')}]`,
    );
  if (!names.includes(container)) throw badRequest(`container ${container} is not valid for pod ${name}`);
  const status = listOf<Fields>(at(pod.status, 'containerStatuses')).find((one) => one['name'] === container);
  const isPrevious = query.get('previous') === 'true';
  const started = isPrevious
    ? at(status?.['lastState'], 'terminated', 'startedAt')
    : (at(status?.['state'], 'running', 'startedAt') ??
      at(status?.['state'], 'terminated', 'startedAt') ??
      at(status?.['lastState'], 'terminated', 'startedAt'));
  if (isPrevious && started === undefined)
    throw badRequest(`previous terminated container "${container}" in pod "${name}" not found`);
  if (typeof started !== 'string') {
    const reason = at(status?.['state'], 'waiting', 'reason') ?? 'ContainerCreating';
    const why =
      reason === 'ImagePullBackOff' || reason === 'ErrImagePull'
        ? 'trying and failing to pull image'
        : textOf(reason);
    throw badRequest(`container "${container}" in pod "${name}" is waiting to start: ${why}`);
  }
  const lines = linesOf(pod, container, Date.parse(started), query.get('timestamps') === 'true');
  const tail = query.get('tailLines');
  const limit = query.get('limitBytes');
  if (tail !== null && !/^\d+$/.test(tail))
    throw new ApiError(400, 'BadRequest', `strconv.ParseInt: parsing "${tail}": invalid syntax`);
  const chosen = tail === null ? lines : Number(tail) === 0 ? [] : lines.slice(-Number(tail));
  let text = chosen.map((line) => `${line}\n`).join('');
  if (limit !== null) text = text.slice(0, Number(limit));
  if (query.get('follow') === 'true' && at(status?.['state'], 'running') !== undefined)
    follow(api, pod, text);
  else sendText(response, 200, text, 'text/plain');
}

function linesOf(pod: KubeObject, container: string, started: number, withTime: boolean): string[] {
  const minutes = Math.min(MOST_MINUTES, Math.floor((Date.now() - started) / 60_000));
  const messages: [number, string][] = [
    [started, `starting ${container} of ${keyOfObject(pod)}`],
    [started, `image ${imageOf(pod, container)}`],
    [started, 'ready'],
    ...Array.from({ length: minutes }, (_, index): [number, string] => [
      started + (index + 1) * 60_000,
      `alive for ${String(index + 1)} min`,
    ]),
  ];
  return messages.map(([time, message]) =>
    withTime ? `${new Date(time).toISOString().replace('Z', '000000Z')} ${message}` : message,
  );
}

function imageOf(pod: KubeObject, container: string): string {
  return String(
    listOf<Fields>(at(pod.spec, 'containers')).find((one) => one['name'] === container)?.['image'],
  );
}

/** Keeps the answer open until the pod ends: a line a second would cost more than it tells, so one at its end. */
function follow({ cluster, response }: ApiRequest, pod: KubeObject, text: string): void {
  response.writeHead(200, { 'Content-Type': 'text/plain' });
  response.flushHeaders();
  response.write(text);
  const stop = cluster.store.listen((change: Change) => {
    if (change.resource !== 'pods' || change.object.metadata.uid !== pod.metadata.uid) return;
    const isOver =
      change.type === 'DELETED' ||
      change.object.metadata.deletionTimestamp !== undefined ||
      ['Succeeded', 'Failed'].includes(String(at(change.object.status, 'phase')));
    if (isOver) response.end('stopping\n');
  });
  response.once('close', stop);
}
