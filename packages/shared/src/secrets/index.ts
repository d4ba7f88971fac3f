export { SecretError, type SecretErrorCode } from './secret-error.ts';
export { KeyRing } from './key-ring.ts';
export { SecretBox, type SealedSecret, type SecretPlace } from './secret-box.ts';
export { loadOrCreateKeyRing } from './key-file.ts';
