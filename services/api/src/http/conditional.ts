import type { StoredObject } from '@cetus/shared/schemas';
import { entityTag } from '@cetus/shared/store';
import type { FastifyReply, FastifyRequest } from 'fastify';

/**
 * Sets the entity tag of an answer about one object. True when the sender has it already (RFC 9110, 13.1.2): the answer is then
 * 304 without a body.
 * @param tag of what is shown, where that is more than the object
 */
export function notModified(
  request: FastifyRequest,
  reply: FastifyReply,
  object: StoredObject,
  tag = entityTag(object),
): boolean {
  reply.header('etag', tag);
  const header = request.headers['if-none-match'];
  if (header === undefined) return false;
  // The comparison is the weak one: a proxy may have weakened the tag that it passed on.
  const known = header.split(',').some((one) => one.trim() === '*' || one.trim().replace(/^W\//, '') === tag);
  if (known) reply.code(304);
  return known;
}

/** The If-Match of a request, for the store to check. */
export function ifMatchOf(request: FastifyRequest): { ifMatch?: string } {
  const ifMatch = request.headers['if-match'];
  return ifMatch === undefined ? {} : { ifMatch };
}
