import type { Duplex } from 'node:stream';

/**
 * Calls back when the other end of a connection goes that nobody reads yet: of an upgrade, while what it is for is being opened. Its
 * `close` alone does not tell: the connection may be half open. @returns ends the watching
 */
export function whenGone(socket: Duplex, gone: () => void): () => void {
  const events = ['end', 'close'];
  for (const event of events) socket.once(event, gone);
  if (socket.destroyed) gone();
  return () => {
    for (const event of events) socket.removeListener(event, gone);
  };
}
