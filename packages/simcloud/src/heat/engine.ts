import { randomUUID } from 'node:crypto';
import { hexId, shortId } from '../ids.ts';
import type { Scheduler, Wakeup } from '../scheduler.ts';
import type { Stats } from '../stats.ts';
import type { SwitchBoard } from '../switches.ts';
import { HeatError, notSupported } from './errors.ts';
import { canonical, resolve } from './functions.ts';
import { EMPTY_DEFINITION, goalOf, type Goal, type GoalResource } from './goal.ts';
import { groupDefinition, sameDefinition } from './group.ts';
import {
  GROUP,
  isYes,
  needsReplacement,
  NONE,
  ownSeconds,
  RANDOM,
  randomString,
  TEST,
} from './resource-types.ts';
import { stackScope } from './scope.ts';
import type { StackStore } from './store.ts';
import { templateObject } from './template.ts';
import type { Action, Definition, Failure, ResourceRecord, StackRecord, Status } from './types.ts';

type Verb = 'create' | 'update' | 'delete';

/** How long and how the engine works. */
export interface EngineOptions {
  /** Seconds an action of a resource takes: `name:<resource>`, then type, then `*`. */
  resourceSeconds: Record<string, number | Partial<Record<Verb, number>>>;
  /** Seconds in a minute of `timeout_mins`; smaller than 60 to try time-outs. */
  timeoutMinuteSeconds: number;
  /** Seconds a resource being made may still take when its stack is deleted. */
  cancelSeconds: number;
}

export interface NewStack {
  name: string;
  projectId: string;
  owner: string;
  tags: string[];
  timeoutMins: number | null;
  disableRollback: boolean;
  definition: Definition;
}

/** Minutes of an action when the stack names none (heat.conf `stack_action_timeout`, 3600 s). */
const DEFAULT_TIMEOUT_MINS = 60;

/**
 * Brings stacks to what they shall be, as Heat's convergence engine does: every resource in its turn, by its
 * dependencies; what has not changed is left alone; a new action takes over from one under way; what is no longer
 * wanted goes when nothing needs it any more. All times are wake-ups of one scheduler.
 */
export class HeatEngine {
  readonly #store: StackStore;
  readonly #scheduler: Scheduler;
  readonly #switches: SwitchBoard;
  readonly #stats: Stats;
  readonly #options: EngineOptions;
  readonly #wakeups = new Map<ResourceRecord, Wakeup>();
  readonly #deadlines = new Map<string, Wakeup>();
  readonly #toAdvance = new Set<StackRecord>();

  constructor(parts: {
    store: StackStore;
    scheduler: Scheduler;
    switches: SwitchBoard;
    stats: Stats;
    options: EngineOptions;
  }) {
    this.#store = parts.store;
    this.#scheduler = parts.scheduler;
    this.#switches = parts.switches;
    this.#stats = parts.stats;
    this.#options = parts.options;
  }

  /** Goes on with everything a former run has left unfinished. */
  resume(): void {
    for (const root of this.#store.roots()) {
      for (const stack of [root, ...this.#store.nestedOf(root)]) {
        for (const record of stack.resources)
          if (record.wakeAt !== null) this.#wakeLater(stack, record, record.wakeAt);
        if (stack.status !== 'IN_PROGRESS') continue;
        if (stack.deadline !== null) this.#armDeadline(stack, stack.deadline);
        this.#advanceSoon(stack);
      }
    }
  }

  /** Makes a stack and starts to create it. The definition has been checked. */
  create(stack: NewStack, parent: StackRecord['parent'] = null, rootId?: string): StackRecord {
    const id = randomUUID();
    const record: StackRecord = {
      id,
      sequence: this.#store.nextSequence(),
      userProjectId: hexId(),
      ...stack,
      parent,
      rootId: rootId ?? id,
      createdAt: Date.now(),
      updatedAt: null,
      deletedAt: null,
      action: 'INIT',
      status: 'COMPLETE',
      reason: '',
      previous: null,
      traversal: 0,
      deadline: null,
      nextUid: 0,
      failure: null,
      resources: [],
    };
    this.#store.add(record);
    if (parent === null) this.#stats.stackCreated(record.name);
    this.#begin(record, 'CREATE', stack.definition);
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

  #begin(stack: StackRecord, action: Action, definition: Definition): void {
    stack.action = action;
    stack.status = 'IN_PROGRESS';
    stack.reason = `Stack ${action} started`;
    stack.failure = null;
    stack.definition = definition;
    stack.traversal += 1;
    this.#event(stack, null, stack.reason);
    if (stack.parent === null) {
      const minutes = stack.timeoutMins ?? DEFAULT_TIMEOUT_MINS;
      this.#armDeadline(stack, Date.now() + minutes * this.#options.timeoutMinuteSeconds * 1000);
    }
    if (action !== 'DELETE') this.#prepare(stack, goalOf(definition));
    this.#advanceSoon(stack);
  }

  /** Gives every wanted resource a record at once, so that it is listed as INIT_COMPLETE. */
  #prepare(stack: StackRecord, goal: Goal): void {
    const present = new Set(
      stack.resources.filter((record) => !record.obsolete).map((record) => record.name),
    );
    for (const [name, { definition }] of goal.resources) {
      if (!present.has(name)) this.#addRecord(stack, name, definition.type);
    }
  }

