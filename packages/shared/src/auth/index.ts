export { AuthError, IdentityUnavailableError, type AuthErrorCode } from './auth-error.ts';
export type { TokenInfo, TokenValidator } from './token-validator.ts';
export { hasRole, requireRole, toCaller, type Caller, type Role } from './caller.ts';
export { createTokenCache, type TokenCache, type TokenCacheOptions } from './token-cache.ts';
