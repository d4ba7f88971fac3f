/**
 * - `key_ring_invalid`: the keys cannot be used as they are configured;
 * - `key_unknown`: the record was sealed under a key that the ring does not hold (any more);
 * - `record_invalid`: the record is not one that this module writes;
 * - `record_rejected`: the record was changed, or belongs to another object or field, or the key is not the one of that id.
 */
export type SecretErrorCode = 'key_ring_invalid' | 'key_unknown' | 'record_invalid' | 'record_rejected';

/** A secret cannot be sealed or opened. Its message never holds a secret or a key. */
export class SecretError extends Error {
  override readonly name = 'SecretError';
  readonly code: SecretErrorCode;

  constructor(code: SecretErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
