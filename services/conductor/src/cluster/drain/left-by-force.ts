import type { Blocker, Operation } from '@cetus/shared/schemas';
import type { DriverResult } from '../cluster-driver.ts';
import { keptBlockers } from './blockers.ts';

/**
 * What a forced delete leaves behind, now that the back end says that it could not remove everything; null when the delete does not end so:
 * nobody forced it, or the back end has not said it of this delete.
 */
export function leftByForce({ force, left_behind = [] }: Operation, result: DriverResult): Blocker[] | null {
  if (force !== true || result.phase !== 'failed' || result.remains === undefined) return null;
  return keptBlockers([...result.remains, ...left_behind]);
}
