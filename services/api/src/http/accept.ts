import { CetusError } from '@cetus/shared/errors';
import type { FastifyReply, FastifyRequest } from 'fastify';

const JSON_ACCEPTED = /(?:^|,)\s*(?:\*\/\*|application\/(?:\*|json))\s*(?:;|,|$)/i;

/** A hook for `onRequest`: what can only read something else than JSON is told so (the stream of events aside). */
export function requireJsonAccepted(
  request: FastifyRequest,
  _reply: FastifyReply,
  done: (error?: Error) => void,
): void {
  const { accept } = request.headers;
  const streamable =
    request.routeOptions.url === '/v1/events' && accept?.includes('text/event-stream') === true;
  if (accept === undefined || accept === '' || streamable || JSON_ACCEPTED.test(accept)) done();
  else done(new CetusError('not_acceptable', 'Answers are application/json', { field: 'Accept' }));
}
