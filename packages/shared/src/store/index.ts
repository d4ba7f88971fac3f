export { connectStore, REPEATABLE_WRITE, type Store, type StoreOptions } from './store.ts';
export { collectionOf, ensureIndexes, type Kind } from './kind.ts';
export { ownedBy, scopeOf, type Scope } from './scope.ts';
export { checkIfMatch, entityTag } from './entity-tag.ts';
export { guard, isDuplicateKey } from './errors.ts';
export { inHealth, inState } from './list-filters.ts';
export { readPage, sortPath, type Page, type PageOf } from './paging.ts';
export { ensureRetention } from './retention.ts';
export { purgeDeleted } from './purge.ts';
export {
  checkIdempotency,
  ScopedStore,
  type ComputedField,
  type Fields,
  type IdempotentRequest,
} from './scoped-store.ts';
export { LeaseLostError, ReconcileStore, type Claim, type CommitFields } from './reconcile-store.ts';
export { PlacementStore } from './placement-store.ts';
export { FollowStore, type Followable, type HealthWrite } from './follow-store.ts';
export {
  ObservationStore,
  type ObservationWrite,
  type ObservedApplication,
  type PlacedApplication,
} from './observation-store.ts';
export { KINDS, APPLICATION, APPLICATION_SERVICE, CLUSTER, CLUSTER_TEMPLATE, QUOTA } from './kinds.ts';
