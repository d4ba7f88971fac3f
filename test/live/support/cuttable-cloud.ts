import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * How the way to Heat is: open; cut (connections are refused); or such that the next creation of a stack gets through and its answer is
 * lost.
 */
export type HeatPath = 'open' | 'cut' | 'lose-next-create';

/** HTTP proxies in front of Keystone and Heat. Keystone's tokens name the proxy as Heat, so whoever asks this Keystone uses it. */
export class CuttableCloud {
  heatPath: HeatPath = 'open';
  /** Creations whose answer was lost. */
  lost = 0;
  keystoneUrl = '';
  private readonly realKeystone: URL;
  private readonly realHeat: URL;
  private heatUrl = '';
  private readonly servers: Server[] = [];

  /** @param heatUrl any URL at Heat */
  constructor(keystoneUrl: string, heatUrl: string) {
    this.realKeystone = new URL(keystoneUrl);
    this.realHeat = new URL(heatUrl);
  }

  async start(): Promise<void> {
    this.heatUrl = await this.serve((incoming, answer) => this.passToHeat(incoming, answer));
    const keystone = await this.serve((incoming, answer) => this.passToKeystone(incoming, answer));
    this.keystoneUrl = keystone + this.realKeystone.pathname;
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.servers.map((server) => {
        server.closeAllConnections();
        return new Promise((resolve) => server.close(resolve));
      }),
    );
  }

  private async serve(handler: (incoming: IncomingMessage, answer: ServerResponse) => void): Promise<string> {
    const server = createServer(handler);
    this.servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  }

  private passToHeat(incoming: IncomingMessage, answer: ServerResponse): void {
    if (this.heatPath === 'cut') {
      incoming.socket.destroy();
      return;
    }
    const lose =
      this.heatPath === 'lose-next-create' &&
      incoming.method === 'POST' &&
      (incoming.url ?? '').endsWith('/stacks');
    if (lose) this.heatPath = 'open';
    pass(incoming, answer, this.realHeat, (real) => {
      if (lose) {
        this.lost += 1;
        real.resume();
        incoming.socket.destroy();
      } else {
        answer.writeHead(real.statusCode ?? 502, real.headers);
        real.pipe(answer);
      }
    });
  }

  private passToKeystone(incoming: IncomingMessage, answer: ServerResponse): void {
    pass(incoming, answer, this.realKeystone, (real) => {
      const chunks: Buffer[] = [];
      real.on('data', (chunk: Buffer) => chunks.push(chunk));
      real.on('end', () => {
        const body = Buffer.concat(chunks).toString().replaceAll(this.realHeat.origin, this.heatUrl);
        const { 'content-length': _, 'transfer-encoding': __, ...headers } = real.headers;
        answer.writeHead(real.statusCode ?? 502, { ...headers, 'content-length': Buffer.byteLength(body) });
        answer.end(body);
      });
    });
  }
}

function pass(
  incoming: IncomingMessage,
  answer: ServerResponse,
  to: URL,
  onAnswer: (real: IncomingMessage) => void,
): void {
  const { host: _, connection: __, ...headers } = incoming.headers;
  const outgoing = request(
    { host: to.hostname, port: to.port, method: incoming.method, path: incoming.url, headers },
    onAnswer,
  );
  outgoing.on('error', () => answer.destroy());
  incoming.pipe(outgoing);
}
