import { randomUUID } from 'node:crypto';
import { planAction } from './action-plan.ts';
import type { EngineContext, Verb } from './engine-context.ts';
import { HeatError } from './errors.ts';
import { canonical, resolve } from './functions.ts';
import { goalOf, type GoalResource } from './goal.ts';
import { advanceNested, isNested } from './nested-stacks.ts';
import { fail, succeed } from './outcomes.ts';
import { addResource, setStatus } from './records.ts';
import { FLOATING_IP, isYes, needsReplacement, RANDOM, randomString, TEST } from './resource-types.ts';
import { stackScope } from './scope.ts';
import type { ResourceRecord, StackRecord } from './types.ts';

/** Begins what a resource needs to reach its goal, if anything. @returns the new record when it is replaced. */
export function startResource(
  context: EngineContext,
  stack: StackRecord,
  record: ResourceRecord,
  wanted: GoalResource,
): ResourceRecord | undefined {
  const { store, switches } = context;
  let properties: Record<string, unknown>;
  try {
    properties = resolve(wanted.definition.properties, stackScope(store, switches, stack)) as Record<
      string,
      unknown
    >;
  } catch (error) {
    if (!(error instanceof HeatError)) throw error;
    fail(context, stack, record, { kind: error.type, message: error.message });
    return undefined;
  }
  record.requires = wanted.requires;
  if (record.action === 'INIT') {
    startAction(context, stack, record, wanted, 'create', properties);
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
    setStatus(store, stack, record, 'UPDATE', 'IN_PROGRESS', 'state changed');
    const reason = `The Resource ${record.name} requires replacement.`;
    setStatus(store, stack, record, 'UPDATE', 'COMPLETE', reason);
  }
  if (mustReplace || (isFailed && !isNested(stack, wanted.implementation))) {
    record.obsolete = true;
    const successor = addResource(stack, record.name, wanted.definition.type);
    successor.requires = wanted.requires;
    startAction(context, stack, successor, wanted, 'create', properties);
    return successor;
  }
  startAction(context, stack, record, wanted, 'update', properties);
  return undefined;
}

function startAction(
  context: EngineContext,
  stack: StackRecord,
  record: ResourceRecord,
  wanted: GoalResource,
  verb: 'create' | 'update',
  properties: Record<string, unknown>,
): void {
  const type = wanted.implementation;
  const valueChanged = canonical(record.properties['value']) !== canonical(properties['value']);
  record.properties = properties;
  const action = verb === 'create' ? 'CREATE' : 'UPDATE';
  setStatus(context.store, stack, record, action, 'IN_PROGRESS', 'state changed');
  if (verb === 'create' && !isNested(stack, type)) {
    if (type === RANDOM) record.data['value'] = randomString(Number(properties['length'] ?? 32));
    record.physicalId = type === TEST || type === RANDOM ? record.physicalName : randomUUID();
    if (type === FLOATING_IP) record.data['address'] = context.store.freeAddress();
  }
  if (type === TEST && !isYes(properties['fail']))
    record.data['value'] = properties['value'] ?? 'test_string';
  schedule(context, stack, record, type, verb, valueChanged);
}

/** Begins the deletion of a resource. */
export function startDelete(context: EngineContext, stack: StackRecord, record: ResourceRecord): void {
  setStatus(context.store, stack, record, 'DELETE', 'IN_PROGRESS', 'state changed');
  schedule(context, stack, record, implementationOf(stack, record), 'delete', false);
}

/** Marks a record for deletion; one in the making gets a little more time, as it cannot be stopped at once. */
export function drop(context: EngineContext, stack: StackRecord, record: ResourceRecord): void {
  record.obsolete = true;
  if (record.status !== 'IN_PROGRESS' || record.action === 'DELETE' || record.nestedId !== null) return;
  const latest = Date.now() + context.options.cancelSeconds * 1000;
  if (record.wakeAt === null || record.wakeAt > latest) context.wakeups.set(stack, record, latest);
}

function schedule(
  context: EngineContext,
  stack: StackRecord,
  record: ResourceRecord,
  type: string,
  verb: Verb,
  valueChanged: boolean,
): void {
  context.stats.resourceAction(record.type, verb);
  const { seconds, failure } = planAction(context, stack, record, type, verb, valueChanged);
  record.willFail = failure;
  // A TestResource with a negative time waits for ever.
  if (seconds < 0) record.wakeAt = null;
  else context.wakeups.set(stack, record, Date.now() + seconds * 1000);
}

/** The action's time is over: it ends, or the stack behind the resource has its turn. */
export function onActionTime(context: EngineContext, stack: StackRecord, record: ResourceRecord): void {
  if (record.status !== 'IN_PROGRESS') return;
  if (record.willFail !== null) {
    fail(context, stack, record, record.willFail);
    return;
  }
  const nested = record.nestedId === null ? undefined : context.store.byId(record.nestedId);
  if (record.action === 'DELETE') {
    if (nested === undefined) succeed(context, stack, record);
    else context.stacks.delete(nested);
    return;
  }
  const implementation = implementationOf(stack, record);
  if (isNested(stack, implementation)) advanceNested(context, stack, record, implementation, nested);
  else succeed(context, stack, record);
}

function implementationOf(stack: StackRecord, record: ResourceRecord): string {
  return goalOf(stack.definition).resources.get(record.name)?.implementation ?? record.type;
}
