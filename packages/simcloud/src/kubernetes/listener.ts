import {
  createServer as createHttpServer,
  ServerResponse,
  type IncomingMessage,
  type Server as HttpServer,
} from 'node:http';
import { createServer as createHttp2Server, type Http2Server, type ServerHttp2Session } from 'node:http2';
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

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** What listeners of all clusters share: one server for HTTP/1.1, with one timer for its connections, and one for HTTP/2. */
export class HttpFront {
  readonly #server: HttpServer;
  readonly #http2: Http2Server;
  readonly #handlers = new WeakMap<Socket | ServerHttp2Session, Handler>();

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
    this.#http2 = createHttp2Server((request, response) => {
      const session = request.stream.session as ServerHttp2Session | undefined;
      // Node's compatible classes are not the ones of HTTP/1.1, but do all that is done with those here.
      if (session !== undefined)
        this.#handlers.get(session)?.(
          request as unknown as IncomingMessage,
          response as unknown as ServerResponse,
        );
    });
    // What goes wrong with a connection is its client's matter.
    this.#http2.on('sessionError', () => undefined);
  }

  /** Serves HTTP on a connection. */
  serve(socket: TLSSocket, handler: Handler): void {
    if (socket.alpnProtocol === 'h2') {
      // As a TLS server says of its sockets; else HTTP/2 waits for a handshake that is over.
      Object.assign(socket, { secureConnecting: false });
      // Said before `emit` returns.
      this.#http2.once('session', (session) => this.#handlers.set(session, handler));
      this.#http2.emit('connection', socket);
      return;
    }
    this.#handlers.set(socket, handler);
    this.#server.emit('connection', socket);
  }

  close(): void {
    this.#server.close();
    this.#http2.close();
  }
}

/** One address on which a cluster's API is served over TLS. */
export class Listener {
  readonly #front: HttpFront;
  readonly #handler: Handler;
  readonly #sockets = new Set<Socket>();
  #context: SecureContext;
  #server: Server | undefined;
  #network: Network = 'up';
  #address = '';
  #port = 0;

  constructor(front: HttpFront, certificate: { certificate: string; key: string }, handler: Handler) {
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
      ALPNProtocols: ['h2', 'http/1.1'],
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
