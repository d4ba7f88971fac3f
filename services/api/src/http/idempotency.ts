import { CetusError } from '@cetus/shared/errors';
import type { StoredObject } from '@cetus/shared/schemas';
import type { IdempotentRequest, ScopedStore } from '@cetus/shared/store';
import type { FastifyRequest } from 'fastify';
import type { Fingerprints } from './fingerprints.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** What requests with an Idempotency-Key are known again by. */
    fingerprints: Fingerprints;
  }
}

const VISIBLE_ASCII = /^[\x21-\x7e]{1,255}$/;

/**
 * The Idempotency-Key of a request with a fingerprint of what it asks for, so that the same key for something else is noticed. The
 * version of the API is no part of it: a client may be updated between two attempts.
 * @throws CetusError `invalid_field`
 */
export function idempotencyOf(request: FastifyRequest): IdempotentRequest | undefined {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key !== 'string' || !VISIBLE_ASCII.test(key)) {
    throw new CetusError('invalid_field', 'Idempotency-Key must be 1 to 255 visible ASCII characters', {
      field: 'Idempotency-Key',
    });
  }
  const path = request.url.split('?', 1)[0] ?? '';
  const asked = `${request.method}\n${path.replace(/\/+$/, '')}\n${JSON.stringify(request.body ?? null)}`;
  const { fingerprints } = request.server;
  return {
    record: { key, ...fingerprints.of(asked) },
    matches: (kept) => fingerprints.matches(kept, asked),
  };
}

/**
 * What the first request with the key made. Looked up before anything is checked: what the request needed may have gone since. Of
 * requests that come at once, the unique index of the store lets one through.
 * @throws CetusError `idempotency_key_reused`
 */
export async function firstAnswer<T extends StoredObject>(
  store: ScopedStore<T>,
  caller: { projectId: string },
  idempotency: IdempotentRequest | undefined,
): Promise<T | null> {
  return idempotency === undefined ? null : store.findByIdempotencyKey(caller.projectId, idempotency);
}
