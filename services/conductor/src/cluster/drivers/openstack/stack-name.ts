import type { Operation } from '@cetus/shared/schemas';

const NAME = /^cetus-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** The name of a cluster's stack: unique, and known before the stack is. */
export function stackName(clusterId: string): string {
  return `cetus-${clusterId}`;
}

/** The cluster that a stack belongs to; null for the stacks of others and for nested ones. */
export function clusterOfStack(name: string): string | null {
  return NAME.exec(name)?.[1] ?? null;
}

/** The tag that says which operation a stack was last told of. */
export function operationTag(operation: Pick<Operation, 'uuid'>): string {
  return `cetus-operation=${operation.uuid}`;
}

export function stackTags(clusterId: string, operation: Pick<Operation, 'uuid'>): string[] {
  return ['cetus', `cetus-cluster=${clusterId}`, operationTag(operation)];
}
