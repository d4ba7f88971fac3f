import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { SealedSecret } from '../schemas/secret.ts';
import type { KeyRing } from './key-ring.ts';
import { SecretError } from './secret-error.ts';

export type { SealedSecret } from '../schemas/secret.ts';

/** Where a secret is kept: it can be opened only there. */
export interface SecretPlace {
  /** The id of the object that holds it. */
  id: string;
  /** The field of the object, such as `status.kubeconfig`. */
  field: string;
}

const ALGORITHM = 'aes-256-gcm';
/** 96 bits, what GCM is defined for; random ones are safe for some 2^32 secrets a key (NIST SP 800-38D, 8.3). */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Seals secrets for the database with AES-256-GCM, bound to the object and the field that hold them. */
export class SecretBox {
  readonly #keys: KeyRing;

  constructor(keys: KeyRing) {
    this.#keys = keys;
  }

  /** Encrypts under the first key of the ring. */
  seal(plaintext: string | Uint8Array, place: SecretPlace): SealedSecret {
    const keyId = this.#keys.primaryId;
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, this.#keys.key(keyId), nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(associatedData(keyId, place));
    const bytes = typeof plaintext === 'string' ? Buffer.from(plaintext, 'utf8') : plaintext;
    const ciphertext = Buffer.concat([cipher.update(bytes), cipher.final()]);
    return {
      v: 1,
      key_id: keyId,
      nonce: nonce.toString('base64'),
      ciphertext: ciphertext.toString('base64'),
      tag: cipher.getAuthTag().toString('base64'),
    };
  }

  /**
   * Decrypts what was sealed for the same place, as text.
   *
   * @throws SecretError `key_unknown`, `record_invalid`, `record_rejected`
   */
  open(record: SealedSecret, place: SecretPlace): string {
    return this.openBytes(record, place).toString('utf8');
  }

  /** As {@link SecretBox.open}, for secrets that are not text. */
  openBytes(record: SealedSecret, place: SecretPlace): Buffer {
    assertRecord(record);
    const nonce = Buffer.from(record.nonce, 'base64');
    const tag = Buffer.from(record.tag, 'base64');
    if (nonce.length !== NONCE_BYTES || tag.length !== TAG_BYTES) {
      throw new SecretError('record_invalid', 'the nonce or the tag of a sealed secret has the wrong length');
    }
    const key = this.#keys.key(record.key_id);
    const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(associatedData(record.key_id, place));
    decipher.setAuthTag(tag);
    try {
      return Buffer.concat([decipher.update(Buffer.from(record.ciphertext, 'base64')), decipher.final()]);
    } catch (cause) {
      throw new SecretError('record_rejected', `the secret ${place.field} of ${place.id} cannot be opened`, {
        cause,
      });
    }
  }

  /** Whether the record is sealed under another key than the first of the ring. */
  needsRotation(record: SealedSecret): boolean {
    return record.key_id !== this.#keys.primaryId;
  }

  /** The same secret under the first key of the ring; the record itself when it is so already. Throws as `open` does. */
  rotate(record: SealedSecret, place: SecretPlace): SealedSecret {
    if (!this.needsRotation(record)) return record;
    const plaintext = this.openBytes(record, place);
    try {
      return this.seal(plaintext, place);
    } finally {
      plaintext.fill(0);
    }
  }
}

/** JSON keeps the parts apart: no id and field run together into another id and field. */
function associatedData(keyId: string, { id, field }: SecretPlace): Buffer {
  return Buffer.from(JSON.stringify(['cetus.secret', 1, keyId, id, field]), 'utf8');
}

/** The record comes from a database, where the type is only a promise. */
function assertRecord(record: SealedSecret): void {
  const found = record as unknown as Partial<Record<keyof SealedSecret, unknown>> | null;
  const strings = [found?.key_id, found?.nonce, found?.ciphertext, found?.tag];
  if (found?.v !== 1 || strings.some((value) => typeof value !== 'string')) {
    throw new SecretError('record_invalid', 'not a sealed secret of version 1');
  }
}
