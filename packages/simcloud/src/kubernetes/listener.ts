import {
  createServer as createHttpServer,
  ServerResponse,
  type IncomingMessage,
  type Server as HttpServer,
} from 'node:http';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createSecureContext, TLSSocket, type SecureContext } from 'node:tls';

/** What a network does to a cluster: works, refuses connections, or swallows them. */
export type Network = 'up' | 'refused' | 'hanging';

/** A connection that a request wants to use for another protocol. */
export interface Upgrade {
  socket: Socket;
  /** What came after the request. */
  head: Buffer;
}

const upgrades = new WeakMap<IncomingMessage, Upgrade>();

/** The connection of a request that asks for another protocol; undefined for other requests. */
export function upgradeOf(request: IncomingMessage): Upgrade | undefined {
  return upgrades.get(request);
}

/** What listeners of all clusters share: one HTTP server, with one timer for its connections. */
export class HttpFront {
  readonly #server: HttpServer;
  readonly #handlers = new WeakMap<Socket, (request: IncomingMessage, response: ServerResponse) => void>();

  constructor() {
    this.#server = createHttpServer({ keepAliveTimeout: 60_000 }, (request, response) => {
      const handler = this.#handlers.get(request.socket);
      if (handler === undefined) request.socket.destroy();
      else handler(request, response);
    });
    this.#server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
      // Whatever it is for, it is answered like any other request: only some know what to do with the connection.
      const response = new ServerResponse(request);
      response.shouldKeepAlive = false;
      response.assignSocket(socket);
      response.once('finish', () => socket.end());
      upgrades.set(request, { socket, head });
      this.#server.emit('request', request, response);
    });
    this.#server.on('clientError', (_error, socket) => socket.destroy());
  }

  /** Serves HTTP on a connection. */
  serve(socket: Socket, handler: (request: IncomingMessage, response: ServerResponse) => void): void {
    this.#handlers.set(socket, handler);
    this.#server.emit('connection', socket);
  }

  close(): void {
    this.#server.close();
  }
}

/** One address on which a cluster's API is served over TLS. */
export class Listener {
  readonly #front: HttpFront;
  readonly #handler: (request: IncomingMessage, response: ServerResponse) => void;
  readonly #sockets = new Set<Socket>();
  #context: SecureContext;
  #server: Server | undefined;
  #network: Network = 'up';
  #address = '';
  #port = 0;

  constructor(
    front: HttpFront,
    certificate: { certificate: string; key: string },
    handler: (request: IncomingMessage, response: ServerResponse) => void,
  ) {
    this.#front = front;
    this.#handler = handler;
    this.#context = contextOf(certificate);
  }

  get port(): number {
    return this.#port;
  }

  get network(): Network {
    return this.#network;
  }

  /** New connections are served with another certificate; those that are open are ended. */
  setCertificate(certificate: { certificate: string; key: string }): void {
    this.#context = contextOf(certificate);
    this.#dropAll();
  }

  /** @throws the system's error when the address cannot be had (EADDRINUSE, EADDRNOTAVAIL) */
  async listen(address: string, port: number): Promise<void> {
    const server = createServer((socket) => this.#accept(socket));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: address, port }, resolve);
    });
    this.#server = server;
    this.#address = address;
    this.#port = (server.address() as AddressInfo).port;
  }

  /** Cuts or mends the network. What hangs stays silent, then gets nothing when the network is back, as with a real one. */
  async setNetwork(network: Network): Promise<void> {
    if (network === this.#network) return;
    const before = this.#network;
    this.#network = network;
    if (network === 'refused') {
      this.#dropAll();
      await this.#stop();
    } else if (network === 'hanging') {
      for (const socket of this.#sockets) socket.cork();
    } else {
      this.#dropAll();
    }
    if (before === 'refused') await this.listen(this.#address, this.#port);
  }

  async close(): Promise<void> {
    this.#dropAll();
    await this.#stop();
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    // A connection that is reset is its client's matter.
    socket.on('error', () => socket.destroy());
    if (this.#network === 'hanging') return;
    const secure = new TLSSocket(socket, {
      isServer: true,
      secureContext: this.#context,
      requestCert: true,
      // Whose certificate it is, and whether it is good, is asked when a request comes: other credentials may be.
      rejectUnauthorized: false,
    });
    this.#sockets.add(secure);
    secure.once('close', () => this.#sockets.delete(secure));
    secure.on('error', () => secure.destroy());
    secure.once('secure', () =>
      this.#front.serve(secure, (request, response) => {
        if (this.#network === 'up') this.#handler(request, response);
      }),
    );
  }

  #dropAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async #stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server !== undefined) await new Promise<void>((resolve) => server.close(() => resolve()));
  }
}

function contextOf({ certificate, key }: { certificate: string; key: string }): SecureContext {
  // Without a context OpenSSL refuses to resume sessions for which it asks for a client certificate.
  return createSecureContext({ cert: certificate, key, sessionIdContext: 'cluster' });
}
