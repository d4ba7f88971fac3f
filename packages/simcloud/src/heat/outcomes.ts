import type { EngineContext } from './engine-context.ts';
import { setStatus } from './records.ts';
import type { Failure, ResourceRecord, StackRecord } from './types.ts';

/** Ends the running action of a resource well. */
export function succeed(context: EngineContext, stack: StackRecord, record: ResourceRecord): void {
  setStatus(context.store, stack, record, record.action, 'COMPLETE', 'state changed');
  if (record.action === 'DELETE') stack.resources.splice(stack.resources.indexOf(record), 1);
  // One that finished for an older traversal is looked at again: its goal may have moved.
  context.stacks.advanceSoon(stack);
}

/**
 * Ends the running action of a resource, and with it that of its stack, with a failure; `inner` is the failure of the
 * stack behind the resource, when that is the cause.
 */
export function fail(
  context: EngineContext,
  stack: StackRecord,
  record: ResourceRecord,
  failure: { kind: string; message: string },
  inner?: Failure,
): void {
  const own =
    /^\d+$/.test(record.name) && stack.parent !== null
      ? `resources[${record.name}]`
      : `resources.${record.name}`;
  // Heat takes the inner reason apart at its colons and puts it together again.
  const message =
    inner === undefined
      ? failure.message
      : failure.message
          .split(':')
          .map((part) => part.trim())
          .join(': ');
  record.failure = {
    kind: failure.kind,
    path: inner === undefined ? own : `${own}.${inner.path}`,
    message,
  };
  record.willFail = null;
  const action = record.action === 'INIT' ? 'CREATE' : record.action;
  const reason = `${failure.kind}: ${record.failure.path}: ${message}`;
  setStatus(context.store, stack, record, action, 'FAILED', reason);
  if (stack.status !== 'IN_PROGRESS') {
    context.store.touch(stack);
    return;
  }
  stack.failure = record.failure;
  context.stacks.finish(stack, 'FAILED', `Resource ${action} failed: ${record.reason}`);
}
