import { randomUUID } from 'node:crypto';
import { hexId, shortId } from '../ids.ts';
import type { NewStack } from './engine-context.ts';
import type { StackStore } from './store.ts';
import type { Action, ResourceRecord, StackRecord, Status } from './types.ts';

/** Makes a stack's record and puts it into the store; no `rootId`: it is a root itself. */
export function addStack(
  store: StackStore,
  stack: NewStack,
  parent: StackRecord['parent'],
  rootId: string | undefined,
): StackRecord {
  const id = randomUUID();
  const record: StackRecord = {
    id,
    sequence: store.nextSequence(),
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
  store.add(record);
  return record;
}

/** Makes the record of a resource that is still to be created. */
export function addResource(stack: StackRecord, name: string, type: string): ResourceRecord {
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

/** Sets what a resource does, and tells it as an event. */
export function setStatus(
  store: StackStore,
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
  addEvent(store, stack, record, reason);
}

/** Notes what a resource, or (null) the stack itself, has come to. */
export function addEvent(
  store: StackStore,
  stack: StackRecord,
  record: ResourceRecord | null,
  reason: string,
): void {
  const { action, status } = record ?? stack;
  store.addEvent(stack, {
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
