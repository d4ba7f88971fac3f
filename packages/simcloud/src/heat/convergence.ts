import type { EngineContext } from './engine-context.ts';
import { EMPTY_DEFINITION, goalOf } from './goal.ts';
import { drop, startDelete, startResource } from './resource-actions.ts';
import type { ResourceRecord, StackRecord } from './types.ts';

/**
 * Begins everything a stack's running action needs and that nothing stands before.
 * @returns true when nothing is left to do; false too when the stack has failed by what was begun.
 */
export function converge(context: EngineContext, stack: StackRecord): boolean {
  const goal = stack.action === 'DELETE' ? goalOf(EMPTY_DEFINITION) : goalOf(stack.definition);
  const current = new Map<string, ResourceRecord>();
  for (const record of stack.resources) {
    if (!record.obsolete && !goal.resources.has(record.name)) drop(context, stack, record);
    if (!record.obsolete) current.set(record.name, record);
  }
  let waiting = false;
  for (const [name, wanted] of goal.resources) {
    const record = current.get(name);
    if (record === undefined || record.convergedIn === stack.traversal) continue;
    const ready = wanted.requires.every((other) => current.get(other)?.convergedIn === stack.traversal);
    if (record.status !== 'IN_PROGRESS' && ready) {
      const replaced = startResource(context, stack, record, wanted);
      if (replaced !== undefined) current.set(name, replaced);
    }
    if (current.get(name)?.convergedIn !== stack.traversal) waiting = true;
    // A resource that could not even begin has failed the stack.
    if (stack.status !== 'IN_PROGRESS') return false;
  }
  if (cleanUp(context, stack, current)) waiting = true;
  return !waiting;
}

/** Deletes what is no longer wanted and no longer needed. @returns true while something is left. */
function cleanUp(
  context: EngineContext,
  stack: StackRecord,
  current: ReadonlyMap<string, ResourceRecord>,
): boolean {
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
    if (!isRunning && isReplaced && !needed.has(record.name)) startDelete(context, stack, record);
  }
  return true;
}