  #addRecord(stack: StackRecord, name: string, type: string): ResourceRecord {
    const now = Date.now();
    const record: ResourceRecord = {
      uid: stack.nextUid++,
      name,
      type,
      physicalId: null,
      physicalName: `${stack.name}-${name}-${shortId()}`,
      action: 'INIT',
      status: 'COMPLETE',
      reason: '',
      createdAt: now,
      updatedAt: now,
      properties: {},
      requires: [],
      data: {},
      nestedId: null,
      convergedIn: -1,
      obsolete: false,
      wakeAt: null,
      willFail: null,
      failure: null,
    };
    stack.resources.push(record);
    return record;
  }

  /** Looks at a stack after all that happens in this turn, once. */
  #advanceSoon(stack: StackRecord): void {
    this.#store.touch(stack);
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
    if (stack.status !== 'IN_PROGRESS') return;
    const goal = stack.action === 'DELETE' ? goalOf(EMPTY_DEFINITION) : goalOf(stack.definition);
    const current = new Map<string, ResourceRecord>();
    for (const record of stack.resources) {
      if (!record.obsolete && !goal.resources.has(record.name)) this.#drop(stack, record);
      if (!record.obsolete) current.set(record.name, record);
    }
    let waiting = false;
    for (const [name, wanted] of goal.resources) {
      const record = current.get(name);
      if (record === undefined || record.convergedIn === stack.traversal) continue;
      const ready = wanted.requires.every((other) => current.get(other)?.convergedIn === stack.traversal);
      if (record.status !== 'IN_PROGRESS' && ready) {
        const replaced = this.#start(stack, record, wanted);
        if (replaced !== undefined) current.set(name, replaced);
      }
      if (current.get(name)?.convergedIn !== stack.traversal) waiting = true;
      // A resource that could not even begin has failed the stack.
      if (stack.status !== 'IN_PROGRESS') return;
    }
    if (this.#cleanUp(stack, current)) waiting = true;
    if (!waiting) this.#complete(stack);
  }

  /** Deletes what is no longer wanted and no longer needed. @returns true while something is left. */
  #cleanUp(stack: StackRecord, current: ReadonlyMap<string, ResourceRecord>): boolean {
    // What was never made needs no deletion, and must not keep what it would have been built upon.
    stack.resources = stack.resources.filter(
      (record) => !record.obsolete || record.physicalId !== null || record.status === 'IN_PROGRESS',
    );
    const obsolete = stack.resources.filter((record) => record.obsolete);
    if (obsolete.length === 0) return false;
    const needed = new Set<string>();
    for (const record of stack.resources) {
      if (record.obsolete || record.convergedIn !== stack.traversal)
        for (const name of record.requires) needed.add(name);
    }
    for (const record of obsolete) {
      const isRunning =
        record.status === 'IN_PROGRESS' && (record.action === 'DELETE' || record.nestedId === null);
      const successor = current.get(record.name);
      const isReplaced = successor === undefined || successor.convergedIn === stack.traversal;
      if (!isRunning && isReplaced && !needed.has(record.name)) this.#startDelete(stack, record);
    }
    return true;
  }

  /** Marks a record for deletion; one in the making gets a little more time, as it cannot be stopped at once. */
  #drop(stack: StackRecord, record: ResourceRecord): void {
    record.obsolete = true;
    if (record.status !== 'IN_PROGRESS' || record.action === 'DELETE' || record.nestedId !== null) return;
    const latest = Date.now() + this.#options.cancelSeconds * 1000;
    if (record.wakeAt === null || record.wakeAt > latest) this.#wakeLater(stack, record, latest);
  }

  /** Begins what a resource needs to reach its goal, if anything. @returns the new record when it is replaced. */
  #start(stack: StackRecord, record: ResourceRecord, wanted: GoalResource): ResourceRecord | undefined {
    let properties: Record<string, unknown>;
    try {
      properties = resolve(
        wanted.definition.properties,
        stackScope(this.#store, this.#switches, stack),
      ) as Record<string, unknown>;
    } catch (error) {
      if (!(error instanceof HeatError)) throw error;
      this.#fail(stack, record, { kind: error.type, message: error.message });
      return undefined;
    }
    record.requires = wanted.requires;
    const isNested = this.#isNested(stack, wanted.implementation);
    if (record.action === 'INIT') {
      this.#startAction(stack, record, wanted, 'create', properties);
      return undefined;
    }
    const isFailed = record.status === 'FAILED';
    const isChanged =
      record.type !== wanted.definition.type || canonical(record.properties) !== canonical(properties);
    if (!isFailed && !isChanged) {
      record.convergedIn = stack.traversal;
      return undefined;
    }
    const mustReplace =
      record.type !== wanted.definition.type ||
      needsReplacement(wanted.implementation, record.properties, properties);
    if (mustReplace && !isFailed) {
      this.#setStatus(stack, record, 'UPDATE', 'IN_PROGRESS', 'state changed');
      this.#setStatus(
        stack,
        record,
        'UPDATE',
        'COMPLETE',
        `The Resource ${record.name} requires replacement.`,
      );
    }
    if (mustReplace || (isFailed && !isNested)) {
      record.obsolete = true;
      const successor = this.#addRecord(stack, record.name, wanted.definition.type);
      successor.requires = wanted.requires;
      this.#startAction(stack, successor, wanted, 'create', properties);
      return successor;
    }
    this.#startAction(stack, record, wanted, 'update', properties);
    return undefined;
  }

  #startAction(
    stack: StackRecord,
    record: ResourceRecord,
    wanted: GoalResource,
    verb: 'create' | 'update',
    properties: Record<string, unknown>,
  ): void {
    const type = wanted.implementation;
    const valueChanged = canonical(record.properties['value']) !== canonical(properties['value']);
    record.properties = properties;
    this.#setStatus(stack, record, verb === 'create' ? 'CREATE' : 'UPDATE', 'IN_PROGRESS', 'state changed');
    const isNested = this.#isNested(stack, type);
    if (verb === 'create' && !isNested) {
      if (type === RANDOM) record.data['value'] = randomString(Number(properties['length'] ?? 32));
      record.physicalId = type === TEST || type === RANDOM ? record.physicalName : randomUUID();
    }
    if (type === TEST && !isYes(properties['fail']))
      record.data['value'] = properties['value'] ?? 'test_string';
    this.#plan(stack, record, type, verb, valueChanged);
  }

  #startDelete(stack: StackRecord, record: ResourceRecord): void {
    this.#setStatus(stack, record, 'DELETE', 'IN_PROGRESS', 'state changed');
    const goal = goalOf(stack.definition).resources.get(record.name);
    this.#plan(stack, record, goal?.implementation ?? record.type, 'delete', false);
  }

  /** Decides how long the action takes and how it ends: by metadata, by the switches, by its type. */
  #plan(stack: StackRecord, record: ResourceRecord, type: string, verb: Verb, valueChanged: boolean): void {
    this.#stats.resourceAction(record.type, verb);
    const metadata = record.properties['metadata'] as
      { fake_wait_secs?: unknown; fake_fail?: unknown } | null | undefined;
    let seconds: number;
    record.willFail = null;
    const fakeFailure = (why: string) => ({
      kind: 'FakeFailure',
      message: `fake failure of ${record.type}: ${why}`,
    });
    if (
      metadata !== null &&
      metadata !== undefined &&
      ('fake_wait_secs' in metadata || 'fake_fail' in metadata)
    ) {
      seconds = Number(metadata.fake_wait_secs ?? 0);
      if (metadata.fake_fail === verb) record.willFail = fakeFailure('asked for by metadata');
    } else {
      const rootName = this.#store.byId(stack.rootId)?.name ?? stack.name;
      const fault = this.#switches.fault(verb, record.name, record.type, rootName);
      seconds =
        fault?.wait_secs ??
        ownSeconds(type, verb, record.properties, valueChanged) ??
        this.#seconds(record, verb);
      if (fault?.fail !== undefined) record.willFail = fakeFailure(fault.fail);
      else if (type === TEST && verb !== 'delete' && isYes(record.properties['fail'])) {
        record.willFail = { kind: 'ValueError', message: `Test Resource failed ${record.name}` };
      }
    }
    // A TestResource with a negative time waits for ever.
    if (seconds < 0) record.wakeAt = null;
    else this.#wakeLater(stack, record, Date.now() + seconds * 1000);
  }

  #seconds(record: ResourceRecord, verb: Verb): number {
    const { resourceSeconds } = this.#options;
    for (const key of [`name:${record.name}`, record.type, '*']) {
      const value = resourceSeconds[key];
      const seconds = typeof value === 'number' ? value : value?.[verb];
      if (seconds !== undefined) return seconds;
    }
    return 0;
  }

  #wakeLater(stack: StackRecord, record: ResourceRecord, at: number): void {
    record.wakeAt = at;
    this.#wakeups.get(record)?.cancel();
    this.#wakeups.set(
      record,
      this.#scheduler.at(at, () => {
        this.#wakeups.delete(record);
        record.wakeAt = null;
        this.#onTime(stack, record);
      }),
    );
  }

  /** The action's time is over. */
  #onTime(stack: StackRecord, record: ResourceRecord): void {
    if (record.status !== 'IN_PROGRESS') return;
    if (record.willFail !== null) {
      this.#fail(stack, record, record.willFail);
      return;
    }
    const nested = record.nestedId === null ? undefined : this.#store.byId(record.nestedId);
    if (record.action === 'DELETE') {
      if (nested === undefined) this.#succeed(stack, record);
      else this.delete(nested);
      return;
    }
    const implementation = goalOf(stack.definition).resources.get(record.name)?.implementation ?? record.type;
    if (!this.#isNested(stack, implementation)) {
      this.#succeed(stack, record);
      return;
    }
    const definition = this.#nestedDefinition(stack, record, implementation, nested);
    try {
      goalOf(definition);
    } catch (error) {
      if (!(error instanceof HeatError)) throw error;
      this.#fail(stack, record, { kind: error.type, message: error.message });
      return;
    }
    if (nested === undefined) {
      const { projectId, owner, timeoutMins } = stack;
      const inner = {
        name: record.physicalName,
        projectId,
        owner,
        tags: [],
        timeoutMins,
        disableRollback: true,
        definition,
      };
      const made = this.create(inner, { stackId: stack.id, resourceUid: record.uid }, stack.rootId);
      record.nestedId = made.id;
      record.physicalId = made.id;
    } else if (nested.status === 'COMPLETE' && sameDefinition(nested.definition, definition)) {
      this.#succeed(stack, record);
    } else {
      this.update(nested, definition);
    }
  }

  #nestedDefinition(
    stack: StackRecord,
    record: ResourceRecord,
    implementation: string,
    nested: StackRecord | undefined,
  ): Definition {
    if (implementation === GROUP) return groupDefinition(record, nested, stack.definition);
    const { files, environment } = stack.definition;
    return {
      template: templateObject(files[implementation]),
      parameters: record.properties,
      environment: { resource_registry: environment.resource_registry ?? {} },
      files,
    };
  }

  #isNested(stack: StackRecord, implementation: string): boolean {
    return implementation === GROUP || (implementation !== NONE && implementation in stack.definition.files);
  }

  #succeed(stack: StackRecord, record: ResourceRecord): void {
    this.#setStatus(stack, record, record.action, 'COMPLETE', 'state changed');
    if (record.action === 'DELETE') stack.resources.splice(stack.resources.indexOf(record), 1);
    // One that finished for an older traversal is looked at again: its goal may have moved.
    this.#advanceSoon(stack);
  }

  #fail(
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
    this.#setStatus(stack, record, action, 'FAILED', `${failure.kind}: ${record.failure.path}: ${message}`);
    if (stack.status !== 'IN_PROGRESS') {
      this.#store.touch(stack);
      return;
    }
    stack.failure = record.failure;
    this.#finish(stack, 'FAILED', `Resource ${action} failed: ${record.reason}`);
  }

  #complete(stack: StackRecord): void {
    if (stack.action === 'CREATE' || stack.action === 'UPDATE') stack.previous = stack.definition;
    this.#finish(stack, 'COMPLETE', `Stack ${stack.action} completed successfully`);
  }

  #finish(stack: StackRecord, status: Status, reason: string): void {
    const { action } = stack;
    stack.status = status;
    stack.reason = reason;
    stack.deadline = null;
    this.#deadlines.get(stack.id)?.cancel();
    this.#deadlines.delete(stack.id);
    this.#event(stack, null, reason);
    this.#store.touch(stack);
    if (action === 'DELETE' && status === 'COMPLETE') {
      stack.deletedAt = Date.now();
      this.#store.markDeleted(stack);
    }
    if (status === 'FAILED' && !stack.disableRollback && (action === 'CREATE' || action === 'UPDATE'))
      this.#rollback(stack);
    else if (stack.parent !== null) this.#tellParent(stack, stack.parent);
  }

  #rollback(stack: StackRecord): void {
    this.#begin(stack, 'ROLLBACK', stack.previous ?? { ...EMPTY_DEFINITION, parameters: {} });
  }

  #tellParent(stack: StackRecord, { stackId, resourceUid }: NonNullable<StackRecord['parent']>): void {
    const parent = this.#store.byId(stackId);
    const record = parent?.resources.find((one) => one.uid === resourceUid);
    if (parent === undefined || record === undefined || record.status !== 'IN_PROGRESS') return;
    // The answer to an older question: the resource has since been told to be deleted.
    if ((record.action === 'DELETE') !== (stack.action === 'DELETE')) return;
    if (stack.status === 'COMPLETE') {
      this.#succeed(parent, record);
      return;
    }
    const inner = stack.failure;
    if (inner === null) this.#fail(parent, record, { kind: 'Error', message: stack.reason });
    else this.#fail(parent, record, inner, inner);
  }

  #armDeadline(stack: StackRecord, at: number): void {
    stack.deadline = at;
    this.#deadlines.get(stack.id)?.cancel();
    this.#deadlines.set(
      stack.id,
      this.#scheduler.at(at, () => this.#timeOut(stack)),
    );
  }

  /** Gives up the running action of a root stack and of all that is nested in it. */
  #timeOut(root: StackRecord): void {
    if (root.status !== 'IN_PROGRESS') return;
    const stacks = [root, ...this.#store.nestedOf(root)];
    for (const stack of stacks) {
      for (const record of stack.resources) {
        if (record.status !== 'IN_PROGRESS') continue;
        this.#wakeups.get(record)?.cancel();
        this.#wakeups.delete(record);
        record.wakeAt = null;
        const task = `Task ${record.action.toLowerCase()} from ${pythonClass(record.type)} "${record.name}"`;
        const reason = `${record.action} aborted (${task} Stack "${stack.name}" [${stack.id}] Timed out)`;
        this.#setStatus(stack, record, record.action, 'FAILED', reason);
      }
    }
    // The root last: its end may start a rollback.
    for (const stack of stacks.reverse()) {
      if (stack.status === 'IN_PROGRESS') this.#finish(stack, 'FAILED', 'Timed out');
    }
  }

  #setStatus(
    stack: StackRecord,
    record: ResourceRecord,
    action: Action,
    status: Status,
    reason: string,
  ): void {
    if (action === 'UPDATE' && status === 'IN_PROGRESS') record.updatedAt = Date.now();
    record.action = action;
    record.status = status;
    record.reason = reason;
    this.#event(stack, record, reason);
  }

  #event(stack: StackRecord, record: ResourceRecord | null, reason: string): void {
    const { action, status } = record ?? stack;
    this.#store.addEvent(stack, {
      id: randomUUID(),
      stackId: stack.id,
      time: Date.now(),
      resourceName: record?.name ?? stack.name,
      resourceType: record?.type ?? 'OS::Heat::Stack',
      physicalId: record === null ? stack.id : (record.physicalId ?? record.physicalName),
      action,
      status,
      reason,
    });
  }
}

function pythonClass(type: string): string {
  return type.startsWith('OS::Heat::') ? type.slice('OS::Heat::'.length) : type.replaceAll('::', '');
}
