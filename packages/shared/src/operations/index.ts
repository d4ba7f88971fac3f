export {
  acceptOperation,
  COMMAND_GRACE_MS,
  deleteAtOnce,
  newObject,
  updateAtOnce,
  type AcceptOptions,
  type NewObjectOptions,
  type Requester,
} from './accept.ts';
export { Dispatcher, type DispatcherOptions } from './dispatcher.ts';
export { ensureOperationIndexes, OperationStore, type StoredOperation } from './operation-store.ts';
