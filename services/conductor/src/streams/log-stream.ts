import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

export interface SendLogOptions {
  /** Cuts the stream off. */
  end: AbortSignal;
  /** A reader that takes nothing for so long though there is something is given up, in milliseconds. */
  stuckMs: number;
}

/**
 * Sends a stream of bytes as the answer to a request, as fast as it is read, until one of them ends. When the stream breaks off, the
 * connection does, so that the reader knows.
 * @throws what the stream broke off with
 */
export async function sendLog(
  response: ServerResponse,
  log: Readable,
  { end, stuckMs }: SendLogOptions,
): Promise<void> {
  // Nothing may be written for hours: the head goes before.
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'cache-control': 'no-store' });
  response.flushHeaders();
  const look = endWhenStuck(response, stuckMs);
  try {
    await pipeline(log, response, { signal: end });
  } finally {
    clearInterval(look);
  }
}

function endWhenStuck(response: ServerResponse, stuckMs: number): NodeJS.Timeout {
  let before: number | undefined;
  return setInterval(() => {
    const written = response.socket?.bytesWritten;
    if (response.writableNeedDrain && written === before) response.destroy();
    before = written;
  }, stuckMs);
}
