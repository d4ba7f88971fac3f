import type { Scheduler, Wakeup } from '../scheduler.ts';
import type { EngineContext } from './engine-context.ts';
import { setStatus } from './records.ts';
import type { StackRecord } from './types.ts';

/** When the running actions of root stacks are given up; kept in the records too, to outlive the process. */
export class Deadlines {
  readonly #scheduler: Scheduler;
  readonly #onTime: (stack: StackRecord) => void;
  readonly #pending = new Map<string, Wakeup>();

  constructor(scheduler: Scheduler, onTime: (stack: StackRecord) => void) {
    this.#scheduler = scheduler;
    this.#onTime = onTime;
  }

  /** Sets a stack's deadline, milliseconds since 1970; replaces an earlier one. */
  set(stack: StackRecord, at: number): void {
    stack.deadline = at;
    this.#pending.get(stack.id)?.cancel();
    this.#pending.set(
      stack.id,
      this.#scheduler.at(at, () => this.#onTime(stack)),
    );
  }

  cancel(stack: StackRecord): void {
    stack.deadline = null;
    this.#pending.get(stack.id)?.cancel();
    this.#pending.delete(stack.id);
  }
}

/** Gives up the running action of a root stack and of all that is nested in it. */
export function timeOut(context: EngineContext, root: StackRecord): void {
  if (root.status !== 'IN_PROGRESS') return;
  const stacks = [root, ...context.store.nestedOf(root)];
  for (const stack of stacks) {
    for (const record of stack.resources) {
      if (record.status !== 'IN_PROGRESS') continue;
      context.wakeups.cancel(record);
      const task = `Task ${record.action.toLowerCase()} from ${pythonClass(record.type)} "${record.name}"`;
      const reason = `${record.action} aborted (${task} Stack "${stack.name}" [${stack.id}] Timed out)`;
      setStatus(context.store, stack, record, record.action, 'FAILED', reason);
    }
  }
  // The root last: its end may start a rollback.
  for (const stack of stacks.reverse()) {
    if (stack.status === 'IN_PROGRESS') context.stacks.finish(stack, 'FAILED', 'Timed out');
  }
}

function pythonClass(type: string): string {
  return type.startsWith('OS::Heat::') ? type.slice('OS::Heat::'.length) : type.replaceAll('::', '');
}
