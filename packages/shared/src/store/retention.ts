import type { Collection, Document } from 'mongodb';
import { isIndexConflict } from './errors.ts';

/** Lets MongoDB remove documents `days` after the date in `field`; a changed number of days changes the index that is there. */
export async function ensureRetention<T extends Document>(
  collection: Collection<T>,
  field: string,
  days: number,
): Promise<void> {
  const expireAfterSeconds = days * 86_400;
  try {
    await collection.createIndex({ [field]: 1 }, { name: 'retention', expireAfterSeconds });
  } catch (error) {
    if (!isIndexConflict(error)) throw error;
    await collection.db.command({
      collMod: collection.collectionName,
      index: { name: 'retention', expireAfterSeconds },
    });
  }
}
