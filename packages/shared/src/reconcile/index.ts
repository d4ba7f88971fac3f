export { backoff, DEFAULT_BACKOFF, type BackoffOptions } from './backoff.ts';
export { mergeConditions } from './conditions.ts';
export { DEFERRED, FairQueue, type FairQueueOptions } from './fair-queue.ts';
export type { Outcome, ReconcileContext, Reconciler } from './outcome.ts';
export { ReconcileLoop, type LoopLogger, type ReconcileLoopOptions } from './reconcile-loop.ts';
export { failureFrom, runRound, type RoundResult } from './round.ts';
export { settle, type SettleOptions } from './settle.ts';
