import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

/** Ports given out by this process: the system may offer one again before its taker listens. */
const given = new Set<number>();

/** A TCP port of 127.0.0.1 that nobody listens on. Where a server can be told to take port 0, do that instead. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = await new Promise<number>((resolve, reject) => {
      const server = createServer();
      server.once('error', reject);
      server.listen(0, '127.0.0.1', () => {
        const { port: found } = server.address() as AddressInfo;
        server.close(() => resolve(found));
      });
    });
    if (!given.has(port)) {
      given.add(port);
      return port;
    }
  }
}
