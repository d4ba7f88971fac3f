import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** How the driver begins a write: the command's first field, a string, names the collection. */
function insertInto(collection: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32LE(collection.length + 1);
  return Buffer.concat([Buffer.from('\x02insert\0'), length, Buffer.from(`${collection}\0`)]);
}

/** A way to the database on which inserts into one collection can be kept from arriving. */
export class DatabaseGate {
  private readonly listener = createServer((client) => this.accept(client));
  private readonly sockets = new Set<Socket>();
  private readonly target: URL;
  private readonly marker: Buffer;
  private onHeld: (() => void) | undefined;

  /** @param target the URL of the server */
  constructor(target: string, collection: string) {
    this.target = new URL(target);
    this.marker = insertInto(collection);
  }

  /** Answers the URL to connect to in place of the server's. */
  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.listener.listen(0, '127.0.0.1', resolve));
    const url = new URL(this.target);
    url.host = `127.0.0.1:${(this.listener.address() as AddressInfo).port}`;
    url.searchParams.set('directConnection', 'true');
    return url.href;
  }

  /** From now on no insert arrives. Resolves when one was sent. */
  hold(): Promise<void> {
    return new Promise((resolve) => {
      this.onHeld = resolve;
    });
  }

  /** What is sent from now on arrives. */
  open(): void {
    this.onHeld = undefined;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => this.listener.close(() => resolve()));
  }

  private accept(client: Socket): void {
    const host = decodeURIComponent(this.target.hostname);
    const server = host.startsWith('/') ? connect(host) : connect(Number(this.target.port || 27017), host);
    const end = (): void => {
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) {
      this.sockets.add(socket);
      socket.on('error', end).on('close', () => {
        this.sockets.delete(socket);
        end();
      });
    }
    client.on('data', (data) => {
      if (this.onHeld !== undefined && data.includes(this.marker)) this.onHeld();
      else server.write(data);
    });
    server.pipe(client);
  }
}
