import type { Collection, Db, Filter, IndexDescription } from 'mongodb';
import type { StoredObject } from '../schemas/object.ts';
import type { Scope } from './scope.ts';

/** What the store must know of a kind: where it lives, how it is found, who reconciles it. */
export interface Kind<T extends StoredObject> {
  /** One word, the first of every routing key: `cluster`. */
  name: string;
  collection: string;
  /** The path of the list in the API, the `source` of its notifications. */
  path: string;
  /** The service that carries out its operations; null when nothing goes on in the background. */
  service: string | null;
  /** Keys that lists may be sorted by: the name in the API and the path in the document. */
  sortKeys: Readonly<Record<string, string>>;
  /** Indexes besides those that every kind has. */
  indexes?: readonly IndexDescription[];
  /** Paths that request code never needs, left out of what it reads: secrets stay in the database, and pages stay small. */
  unread?: readonly string[];
  /** Fields that request code writes besides those that every object has. */
  ownFields?: readonly (keyof T & string)[];
  /** No two objects of a project have one name. */
  uniqueNames?: boolean;
  /** What is asked for takes the place of whatever was asked before, also while that goes on. */
  replaceable?: boolean;
  /** Objects that a scope may read besides its own, such as public templates. */
  alsoVisible?: (scope: Scope & { kind: 'project' }) => Filter<T>;
}

export function collectionOf<T extends StoredObject>(db: Db, kind: Kind<T>): Collection<T> {
  return db.collection<T>(kind.collection);
}

const UNIQUE_NAME: IndexDescription = {
  key: { project_id: 1, name: 1 },
  name: 'unique name',
  unique: true,
  partialFilterExpression: { deleted_at: null },
};

/** Creates the indexes of a kind; does nothing when they are there. */
export async function ensureIndexes<T extends StoredObject>(db: Db, kind: Kind<T>): Promise<void> {
  const sorts = Object.values(kind.sortKeys)
    .filter((path) => path !== '_id')
    .flatMap((path): IndexDescription[] => [
      { key: { project_id: 1, deleted_at: 1, [path]: 1, _id: 1 } },
      // For administrators, who see all projects.
      { key: { deleted_at: 1, [path]: 1, _id: 1 } },
    ]);
  await collectionOf(db, kind).createIndexes([
    { key: { project_id: 1, deleted_at: 1, _id: 1 } },
    ...sorts,
    { key: { next_attempt_at: 1 }, partialFilterExpression: { next_attempt_at: { $type: 'date' } } },
    {
      key: { updated_at: 1 },
      name: 'pending_events',
      partialFilterExpression: { 'pending_events.0': { $exists: true } },
    },
    { key: { deleted_at: 1 }, name: 'deleted', partialFilterExpression: { deleted_at: { $type: 'date' } } },
    {
      key: { project_id: 1, 'idempotency.key': 1 },
      name: 'idempotency',
      unique: true,
      partialFilterExpression: { 'idempotency.key': { $exists: true } },
    },
    { key: { 'operation.uuid': 1 }, partialFilterExpression: { 'operation.uuid': { $exists: true } } },
    ...(kind.uniqueNames === true ? [UNIQUE_NAME] : []),
    ...(kind.indexes ?? []),
  ]);
}
