import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { StreamSocket } from './stream-socket.ts';

/** The part of a WebSocket of the library `ws` by which it is seen whether it opens. */
export interface OpeningSocket extends Pick<StreamSocket, 'pause' | 'terminate' | 'on'> {
  once(event: 'open', listener: () => void): unknown;
  once(event: 'error', listener: (error: Error) => void): unknown;
  once(event: 'close', listener: () => void): unknown;
  once(
    event: 'unexpected-response',
    listener: (request: unknown, response: IncomingMessage) => void,
  ): unknown;
}

/** An answer whose body is still to be read. */
export interface RawAnswer {
  statusCode: number;
  headers: IncomingHttpHeaders;
  body: AsyncIterable<Buffer>;
}

/**
 * Waits until a WebSocket is open, and pauses it, so that no message is lost before somebody listens. The answer when the server
 * refuses it: to be read, and the socket to be terminated, by the caller.
 * @param opening terminates the socket when it is aborted before it is open, also while a refusal is read
 * @throws the error of the socket; the reason of `opening`
 */
export async function opened(socket: OpeningSocket, opening: AbortSignal): Promise<RawAnswer | undefined> {
  const abort = (): void => socket.terminate();
  const settled = (): void => opening.removeEventListener('abort', abort);
  // For as long as it lives: an error that nobody listens for would end the process, and its `close` follows all the same.
  socket.on('error', () => undefined);
  opening.addEventListener('abort', abort, { once: true });
  socket.once('close', settled);
  return new Promise((resolve, reject) => {
    socket.once('open', () => {
      settled();
      socket.pause();
      resolve(undefined);
    });
    socket.once('unexpected-response', (_request, response) => {
      const { statusCode = 0, headers } = response;
      resolve({ statusCode, headers, body: response as AsyncIterable<Buffer> });
    });
    socket.once('error', (error) => reject(opening.aborted ? (opening.reason as Error) : error));
    if (opening.aborted) abort();
  });
}
