import { createHash, createHmac } from 'node:crypto';
import type { IdempotencyRecord } from '@cetus/shared/schemas';
import type { KeyRing } from '@cetus/shared/secrets';

type Fingerprint = Omit<IdempotencyRecord, 'key'>;

/**
 * What is kept of requests to know them again. They may hold secrets, so it is made with a key (HMAC-SHA256): without the key, whoever
 * reads the database cannot find out a secret by trying. Without a key ring it is a plain digest, of which that is not true.
 */
export class Fingerprints {
  readonly #keys: KeyRing | undefined;

  /** @param keys keys that are used for other things, too, are safe: others are derived from them */
  constructor(keys: KeyRing | undefined) {
    this.#keys = keys?.derive('cetus.fingerprint.1');
  }

  /** The fingerprint of a text, with the first key of the ring. */
  of(text: string): Fingerprint {
    const keys = this.#keys;
    if (keys === undefined) return { fingerprint: createHash('sha256').update(text).digest('hex') };
    return this.#with(keys, keys.primaryId, text);
  }

  /**
   * Whether a fingerprint may be of a text, whichever key it was made with. One whose key is not in the ring any more, or not yet in that
   * of this process, says nothing: a client that sends its request again is not refused because keys have changed.
   */
  matches({ fingerprint, key_id }: Fingerprint, text: string): boolean {
    if (key_id === undefined) return fingerprint === new Fingerprints(undefined).of(text).fingerprint;
    const keys = this.#keys;
    return keys?.has(key_id) !== true || fingerprint === this.#with(keys, key_id, text).fingerprint;
  }

  #with(keys: KeyRing, key_id: string, text: string): Fingerprint {
    return { fingerprint: createHmac('sha256', keys.key(key_id)).update(text).digest('hex'), key_id };
  }
}
