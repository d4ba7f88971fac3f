import { OPEN, type StreamSocket } from './stream-socket.ts';

export interface HeartbeatOptions {
  /** Between two pings, in milliseconds. Default 20000. */
  intervalMs?: number;
  /** A peer that has said nothing for so long is gone, in milliseconds. Default 80000. */
  patienceMs?: number;
}

/**
 * Pings the peer for as long as the socket lives, and ends the socket when nothing comes back: a connection that broke without a
 * word is noticed by nothing else. While the socket is paused nothing can come.
 */
export function keepAlive(
  socket: StreamSocket,
  { intervalMs = 20_000, patienceMs = 80_000 }: HeartbeatOptions = {},
): void {
  let heardAt = performance.now();
  const heard = (): void => {
    heardAt = performance.now();
  };
  socket.on('message', heard);
  socket.on('ping', heard);
  socket.on('pong', heard);
  const timer = setInterval(() => {
    if (socket.isPaused) heard();
    else if (performance.now() - heardAt > patienceMs) socket.terminate();
    if (socket.readyState === OPEN) socket.ping();
  }, intervalMs);
  socket.once('close', () => clearInterval(timer));
}
