import { MongoError, MongoServerError } from 'mongodb';
import { CetusError } from '../errors/index.ts';

/** Runs a command of the driver; its failures become `store_unavailable`, except those that say something about the data. */
export async function guard<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    if (cause instanceof MongoError && !isDuplicateKey(cause)) {
      throw new CetusError('store_unavailable', 'MongoDB did not carry out a command', { cause });
    }
    throw cause;
  }
}

/** Whether a write was refused by the unique index `name` (any, when not given). */
export function isDuplicateKey(error: unknown, name?: string): boolean {
  if (!(error instanceof MongoServerError) || error.code !== 11_000) return false;
  const pattern = error['keyPattern'] as Record<string, unknown> | undefined;
  return name === undefined || (pattern !== undefined && Object.hasOwn(pattern, name));
}

/** Whether an index is there with other options than those asked for (MongoDB's IndexOptionsConflict). */
export function isIndexConflict(error: unknown): boolean {
  return error instanceof MongoServerError && error.code === 85;
}
