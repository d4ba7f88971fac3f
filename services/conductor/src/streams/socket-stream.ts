import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { CetusError } from '@cetus/shared/errors';
import {
  CLOSE,
  closed,
  keepAlive,
  MAX_MESSAGE_BYTES,
  offeredProtocols,
  pipeSockets,
} from '@cetus/shared/streams';
import { WebSocketServer, type WebSocket } from 'ws';

/** The upgrade of one connection. */
export interface Upgrade {
  request: IncomingMessage;
  socket: Duplex;
  head: Buffer;
}

/** The sockets of those who read two-way streams. */
export class SocketStreams {
  readonly #idleMs: number;
  /** The subprotocol of each upgrade under way. */
  readonly #protocols = new WeakMap<IncomingMessage, string>();
  readonly #server = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
    handleProtocols: (_offered, request) => this.#protocols.get(request) ?? false,
  });

  /** @param idleMs a stream without a message for so long is ended, in milliseconds */
  constructor(idleMs: number) {
    this.#idleMs = idleMs;
  }

  /** Bytes that wait in this process for readers. */
  get waitingBytes(): number {
    return [...this.#server.clients].reduce((sum, { bufferedAmount }) => sum + bufferedAmount, 0);
  }

  /**
   * Makes a WebSocket of a connection and one stream of it and another socket, and resolves when both are closed.
   * @param upstream paused; its subprotocol is the reader's
   * @param stop closes both; the code says so to the reader
   * @throws CetusError `invalid_field` when the reader does not speak the subprotocol
   */
  async join({ request, socket, head }: Upgrade, upstream: WebSocket, stop: AbortSignal): Promise<void> {
    const upstreamClosed = closed(upstream);
    const offered = offeredProtocols(request.headers);
    if (offered.length > 0 && !offered.includes(upstream.protocol)) {
      upstream.terminate();
      const field = 'Sec-WebSocket-Protocol';
      throw new CetusError('invalid_field', `Only ${upstream.protocol} is spoken here`, { field });
    }
    this.#protocols.set(request, upstream.protocol);
    const reader = await this.#upgrade(request, socket, head);
    if (reader === undefined) {
      upstream.terminate();
      return;
    }
    const readerClosed = closed(reader);
    const end = (): void => {
      reader.close(CLOSE.goingAway, 'the process stops');
      upstream.terminate();
    };
    keepAlive(reader);
    pipeSockets(reader, upstream, { idleMs: this.#idleMs });
    if (stop.aborted) end();
    stop.addEventListener('abort', end, { once: true });
    await Promise.all([readerClosed, upstreamClosed]);
    stop.removeEventListener('abort', end);
  }

  /** Undefined when the connection is gone, or what came over it is no handshake: the library has refused it then. */
  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<WebSocket | undefined> {
    if (socket.destroyed) return undefined;
    return new Promise((resolve) => {
      socket.once('close', () => resolve(undefined));
      this.#server.handleUpgrade(request, socket, head, resolve);
    });
  }

  /** Cuts the connections that are still there. */
  cut(): void {
    for (const reader of this.#server.clients) reader.terminate();
  }
}
