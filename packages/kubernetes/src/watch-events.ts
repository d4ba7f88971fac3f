import { KubernetesError, type Status } from './errors.ts';
import type { KubernetesObject } from './objects.ts';

export interface WatchEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  object: KubernetesObject;
}

/** A longer event ends the watch, in bytes; etcd takes objects of 1.5 MiB. */
const MAX_EVENT_BYTES = 16 * 1024 * 1024;

/**
 * The events in the body of a watch, one JSON text a line.
 * @throws KubernetesError for the server's own ERROR; SyntaxError for what is no event
 */
export async function* readWatch(body: AsyncIterable<Buffer>, path: string): AsyncGenerator<WatchEvent> {
  let pieces: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      pieces.push(chunk.subarray(start, end));
      start = end + 1;
      const line = pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
      pieces = [];
      size = 0;
      if (line !== undefined && line.length > 0) yield parse(line, path);
    }
    if (start === chunk.length) continue;
    pieces.push(chunk.subarray(start));
    size += chunk.length - start;
    if (size > MAX_EVENT_BYTES)
      throw new SyntaxError(`an event is longer than ${String(MAX_EVENT_BYTES)} bytes`);
  }
}

function parse(line: Buffer, path: string): WatchEvent {
  const { type, object } = JSON.parse(line.toString('utf8')) as { type: string; object: object };
  if (type === 'ERROR') {
    throw new KubernetesError({ method: 'WATCH', path }, (object as Status).code ?? 500, object);
  }
  return { type, object } as WatchEvent;
}
