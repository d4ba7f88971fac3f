import { createTokenCache } from '@cetus/shared/auth';
import type { StreamTicket } from '@cetus/shared/streams';
import type { FastifyInstance } from 'fastify';
import { authenticate } from '../../src/http/authentication.ts';
import { TOKENS, type TestApi } from './api.ts';

/** Routes that pass on whatever the ticket is for, as those of applications do: `/log` and `/socket`. */
export async function streamRoutes(app: FastifyInstance, ticket: () => StreamTicket): Promise<void> {
  await app.register(async (scope) => {
    authenticate(scope, {
      tokens: createTokenCache({ validateToken: async (token) => TOKENS[token] ?? null }),
    });
    scope.get('/log', { config: { role: 'reader' } }, (request, reply) =>
      app.ticketPipes.pipeLog(request, reply, ticket()),
    );
    scope.get(
      '/socket',
      {
        websocket: true,
        config: { role: 'member' },
        preHandler: (request) => app.ticketPipes.connect(request, ticket()),
      },
      (socket, request) => app.ticketPipes.pipeWebSocket(socket, request),
    );
  });
}

/** Lets the API listen. @returns its address, with `http` */
export async function listen({ app }: TestApi): Promise<string> {
  return app.listen({ host: '127.0.0.1', port: 0 });
}
