import { CetusError } from '@cetus/shared/errors';
import type { FastifyReply, FastifyRequest } from 'fastify';

const JSON_ACCEPTED = /(?:^|,)\s*(?:\*\/\*|application\/(?:\*|json))\s*(?:;|,|$)/i;

/** A hook for `onRequest`: what can only read something else than is served is told so (the stream of events aside). */
export function requireJsonAccepted(
  request: FastifyRequest,
  _reply: FastifyReply,
  done: (error?: Error) => void,
): void {
  const { accept } = request.headers;
  const streamable =
    request.routeOptions.url === '/v1/events' && accept?.includes('text/event-stream') === true;
  const { media } = request.routeOptions.config;
  if (accept === undefined || accept === '' || streamable || JSON_ACCEPTED.test(accept)) done();
  // What goes wrong is JSON all the same.
  else if (media !== undefined && accepts(accept, media)) done();
  else
    done(new CetusError('not_acceptable', `Answers are ${media ?? 'application/json'}`, { field: 'Accept' }));
}

/** Whether a media type is among those of an Accept field, by itself or with all of its kind (RFC 9110, 12.5.1). */
function accepts(accept: string, media: string): boolean {
  const ranges = accept.split(',').map((one) => one.split(';', 1)[0]?.trim().toLowerCase());
  return ranges.includes(media) || ranges.includes(`${media.split('/', 1)[0] ?? ''}/*`);
}
