import { PassThrough } from 'node:stream';
import type { RawData, WebSocket } from 'ws';

/** The channels that were asked for. */
export interface Channels {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  tty: boolean;
}

export interface WindowSize {
  width: number;
  height: number;
}

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const ERROR = 3;
const RESIZE = 4;
/** Of v5: a channel has ended. */
const CLOSE = 255;

/** Bytes that may wait for the client before a program is made to wait. */
const MOST_WAITING_BYTES = 256 * 1024;

/** One program's standard streams over a WebSocket: the first byte of each message is the channel. */
export class ChannelSocket {
  readonly channels: Channels;
  /** What the client sends to the program; ends with the client. */
  readonly stdin = new PassThrough();
  /** Aborted when the client has gone. */
  readonly gone: AbortSignal;
  size: WindowSize = { width: 80, height: 24 };
  readonly #socket: WebSocket;

  constructor(socket: WebSocket, { isV5, ...channels }: Channels & { isV5: boolean }) {
    this.#socket = socket;
    this.channels = channels;
    const gone = new AbortController();
    this.gone = gone.signal;
    socket.on('message', (data: RawData) => this.#take(data as Buffer, isV5));
    // A connection that is reset is its client's matter.
    socket.on('error', () => undefined);
    socket.once('close', () => {
      gone.abort();
      this.stdin.end();
    });
    // A kubelet says so that it is there.
    if (!isV5) socket.send(Buffer.from([STDOUT]));
  }

  /** Sends what a program writes; resolves when there is room for more. */
  async write(text: string | Buffer, isError = false): Promise<void> {
    const { stdout, stderr, tty } = this.channels;
    if (isError && !tty ? !stderr : !stdout) return;
    const bytes = tty ? Buffer.from(String(text).replaceAll('\n', '\r\n')) : Buffer.from(text);
    const message = Buffer.concat([Buffer.from([isError && !tty ? STDERR : STDOUT]), bytes]);
    await new Promise<void>((resolve) => {
      if (this.#socket.readyState !== this.#socket.OPEN) return resolve();
      this.#socket.send(message, () => resolve());
      if (this.#socket.bufferedAmount < MOST_WAITING_BYTES) resolve();
    });
  }

  /** The program has ended. */
  exit(code: number): void {
    this.#end(
      code === 0
        ? { metadata: {}, status: 'Success' }
        : {
            metadata: {},
            status: 'Failure',
            message: `command terminated with exit code ${String(code)}`,
            reason: 'NonZeroExitCode',
            details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
          },
    );
  }

  /** There is no program. */
  fail(why: string): void {
    this.#end({
      metadata: {},
      status: 'Failure',
      message: `Internal error occurred: ${why}`,
      reason: 'InternalError',
      details: { causes: [{ message: why }] },
      code: 500,
    });
  }

  #end(status: object): void {
    this.#socket.send(Buffer.concat([Buffer.from([ERROR]), Buffer.from(JSON.stringify(status))]));
    this.#socket.close(1000);
  }

  #take(data: Buffer, isV5: boolean): void {
    const [channel] = data;
    const rest = data.subarray(1);
    if (channel === STDIN && this.channels.stdin && !this.stdin.writableEnded) this.#input(rest);
    else if (channel === RESIZE && this.channels.tty) this.#resize(rest.toString());
    else if (channel === CLOSE && isV5 && rest[0] === STDIN) this.stdin.end();
  }

  #input(bytes: Buffer): void {
    // A terminal shows what is typed.
    if (this.channels.tty) void this.write(bytes);
    if (this.stdin.write(bytes)) return;
    this.#socket.pause();
    this.stdin.once('drain', () => this.#socket.resume());
  }

  #resize(text: string): void {
    try {
      const { Width: width, Height: height } = JSON.parse(text) as Record<string, unknown>;
      if (typeof width === 'number' && typeof height === 'number') this.size = { width, height };
    } catch (error) {
      // A size that is none is passed over.
      if (!(error instanceof SyntaxError)) throw error;
    }
  }
}
