import type { EngineContext } from './engine-context.ts';
import { HeatError } from './errors.ts';
import { goalOf } from './goal.ts';
import { groupDefinition, sameDefinition } from './group.ts';
import { fail, succeed } from './outcomes.ts';
import { GROUP, NONE } from './resource-types.ts';
import { referenceId } from './scope.ts';
import { templateObject } from './template.ts';
import type { Definition, ResourceRecord, StackRecord } from './types.ts';

/** True when a stack of its own stands behind resources of a type: a group, or a template among the files. */
export function isNested(stack: StackRecord, implementation: string): boolean {
  return implementation === GROUP || (implementation !== NONE && implementation in stack.definition.files);
}

/** Makes the stack behind a resource, or updates it; the resource is done when its stack is what it shall be. */
export function advanceNested(
  context: EngineContext,
  stack: StackRecord,
  record: ResourceRecord,
  implementation: string,
  nested: StackRecord | undefined,
): void {
  const definition = nestedDefinition(context, stack, record, implementation, nested);
  try {
    goalOf(definition);
  } catch (error) {
    if (!(error instanceof HeatError)) throw error;
    fail(context, stack, record, { kind: error.type, message: error.message });
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
    const parent = { stackId: stack.id, resourceUid: record.uid };
    const made = context.stacks.create(inner, parent, stack.rootId);
    record.nestedId = made.id;
    record.physicalId = made.id;
  } else if (nested.action === 'DELETE') {
    const message = 'Updating a stack when it is deleting is not supported.';
    fail(context, stack, record, { kind: 'NotSupported', message });
  } else if (nested.status === 'COMPLETE' && sameDefinition(nested.definition, definition)) {
    succeed(context, stack, record);
  } else {
    context.stacks.update(nested, definition);
  }
}

function nestedDefinition(
  { store, switches }: EngineContext,
  stack: StackRecord,
  record: ResourceRecord,
  implementation: string,
  nested: StackRecord | undefined,
): Definition {
  if (implementation === GROUP) {
    return groupDefinition(record, nested, stack.definition, (member) =>
      referenceId(store, switches, member),
    );
  }
  const { files, environment } = stack.definition;
  return {
    template: templateObject(files[implementation]),
    parameters: record.properties,
    environment: { resource_registry: environment.resource_registry ?? {} },
    files,
  };
}

/** Ends the action of the resource a nested stack stands behind, now that the stack's own has ended. */
export function tellParent(
  context: EngineContext,
  stack: StackRecord,
  { stackId, resourceUid }: NonNullable<StackRecord['parent']>,
): void {
  const parent = context.store.byId(stackId);
  const record = parent?.resources.find((one) => one.uid === resourceUid);
  if (parent === undefined || record === undefined || record.status !== 'IN_PROGRESS') return;
  // The answer to an older question: the resource has since been told to be deleted.
  if ((record.action === 'DELETE') !== (stack.action === 'DELETE')) return;
  if (stack.status === 'COMPLETE') {
    succeed(context, parent, record);
    return;
  }
  const inner = stack.failure;
  if (inner === null) fail(context, parent, record, { kind: 'Error', message: stack.reason });
  else fail(context, parent, record, inner, inner);
}
