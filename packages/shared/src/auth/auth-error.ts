/**
 * - `unauthenticated`: there is no token, or Keystone does not accept it;
 * - `token_unscoped`: the token is good, but for no project;
 * - `forbidden`: the roles of the token do not allow this;
 * - `identity_unavailable`: Keystone cannot be asked now; the same request may succeed later.
 */
export type AuthErrorCode = 'unauthenticated' | 'token_unscoped' | 'forbidden' | 'identity_unavailable';

/** A caller cannot be told, or may not do what it asks for. The message is for the caller. */
export class AuthError extends Error {
  override readonly name: string = 'AuthError';
  readonly code: AuthErrorCode;

  constructor(code: AuthErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Keystone did not answer, or not in a usable way; the cause is kept. */
export class IdentityUnavailableError extends AuthError {
  override readonly name = 'IdentityUnavailableError';

  constructor(message: string, options?: ErrorOptions) {
    super('identity_unavailable', message, options);
  }
}
