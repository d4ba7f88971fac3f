import { converge } from './convergence.ts';
import type { EngineContext, EngineParts, NewStack } from './engine-context.ts';
import { notSupported } from './errors.ts';
import { EMPTY_DEFINITION, goalOf, type Goal } from './goal.ts';
import { tellParent } from './nested-stacks.ts';
import { addEvent, addResource, addStack } from './records.ts';
import { onActionTime } from './resource-actions.ts';
import { Deadlines, timeOut } from './timeouts.ts';
import type { Action, Definition, StackRecord, Status } from './types.ts';
import { Wakeups } from './wakeups.ts';

/** Minutes of an action when the stack names none (heat.conf `stack_action_timeout`, 3600 s). */
const DEFAULT_TIMEOUT_MINS = 60;

/**
 * Brings stacks to what they shall be, as Heat's convergence engine does: every resource in its turn, by its
 * dependencies; what has not changed is left alone; a new action takes over from one under way; what is no longer
 * wanted goes when nothing needs it any more. All times are wake-ups of one scheduler.
 */
export class HeatEngine {
  readonly #context: EngineContext;
  readonly #deadlines: Deadlines;
  readonly #toAdvance = new Set<StackRecord>();

  constructor(parts: EngineParts) {
    const context: EngineContext = {
      ...parts,
      wakeups: new Wakeups(parts.scheduler, (stack, record) => onActionTime(context, stack, record)),
      stacks: {
        create: (stack, parent, rootId) => this.#create(stack, parent, rootId),
        update: (stack, definition) => this.update(stack, definition),
        delete: (stack) => this.delete(stack),
        advanceSoon: (stack) => this.#advanceSoon(stack),
        finish: (stack, status, reason) => this.#finish(stack, status, reason),
      },
    };
    this.#context = context;
    this.#deadlines = new Deadlines(parts.scheduler, (stack) => timeOut(context, stack));
  }

  /** Goes on with everything a former run has left unfinished. */
  resume(): void {
    const { store, wakeups } = this.#context;
    for (const root of store.roots()) {
      for (const stack of [root, ...store.nestedOf(root)]) {
        for (const record of stack.resources)
          if (record.wakeAt !== null) wakeups.set(stack, record, record.wakeAt);
        if (stack.status !== 'IN_PROGRESS') continue;
        if (stack.deadline !== null) this.#deadlines.set(stack, stack.deadline);
        this.#advanceSoon(stack);
      }
    }
  }

  /** Makes a root stack and starts to create it. The definition has been checked. */
  create(stack: NewStack): StackRecord {
    const record = this.#create(stack, null);
    this.#context.stats.stackCreated(record.name);
    return record;
  }

  /** Starts an update; takes over from one under way. */
  update(stack: StackRecord, definition: Definition): void {
    stack.updatedAt = Date.now();
    this.#begin(stack, 'UPDATE', definition);
  }

  /** Starts the deletion. */
  delete(stack: StackRecord): void {
    if (stack.action === 'DELETE' && stack.status !== 'FAILED') return;
    stack.updatedAt = Date.now();
    this.#begin(stack, 'DELETE', stack.definition);
  }

  /** Stops an update and goes back to what was before it. @throws HeatError NotSupported when none is under way. */
  cancel(stack: StackRecord, withRollback: boolean): void {
    const allowed: Action[] = withRollback ? ['UPDATE'] : ['UPDATE', 'CREATE'];
    if (stack.status !== 'IN_PROGRESS' || !allowed.includes(stack.action)) {
      throw notSupported(`Cancelling update when stack is ${stack.action}_${stack.status}`);
    }
    if (withRollback) this.#rollback(stack);
    else this.#finish(stack, 'FAILED', `Stack ${stack.action} cancelled`);
  }

  #create(stack: NewStack, parent: StackRecord['parent'], rootId?: string): StackRecord {
    const record = addStack(this.#context.store, stack, parent, rootId);
    this.#begin(record, 'CREATE', stack.definition);
    return record;
  }

  #begin(stack: StackRecord, action: Action, definition: Definition): void {
    stack.action = action;
    stack.status = 'IN_PROGRESS';
    stack.reason = `Stack ${action} started`;
    stack.failure = null;
    stack.definition = definition;
    stack.traversal += 1;
    addEvent(this.#context.store, stack, null, stack.reason);
    if (stack.parent === null) {
      const minutes = stack.timeoutMins ?? DEFAULT_TIMEOUT_MINS;
      const milliseconds = minutes * this.#context.options.timeoutMinuteSeconds * 1000;
      this.#deadlines.set(stack, Date.now() + milliseconds);
    }
    if (action !== 'DELETE') prepare(stack, goalOf(definition));
    this.#advanceSoon(stack);
  }

  #advanceSoon(stack: StackRecord): void {
    this.#context.store.touch(stack);
    if (this.#toAdvance.size === 0) {
      queueMicrotask(() => {
        const stacks = [...this.#toAdvance];
        this.#toAdvance.clear();
        for (const one of stacks) this.#advance(one);
      });
    }
    this.#toAdvance.add(stack);
  }

  #advance(stack: StackRecord): void {
    if (stack.status !== 'IN_PROGRESS' || !converge(this.#context, stack)) return;
    if (stack.action === 'CREATE' || stack.action === 'UPDATE') stack.previous = stack.definition;
    this.#finish(stack, 'COMPLETE', `Stack ${stack.action} completed successfully`);
  }

  #finish(stack: StackRecord, status: Status, reason: string): void {
    const { store } = this.#context;
    const { action } = stack;
    stack.status = status;
    stack.reason = reason;
    this.#deadlines.cancel(stack);
    addEvent(store, stack, null, reason);
    store.touch(stack);
    if (action === 'DELETE' && status === 'COMPLETE') {
      stack.deletedAt = Date.now();
      store.markDeleted(stack);
    }
    if (status === 'FAILED' && !stack.disableRollback && (action === 'CREATE' || action === 'UPDATE'))
      this.#rollback(stack);
    else if (stack.parent !== null) tellParent(this.#context, stack, stack.parent);
  }

  #rollback(stack: StackRecord): void {
    this.#begin(stack, 'ROLLBACK', stack.previous ?? { ...EMPTY_DEFINITION, parameters: {} });
  }
}

/**
 * Gives every wanted resource a record at once, so that it is listed as INIT_COMPLETE. What could not be deleted is taken up again under
 * its name, which cannot end well where a stack stands behind it.
 */
function prepare(stack: StackRecord, goal: Goal): void {
  const present = new Set(stack.resources.filter((record) => !record.obsolete).map((record) => record.name));
  for (const [name, { definition }] of goal.resources) {
    if (present.has(name)) continue;
    const left = stack.resources.find(
      (record) =>
        record.name === name &&
        record.nestedId !== null &&
        record.action === 'DELETE' &&
        record.status === 'FAILED',
    );
    if (left === undefined) addResource(stack, name, definition.type);
    else left.obsolete = false;
  }
}
