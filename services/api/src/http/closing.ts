import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

/**
 * Lets the server close as soon as the requests that are going on have been answered. Node waits for connections that have not sent
 * anything yet (browsers and proxies open some in advance), and keeps those whose answer ends only then for another request.
 */
export function closePromptly(app: FastifyInstance): void {
  const silent = new Set<Socket>();
  let closing = false;
  app.server.on('connection', (socket: Socket) => {
    if (closing) {
      socket.destroy();
      return;
    }
    silent.add(socket);
    socket.once('close', () => silent.delete(socket));
  });
  for (const event of ['request', 'upgrade'])
    app.server.on(event, ({ socket }: IncomingMessage) => silent.delete(socket));
  app.addHook('preClose', async () => {
    closing = true;
    app.server.keepAliveTimeout = 1;
    for (const socket of silent) socket.destroy();
  });
}
