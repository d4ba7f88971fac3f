import { createHash } from 'node:crypto';
import { CetusError } from '@cetus/shared/errors';
import type { FastifyRequest } from 'fastify';

const VISIBLE_ASCII = /^[\x21-\x7e]{1,255}$/;

/**
 * The Idempotency-Key of a request with a digest of what it asks for, so that the same key for something else is noticed. The
 * version of the API is no part of it: a client may be updated between two attempts.
 * @throws CetusError `invalid_field`
 */
export function idempotencyOf(request: FastifyRequest): {
  idempotency?: { key: string; fingerprint: string };
} {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return {};
  if (typeof key !== 'string' || !VISIBLE_ASCII.test(key)) {
    throw new CetusError('invalid_field', 'Idempotency-Key must be 1 to 255 visible ASCII characters', {
      field: 'Idempotency-Key',
    });
  }
  const path = request.url.split('?', 1)[0] ?? '';
  const asked = `${request.method}\n${path.replace(/\/+$/, '')}\n${JSON.stringify(request.body ?? null)}`;
  return { idempotency: { key, fingerprint: createHash('sha256').update(asked).digest('hex') } };
}
