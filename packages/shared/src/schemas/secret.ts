/** A secret at rest: AES-256-GCM under the key `key_id`; the binary fields are base64. See `@cetus/shared/secrets`. */
export interface SealedSecret {
  v: 1;
  key_id: string;
  nonce: string;
  ciphertext: string;
  tag: string;
}
