import type { Collection, Db, Filter } from 'mongodb';
import { CetusError } from '../errors/index.ts';
import { OPERATION_SORT_KEYS } from '../schemas/api/sort-keys.ts';
import type { Operation } from '../schemas/operation.ts';
import type { StoredObject } from '../schemas/object.ts';
import { KINDS } from '../store/kinds.ts';
import {
  ensureRetention,
  guard,
  isDuplicateKey,
  ownedBy,
  readPage,
  REPEATABLE_WRITE,
  sortPath,
  type Page,
  type PageOf,
  type Scope,
  type Store,
} from '../store/index.ts';

/** An operation as a reader sees it: with the object that it is about. */
export interface StoredOperation extends Omit<Operation, 'uuid'> {
  _id: string;
  kind: string;
  object_id: string;
  object_name: string;
  project_id: string;
  /** The object's sequence number when this was recorded: an older record never replaces a newer one. */
  sequence: number;
}

function operations(db: Db): Collection<StoredOperation> {
  return db.collection<StoredOperation>('operations');
}

/** @param retentionDays days after which operations that ended are forgotten */
export async function ensureOperationIndexes(db: Db, retentionDays: number): Promise<void> {
  await operations(db).createIndexes([
    { key: { project_id: 1, accepted_at: 1, _id: 1 } },
    { key: { accepted_at: 1, _id: 1 } },
    { key: { project_id: 1, finished_at: 1, _id: 1 } },
    { key: { finished_at: 1, _id: 1 } },
    { key: { project_id: 1, _id: 1 } },
    { key: { object_id: 1, accepted_at: 1, _id: 1 } },
  ]);
  await ensureRetention(operations(db), 'finished_at', retentionDays);
}

/** The record of an operation that lives in an object. */
export function recordOf(
  kind: string,
  object: Pick<StoredObject, '_id' | 'name' | 'project_id'>,
  operation: Operation,
  sequence: number,
): StoredOperation {
  const { uuid, ...rest } = operation;
  return {
    _id: uuid,
    ...rest,
    kind,
    object_id: object._id,
    object_name: object.name,
    project_id: object.project_id,
    sequence,
  };
}

/** Writes records of operations, unless newer ones are there. */
export async function recordOperations(db: Db, records: readonly StoredOperation[]): Promise<void> {
  if (records.length === 0) return;
  const writes = records.map((record) => ({
    updateOne: {
      filter: { _id: record._id },
      // One command, so that two relays cannot bring back an older state.
      update: [
        {
          $replaceWith: {
            $cond: [
              { $lt: [{ $ifNull: ['$sequence', -1] }, record.sequence] },
              { $literal: record },
              '$$ROOT',
            ],
          },
        },
      ],
      upsert: true,
    },
  }));
  const write = () =>
    guard(() => operations(db).bulkWrite(writes as never, { ordered: false, ...REPEATABLE_WRITE }));
  try {
    await write();
  } catch (error) {
    // Another relay inserted the same record between the look and the insert: now it is there to be compared with.
    if (!isDuplicateKey(error)) throw error;
    await write();
  }
}

/** The operations of all objects, as request code may read them. */
export class OperationStore {
  private readonly db: Db;

  constructor(store: Store) {
    this.db = store.db;
  }

  /** @throws CetusError `not_found` */
  async get(scope: Scope, uuid: string): Promise<StoredOperation> {
    const filter = { _id: uuid.toLowerCase(), ...ownedBy(scope) } as Filter<StoredOperation>;
    const recorded = await guard(() => operations(this.db).findOne(filter));
    // The newest word on an operation that goes on is in its object; before the first record it is there alone.
    if (recorded !== null && recorded.state !== 'IN_PROGRESS') return recorded;
    const current = await this.fromObject(scope, uuid.toLowerCase());
    const found = current ?? recorded;
    if (found === null) throw new CetusError('not_found', `There is no operation ${uuid}`);
    return found;
  }

  /** @throws CetusError `invalid_marker`, `invalid_field` */
  async list(
    scope: Scope,
    page: Page & { object?: string; state?: string },
  ): Promise<PageOf<StoredOperation>> {
    const path = sortPath(OPERATION_SORT_KEYS, page.sortKey);
    const filters: Filter<StoredOperation>[] = [ownedBy(scope) as Filter<StoredOperation>];
    if (page.object !== undefined) filters.push({ object_id: page.object });
    if (page.state !== undefined) filters.push({ state: page.state as Operation['state'] });
    const { marker, sortDir, limit } = page;
    const after =
      marker === undefined
        ? undefined
        : await guard(() =>
            operations(this.db).findOne({
              _id: marker.toLowerCase(),
              ...ownedBy(scope),
            } as Filter<StoredOperation>),
          );
    if (after === null)
      throw new CetusError('invalid_marker', `There is no operation ${String(marker)} here`, {
        field: 'marker',
      });
    return readPage(operations(this.db), { $and: filters }, { path, sortDir, limit, after });
  }

  private async fromObject(scope: Scope, uuid: string): Promise<StoredOperation | null> {
    for (const kind of KINDS) {
      if (kind.service === null) continue;
      const filter = { 'operation.uuid': uuid, ...ownedBy(scope) } as Filter<StoredObject>;
      const object = await guard(() => this.db.collection<StoredObject>(kind.collection).findOne(filter));
      if (object?.operation != null) return recordOf(kind.name, object, object.operation, object.sequence);
    }
    return null;
  }
}
