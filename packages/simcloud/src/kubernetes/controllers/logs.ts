import type { ApiRequest } from '../api/api-request.ts';
import { badRequest, invalid, type FieldProblem } from '../api/status-error.ts';
import { sendText } from '../api/exchange.ts';
import { at, type KubeObject } from '../objects.ts';
import { linesOf, textOfLine, type ContainerRun, type LogLine } from './container-log.ts';
import { LogFollower } from './log-follower.ts';
import { chosenContainer, isRunning, runOf } from './pod-containers.ts';

/** What of a log is asked for. */
export interface LogQuery {
  container: string | null;
  isPrevious: boolean;
  isFollowed: boolean;
  withTimes: boolean;
  tailLines: number | undefined;
  limitBytes: number | undefined;
  /** Milliseconds since 1970. */
  since: number | undefined;
}

const OPTIONS = { group: '', plural: 'podlogoptions', kind: 'PodLogOptions' };

/** Unread bytes after which a follower gets nothing more until it has read some. */
const MOST_UNREAD_BYTES = 1024 * 1024;

/**
 * Reads the parameters of a request for a log.
 * @throws ApiError 400 for what is no number or time, 422 for one that cannot be
 */
export function readLogQuery(query: URLSearchParams, pod: string): LogQuery {
  const tailLines = integer(query, 'tailLines');
  const limitBytes = integer(query, 'limitBytes');
  const sinceSeconds = integer(query, 'sinceSeconds');
  const sinceTime = time(query, 'sinceTime');
  const problems: FieldProblem[] = [
    ...least('tailLines', tailLines, 0),
    ...least('limitBytes', limitBytes, 1),
    ...least('sinceSeconds', sinceSeconds, 1),
  ];
  if (sinceSeconds !== undefined && sinceTime !== undefined) {
    const detail = 'at most one of `sinceTime` or `sinceSeconds` may be specified';
    problems.push({ field: '[]', type: 'Forbidden', detail });
  }
  if (problems.length > 0) throw invalid(OPTIONS, pod, problems);
  return {
    container: query.get('container'),
    isPrevious: flag(query, 'previous'),
    isFollowed: flag(query, 'follow'),
    withTimes: flag(query, 'timestamps'),
    tailLines,
    limitBytes,
    since: sinceSeconds === undefined ? sinceTime : Date.now() - sinceSeconds * 1000,
  };
}

function integer(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  if (!/^[+-]?\d+$/.test(text)) throw badRequest(`strconv.ParseInt: parsing "${text}": invalid syntax`);
  return Number(text);
}

function time(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text))
    throw badRequest(
      `parsing time "${text}" as "2006-01-02T15:04:05Z07:00": cannot parse "${text}" as "2006"`,
    );
  return Date.parse(text);
}

function flag(query: URLSearchParams, name: string): boolean {
  return !['', 'false', '0'].includes(query.get(name) ?? '');
}

function least(field: string, value: number | undefined, minimum: number): FieldProblem[] {
  if (value === undefined || value >= minimum) return [];
  const detail = minimum === 0 ? 'must be greater than or equal to 0' : 'must be greater than 0';
  return [{ field, type: 'Invalid', value, detail }];
}

/**
 * Answers the log of a container.
 * @throws ApiError 400 when there is no such container, or it has not started
 */
export function sendLog(api: ApiRequest, pod: KubeObject, query: LogQuery): void {
  const { response } = api;
  const container = chosenContainer(pod, query.container);
  if (!at(pod.spec, 'nodeName')) {
    // There is no kubelet to ask: neither a log nor an error.
    response.writeHead(204).end();
    return;
  }
  const run = runOf(pod, container, query.isPrevious);
  const lines = linesOf(run, api.cluster.seconds.logLine);
  const begun = { last: lines.at(-1)?.time ?? run.started, chosen: choose(lines, query) };
  if (query.isFollowed && !query.isPrevious && isRunning(pod, container)) follow(api, run, query, begun);
  else sendText(response, 200, cut(textOf(begun.chosen, query), query.limitBytes), 'text/plain');
}

function choose(lines: LogLine[], { since, tailLines }: LogQuery): LogLine[] {
  // Times of a log have parts of a second, those of a query may have none.
  const young = since === undefined ? lines : lines.filter(({ time }) => time >= since);
  if (tailLines === undefined) return young;
  return tailLines === 0 ? [] : young.slice(-tailLines);
}

function textOf(lines: readonly LogLine[], { withTimes }: LogQuery): Buffer {
  return Buffer.from(lines.map((line) => textOfLine(line, withTimes)).join(''));
}

function cut(text: Buffer, limit: number | undefined): string {
  return (limit === undefined ? text : text.subarray(0, limit)).toString();
}

/** Keeps the answer open until the container ends, or as many bytes have been sent as were asked for. */
function follow(
  { cluster, response }: ApiRequest,
  run: ContainerRun,
  query: LogQuery,
  begun: { last: number; chosen: LogLine[] },
): void {
  let left = query.limitBytes ?? Infinity;
  const send = (lines: LogLine[]): void => {
    const text = textOf(lines, query);
    if (text.length > 0 && response.writableLength < MOST_UNREAD_BYTES)
      response.write(text.subarray(0, left));
    left -= text.length;
    if (left <= 0) response.end();
  };
  response.writeHead(200, { 'Content-Type': 'text/plain' });
  response.flushHeaders();
  const follower = new LogFollower(cluster, run, {
    since: begun.last,
    onLines: send,
    onEnd: () => response.end(),
  });
  response.once('close', () => follower.close());
  send(begun.chosen);
}
