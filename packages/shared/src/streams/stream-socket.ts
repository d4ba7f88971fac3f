/** The part of a WebSocket of the library `ws` that streams are made of; only processes that open sockets load the library. */
export interface StreamSocket {
  readonly readyState: number;
  /** Bytes that wait in this process to be sent. */
  readonly bufferedAmount: number;
  readonly isPaused: boolean;
  on(event: 'message', listener: (data: SocketData, isBinary: boolean) => void): unknown;
  on(event: 'ping' | 'pong', listener: () => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  once(event: 'close', listener: (code: number, reason: Buffer) => void): unknown;
  send(data: SocketData, options: { binary: boolean }, sent: (error?: Error | null) => void): void;
  ping(): void;
  /** Nothing is read until `resume`. */
  pause(): void;
  resume(): void;
  close(code?: number, reason?: string | Buffer): void;
  terminate(): void;
}

export type SocketData = Buffer | ArrayBuffer | Buffer[];

/** `readyState` of a socket that takes messages, and of one that is no more. */
export const OPEN = 1;
const CLOSED = 3;

/** Bytes of one message, in either direction; a longer one ends its socket. Kubernetes sends 32 KiB at most. */
export const MAX_MESSAGE_BYTES = 1024 * 1024;

/** Why a socket was closed. Source: https://www.iana.org/assignments/websocket */
export const CLOSE = { normal: 1000, goingAway: 1001, none: 1005, abnormal: 1006, badGateway: 1014 } as const;

/** The subprotocols that a handshake offers, the preferred one first. */
export function offeredProtocols(headers: {
  readonly 'sec-websocket-protocol'?: string | undefined;
}): string[] {
  return (headers['sec-websocket-protocol'] ?? '')
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');
}

/** Waits until a socket is closed. */
export async function closed(socket: Pick<StreamSocket, 'readyState' | 'once'>): Promise<void> {
  if (socket.readyState !== CLOSED)
    await new Promise<void>((resolve) => socket.once('close', () => resolve()));
}
