import { EventEmitter } from 'node:events';
import type { SocketData, StreamSocket } from '@cetus/shared/streams';

/** A socket whose other end is the test: what is sent waits until the test takes it. */
export class FakeSocket extends EventEmitter implements StreamSocket {
  readyState = 1;
  bufferedAmount = 0;
  isPaused = true;
  pings = 0;
  readonly closings: [code: number | undefined, reason: string | undefined][] = [];
  readonly #waiting: { data: Buffer; binary: boolean; sent: () => void }[] = [];

  send(data: SocketData, { binary }: { binary: boolean }, sent: () => void): void {
    this.bufferedAmount += (data as Buffer).length;
    this.#waiting.push({ data: data as Buffer, binary, sent });
  }

  /** The next message that was sent to this side; undefined when there is none. */
  take(): { data: Buffer; binary: boolean } | undefined {
    const next = this.#waiting.shift();
    if (next === undefined) return undefined;
    this.bufferedAmount -= next.data.length;
    next.sent();
    return { data: next.data, binary: next.binary };
  }

  ping(): void {
    this.pings += 1;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  close(code?: number, reason?: string | Buffer): void {
    this.readyState = 2;
    this.closings.push([code, reason?.toString()]);
  }

  terminate(): void {
    this.ended(1006);
  }

  /** The end of the connection. */
  ended(code: number, reason = ''): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.emit('close', code, Buffer.from(reason));
  }
}
