import type { Blocker, Failure, Operation } from '@cetus/shared/schemas';

/** How often a deletion that failed over a resource is told again: once when it is forced, as it leaves behind what then is left. */
export function timesForced({ force }: Operation): number {
  return force === true ? 1 : 0;
}

/** What is left of a stack that Heat could not delete: the stack, and the resource over which it failed. */
export function remainsOfStack(stack: { name: string; id: string }, failure: Failure): Blocker[] {
  const { resource, message } = failure;
  const whole = { kind: 'OS::Heat::Stack', name: stack.name, reason: `${stack.id}, not deleted: ${message}` };
  if (resource === undefined) return [whole];
  const id = resource.id === undefined ? '' : `${resource.id}, `;
  return [whole, { kind: resource.type, name: resource.name, reason: `${id}not deleted: ${message}` }];
}
