import type { Failure, Operation, StoredCluster } from '@cetus/shared/schemas';
import type { Stack } from '@cetus/openstack/heat';

/** What is remembered of a deletion that Heat was told to do, in the cluster's `driver_state`. */
export interface Deletion {
  /** The operation that it was told for. */
  delete_operation: string;
  /** The `updated_time` of a stack whose earlier deletion had failed: Heat begins the new one, and so changes it, some time after it answered. */
  delete_after: string | null;
  /** How often Heat itself stumbled over it. */
  delete_stumbles: number;
}

/** How often a deletion over which Heat itself stumbled is told again. */
export const MAX_STUMBLES = 3;

/** A deletion that is told now. */
export function newDeletion(stack: Stack, operation: Operation): Deletion {
  const failedBefore = stack.stack_status === 'DELETE_FAILED';
  return {
    delete_operation: operation.uuid,
    delete_after: failedBefore ? (stack.updated_time ?? null) : null,
    delete_stumbles: 0,
  };
}

/** The deletion that Heat was told for this operation; null when it was not. */
export function deletionOf({ status }: StoredCluster, operation: Operation): Deletion | null {
  const {
    delete_operation,
    delete_after = null,
    delete_stumbles = 0,
  } = status.driver_state as Partial<Deletion>;
  return delete_operation === operation.uuid ? { delete_operation, delete_after, delete_stumbles } : null;
}

/** Whether this deletion failed, and not one before it. */
export function hasFailedSince(stack: Stack, { delete_after }: Deletion): boolean {
  return (
    stack.stack_status === 'DELETE_FAILED' && (delete_after === null || stack.updated_time !== delete_after)
  );
}

/**
 * Whether nothing of the stack stands in the way, but Heat itself stumbled: it may, over its own records, when a stack is deleted while it
 * is still being created. Told again it goes on.
 */
export function isStumble({ code, resource }: Failure): boolean {
  return code === 'resource_failed' && resource === undefined;
}
