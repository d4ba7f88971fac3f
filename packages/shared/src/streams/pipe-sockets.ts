import { CLOSE, OPEN, type StreamSocket } from './stream-socket.ts';

export interface PipeOptions {
  /** Without a message either way for so long, both ends are closed, in milliseconds. Default: never. */
  idleMs?: number;
}

/** Bytes that may wait for one side; past them the other one is not read until most of it has gone. */
export const MOST_WAITING_BYTES = 256 * 1024;
const FEW_WAITING_BYTES = MOST_WAITING_BYTES / 4;

/**
 * Makes one connection of two: every message of one side goes to the other as it came, and the end of one is the end of the other,
 * with its code. A side that does not keep up holds the other one back. Both may be paused before.
 */
export function pipeSockets(one: StreamSocket, other: StreamSocket, { idleMs }: PipeOptions = {}): void {
  if (idleMs !== undefined) endWhenIdle(one, other, idleMs);
  forward(one, other);
  forward(other, one);
  one.resume();
  other.resume();
}

function forward(from: StreamSocket, to: StreamSocket): void {
  from.on('message', (data, binary) => {
    if (to.readyState !== OPEN) return;
    to.send(data, { binary }, () => {
      if (from.isPaused && to.bufferedAmount <= FEW_WAITING_BYTES) from.resume();
    });
    if (to.bufferedAmount > MOST_WAITING_BYTES) from.pause();
  });
  // What went wrong is told by the code of the close that follows it.
  from.on('error', () => undefined);
  from.once('close', (code, reason) => end(to, code, reason));
}

/** Closes a side because the other one was. */
function end(socket: StreamSocket, code: number, reason: Buffer): void {
  // The answer to a close would not be read.
  socket.resume();
  if (code === CLOSE.none) socket.close();
  else if (code === CLOSE.abnormal) socket.close(CLOSE.badGateway);
  else socket.close(code, reason);
}

function endWhenIdle(one: StreamSocket, other: StreamSocket, idleMs: number): void {
  const timer = setTimeout(() => {
    for (const socket of [one, other]) socket.close(CLOSE.goingAway, 'nothing was sent for too long');
  }, idleMs);
  for (const socket of [one, other]) {
    socket.on('message', () => timer.refresh());
    socket.once('close', () => clearTimeout(timer));
  }
}
