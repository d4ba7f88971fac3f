import type { Scheduler } from '../scheduler.ts';
import type { Stats } from '../stats.ts';
import type { SwitchBoard } from '../switches.ts';
import type { StackStore } from './store.ts';
import type { Definition, StackRecord, Status } from './types.ts';
import type { Wakeups } from './wakeups.ts';

/** What is done with a resource. */
export type Verb = 'create' | 'update' | 'delete';

/** How long and how the engine works. */
export interface EngineOptions {
  /** Seconds an action of a resource takes: `name:<resource>`, then type, then `*`. */
  resourceSeconds: Record<string, number | Partial<Record<Verb, number>>>;
  /** Seconds in a minute of `timeout_mins`; smaller than 60 to try time-outs. */
  timeoutMinuteSeconds: number;
  /** Seconds a resource being made may still take when its stack is deleted. */
  cancelSeconds: number;
}

/** What a stack is made from. */
export interface NewStack {
  name: string;
  projectId: string;
  owner: string;
  tags: string[];
  timeoutMins: number | null;
  disableRollback: boolean;
  definition: Definition;
}

/** What the engine gets from the cloud. */
export interface EngineParts {
  store: StackStore;
  scheduler: Scheduler;
  switches: SwitchBoard;
  stats: Stats;
  options: EngineOptions;
}

/** What an action of a resource asks of the stacks: of its own, and of the one behind the resource. */
export interface StackActions {
  create(stack: NewStack, parent: StackRecord['parent'], rootId: string): StackRecord;
  update(stack: StackRecord, definition: Definition): void;
  delete(stack: StackRecord): void;
  /** Looks at a stack after all that happens in this turn, once. */
  advanceSoon(stack: StackRecord): void;
  /** Ends the running action of a stack. */
  finish(stack: StackRecord, status: Status, reason: string): void;
}

/** What all parts of the engine work with. */
export interface EngineContext extends EngineParts {
  wakeups: Wakeups;
  stacks: StackActions;
}
