import { createSecretKey, hkdfSync, randomBytes, type KeyObject } from 'node:crypto';
import { SecretError } from './secret-error.ts';

const KEY_BYTES = 32;
const KEY_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const BASE64 = /^[A-Za-z0-9+/]{43}=$/;

/** The keys that secrets are sealed under, by id. The first one seals, every one opens. */
export class KeyRing {
  readonly primaryId: string;
  readonly #keys: ReadonlyMap<string, KeyObject>;

  private constructor(primaryId: string, keys: ReadonlyMap<string, KeyObject>) {
    this.primaryId = primaryId;
    this.#keys = keys;
  }

  /**
   * Reads `id:base64key,id2:base64key`, each key 32 random bytes (`openssl rand -base64 32`). To rotate, put a new key in
   * front; remove the old one when no record needs it any more.
   *
   * @throws SecretError `key_ring_invalid`
   */
  static parse(text: string): KeyRing {
    const keys = new Map<string, KeyObject>();
    const entries = text.trim().split(/[\s,]+/);
    entries.forEach((entry, i) => {
      const colon = entry.indexOf(':');
      const id = entry.slice(0, Math.max(colon, 0));
      // The entry itself is never shown: it may be a key whose id was forgotten.
      if (!KEY_ID.test(id))
        throw invalid(`entry ${i + 1} of the key ring does not start with an id and a colon`);
      if (keys.has(id)) throw invalid(`the key ring holds two keys with the id ${id}`);
      const encoded = entry.slice(colon + 1);
      if (!BASE64.test(encoded)) throw invalid(`the key ${id} is not ${KEY_BYTES} bytes in base64`);
      const bytes = Buffer.from(encoded, 'base64');
      keys.set(id, createSecretKey(bytes));
      bytes.fill(0);
    });
    const [primaryId] = keys.keys();
    if (primaryId === undefined) throw invalid('the key ring is empty');
    return new KeyRing(primaryId, keys);
  }

  /** A new ring of one random key, in the form that {@link KeyRing.parse} reads. */
  static generate(id: string): string {
    return `${id}:${randomBytes(KEY_BYTES).toString('base64')}`;
  }

  /**
   * A ring of other keys under the same ids, for one purpose (HKDF-SHA256, RFC 5869): whoever has them learns nothing of these, and what
   * is done with them cannot be mixed up with what is done for another purpose.
   */
  derive(purpose: string): KeyRing {
    const keys = [...this.#keys].map(
      ([id, key]) =>
        [id, createSecretKey(Buffer.from(hkdfSync('sha256', key, '', purpose, KEY_BYTES)))] as const,
    );
    return new KeyRing(this.primaryId, new Map(keys));
  }

  has(id: string): boolean {
    return this.#keys.has(id);
  }

  /** @throws SecretError `key_unknown` */
  key(id: string): KeyObject {
    const key = this.#keys.get(id);
    if (!key) throw new SecretError('key_unknown', `the key ring holds no key ${JSON.stringify(id)}`);
    return key;
  }
}

function invalid(message: string): SecretError {
  return new SecretError('key_ring_invalid', message);
}
