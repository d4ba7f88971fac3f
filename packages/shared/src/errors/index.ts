export { ERRORS, isErrorCode, type ErrorCode, type ErrorDefinition } from './table.ts';
export { CetusError, type CetusErrorOptions, type FailedResource } from './cetus-error.ts';
