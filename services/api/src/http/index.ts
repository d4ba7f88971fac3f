export { requesterOf, scopeOfRequest } from './caller.ts';
export { ifMatchOf, notModified } from './conditional.ts';
export { Fingerprints } from './fingerprints.ts';
export { firstAnswer, idempotencyOf } from './idempotency.ts';
export { LinkBuilder } from './links.ts';
export { requireMicroversion, VERSION, type Microversion } from './microversion.ts';
export { answerPage } from './paging.ts';
export { isTrue } from './query.ts';
export {
  Empty,
  ERROR_RESPONSES,
  IdempotencyHeaders,
  IfMatchHeaders,
  IfNoneMatchHeaders,
  NoBody,
  NoQuery,
  type TypedApp,
} from './route.ts';
