import type { Db } from 'mongodb';
import type { StoredObject } from '../schemas/object.ts';
import { guard } from './errors.ts';
import type { Kind } from './kind.ts';

/**
 * Removes the documents of objects that were deleted before `olderThan` and whose notifications are all published. Until then they answer
 * a repeated request with the same Idempotency-Key. Answers how many were removed.
 */
export async function purgeDeleted(
  db: Db,
  kinds: readonly Pick<Kind<never>, 'collection'>[],
  olderThan: Date,
): Promise<number> {
  let count = 0;
  for (const { collection } of kinds) {
    // The type is said because the index is partial.
    const filter = {
      deleted_at: { $lte: olderThan, $type: 'date' as const },
      'pending_events.0': { $exists: false },
    };
    const { deletedCount } = await guard(() => db.collection<StoredObject>(collection).deleteMany(filter));
    count += deletedCount;
  }
  return count;
}
