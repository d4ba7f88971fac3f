import { CetusError } from '../errors/index.ts';
import type { StoredObject } from '../schemas/object.ts';

/** The strong entity tag of an object (RFC 9110, 8.8.3): changes with every write that a reader can see. */
export function entityTag(object: Pick<StoredObject, '_id' | 'revision'>): string {
  return `"${object._id}-${String(object.revision)}"`;
}

/**
 * Checks an If-Match field (RFC 9110, 13.1.1).
 * @throws CetusError `precondition_failed`
 */
export function checkIfMatch(
  ifMatch: string | undefined,
  object: Pick<StoredObject, '_id' | 'revision'>,
): void {
  if (ifMatch === undefined || ifMatch.trim() === '*') return;
  const tags = ifMatch.split(',').map((tag) => tag.trim());
  if (!tags.includes(entityTag(object))) {
    throw new CetusError('precondition_failed', `The entity tag is now ${entityTag(object)}`, {
      field: 'If-Match',
    });
  }
}
