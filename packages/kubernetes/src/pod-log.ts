import type { Readable } from 'node:stream';
import type { KubernetesConnection, Query } from './connection.ts';
import { podSubresource } from './pods.ts';

/** Which part of the log of a container. */
export interface PodLogOptions {
  namespace: string;
  /** Of the pod. */
  name: string;
  /** Needed where the pod has several. */
  container?: string | undefined;
  /** The last lines; all when undefined. */
  tailLines?: number | undefined;
  /** What is not older, in seconds; this or `sinceTime`. */
  sinceSeconds?: number | undefined;
  /** What is not older, RFC 3339. */
  sinceTime?: string | undefined;
  /** The log of the container before its last restart. */
  previous?: boolean | undefined;
  /** Each line begins with its time. */
  timestamps?: boolean | undefined;
  /** Bytes after which the log ends, counted from its first line. */
  limitBytes?: number | undefined;
}

export interface OpenPodLogOptions extends PodLogOptions {
  /** Goes on with what the container writes, until it ends. */
  follow?: boolean | undefined;
  /** Until the log begins, in milliseconds. Default: the connection's for a request. */
  timeoutMs?: number | undefined;
}

/**
 * Opens the log of a container. It is read from the cluster as fast as the stream is read, and not faster; destroying the stream or
 * aborting the signal ends it.
 * @throws KubernetesError 404 for a pod that is not there, 400 for a container that is not there or has not started yet;
 *   KubernetesUnreachableError; the signal's reason
 */
export async function openPodLog(
  connection: KubernetesConnection,
  { timeoutMs, ...options }: OpenPodLogOptions,
  signal: AbortSignal,
): Promise<Readable> {
  const { body } = await connection.stream(podSubresource(options, 'log'), {
    query: queryOf(options),
    signal,
    isLog: true,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
  return body;
}

export interface ReadPodLogOptions extends PodLogOptions {
  /** Default 1000. */
  tailLines?: number | undefined;
  /** Bytes of the text at most: what is more at its beginning is left out. Default 1 MiB. */
  maxBytes?: number | undefined;
  /** For the whole, in milliseconds. Default 30000. */
  timeoutMs?: number | undefined;
}

/** The end of a log. */
export interface PodLogText {
  text: string;
  /** Whether lines at the beginning were left out because there were too many bytes. */
  truncated: boolean;
}

/** The end of the log of a container: whole lines, bounded in size and time. Throws as {@link openPodLog} does. */
export async function readPodLog(
  connection: KubernetesConnection,
  { maxBytes = 1024 * 1024, timeoutMs = 30_000, tailLines = 1_000, ...options }: ReadPodLogOptions,
  signal?: AbortSignal,
): Promise<PodLogText> {
  const late = AbortSignal.timeout(timeoutMs);
  const ended = new AbortController();
  const end = (): void => ended.abort(signal?.aborted === true ? signal.reason : late.reason);
  signal?.throwIfAborted();
  for (const one of [signal, late]) one?.addEventListener('abort', end, { once: true });
  try {
    const log = await openPodLog(connection, { ...options, tailLines, timeoutMs }, ended.signal);
    return await lastBytes(log, maxBytes);
  } finally {
    for (const one of [signal, late]) one?.removeEventListener('abort', end);
    ended.abort();
  }
}

async function lastBytes(log: Readable, maxBytes: number): Promise<PodLogText> {
  const chunks: Buffer[] = [];
  let size = 0;
  let truncated = false;
  for await (const chunk of log as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    for (let first = chunks[0]; first !== undefined && size - first.length >= maxBytes; first = chunks[0]) {
      chunks.shift();
      size -= first.length;
      truncated = true;
    }
  }
  let kept = Buffer.concat(chunks);
  if (kept.length > maxBytes) {
    kept = kept.subarray(kept.length - maxBytes);
    truncated = true;
  }
  // A line that is not whole may begin within a character. The only one is kept all the same.
  const lineEnd = truncated ? kept.indexOf('\n') : -1;
  if (lineEnd >= 0 && lineEnd < kept.length - 1) kept = kept.subarray(lineEnd + 1);
  return { text: kept.toString('utf8'), truncated };
}

function queryOf(options: Omit<OpenPodLogOptions, 'timeoutMs'>): Query {
  const { container, tailLines, sinceSeconds, sinceTime, previous, timestamps, limitBytes, follow } = options;
  return { container, tailLines, sinceSeconds, sinceTime, previous, timestamps, limitBytes, follow };
}
