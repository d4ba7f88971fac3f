import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A TCP proxy in front of a server (a URL; port 5672 when it names none): cuts, stalls and refuses the connections of one client without touching others. */
export class TcpProxy {
  private readonly listener = createServer((client) => this.accept(client));
  private readonly pairs = new Set<{ client: Socket; server: Socket }>();
  private readonly target: URL;
  private refusing = false;
  private stalled = false;
  /** How many connections were accepted so far. */
  accepted = 0;
  /** Cut each new connection after so many bytes from the server. */
  cutAfterBytes = Number.POSITIVE_INFINITY;

  constructor(target: string) {
    this.target = new URL(target);
  }

  /** Answers the URL to connect to in place of the server's. */
  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.listener.listen(0, '127.0.0.1', resolve));
    const url = new URL(this.target);
    url.hostname = '127.0.0.1';
    url.port = String((this.listener.address() as AddressInfo).port);
    return url.href;
  }

  /** Cuts all connections, and refuses new ones until {@link restore}. */
  cut(options: { refuse: boolean } = { refuse: true }): void {
    this.refusing = options.refuse;
    for (const { client, server } of this.pairs) {
      client.destroy();
      server.destroy();
    }
  }

  /** Passes nothing on from the clients, as a server that blocks its clients does. */
  stall(): void {
    this.stalled = true;
    for (const { client } of this.pairs) client.pause();
  }

  restore(): void {
    this.refusing = false;
    this.stalled = false;
    for (const { client } of this.pairs) client.resume();
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.listener.close(() => resolve()));
  }

  private accept(client: Socket): void {
    if (this.refusing) {
      client.destroy();
      return;
    }
    this.accepted += 1;
    let left = this.cutAfterBytes;
    const server = connect(Number(this.target.port || 5672), this.target.hostname);
    const pair = { client, server };
    this.pairs.add(pair);
    const end = (): void => {
      this.pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) socket.on('error', end).on('close', end);
    client.on('data', (data) => void server.write(data));
    server.on('data', (data) => {
      client.write(data);
      left -= data.length;
      if (left <= 0) end();
    });
    if (this.stalled) client.pause();
  }
}
