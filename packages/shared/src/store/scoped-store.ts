import type { Collection, Document, Filter, OptionalUnlessRequiredId } from 'mongodb';
import { CetusError } from '../errors/index.ts';
import type { IdempotencyRecord, StoredObject } from '../schemas/object.ts';
import { checkIfMatch } from './entity-tag.ts';
import { guard, isDuplicateKey } from './errors.ts';
import { collectionOf, type Kind } from './kind.ts';
import { readPage, sortPath, type Page, type PageOf } from './paging.ts';
import { ownedBy, visibleTo, type Scope } from './scope.ts';
import type { Store } from './store.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** A request that may be sent again under its Idempotency-Key. */
export interface IdempotentRequest {
  /** What is kept of it. */
  record: IdempotencyRecord;
  /** Whether what is kept of a request with the same key may be of this one. */
  matches(kept: IdempotencyRecord): boolean;
}

/** Something to read that is not what is stored there, but is made of it: an expression of MongoDB's aggregation. */
export interface ComputedField {
  path: string;
  expression: Document;
}

/** What to read of documents: paths, and what is made of what is there. */
export type Fields = readonly (string | ComputedField)[];

/** How often a change is tried again when another writer came first. */
const CHANGE_ATTEMPTS = 20;

/** The objects of one kind, as request code may use them: every method takes the caller's scope. */
export class ScopedStore<T extends StoredObject> {
  readonly kind: Kind<T>;
  private readonly collection: Collection<T>;
  /** What reads leave out. */
  private readonly projection: Document;

  constructor(store: Store, kind: Kind<T>) {
    this.kind = kind;
    this.collection = collectionOf(store.db, kind);
    this.projection = Object.fromEntries((kind.unread ?? []).map((path) => [path, 0]));
  }

  /**
   * Writes a new object. When its project has used the Idempotency-Key of the request for the same before, answers that object instead.
   * @throws CetusError `idempotency_key_reused`, `store_unavailable`; `conflict` when its name must be the only one, and is not
   */
  async create(asked: T, request?: IdempotentRequest): Promise<{ object: T; replayed: boolean }> {
    const object: T = request === undefined ? asked : { ...asked, idempotency: request.record };
    try {
      await guard(() => this.collection.insertOne(object as OptionalUnlessRequiredId<T>));
      return { object, replayed: false };
    } catch (error) {
      if (isDuplicateKey(error, 'name')) {
        // The same request, sent twice at once, breaks both rules; the name may be the one that is told.
        const same = request && (await this.findByIdempotencyKey(object.project_id, request));
        if (same) return { object: same, replayed: true };
        const detail = `The project has a ${this.kind.name} named ${object.name}`;
        throw new CetusError('conflict', detail, { field: 'name' });
      }
      if (request === undefined || !isDuplicateKey(error, 'idempotency.key')) throw error;
      const first = await this.findByIdempotencyKey(object.project_id, request);
      // Purged between the two commands: the key is free again.
      return first === null ? this.create(asked, request) : { object: first, replayed: true };
    }
  }

  /**
   * What the first request with an Idempotency-Key of the project made, deleted meanwhile or not; null when there was none. So a request
   * that is sent again is answered alike even when it could not be accepted any more.
   * @throws CetusError `idempotency_key_reused` when the key was used for another request; `store_unavailable`
   */
  async findByIdempotencyKey(projectId: string, request: IdempotentRequest): Promise<T | null> {
    const filter = { project_id: projectId, 'idempotency.key': request.record.key } as unknown as Filter<T>;
    const first = (await guard(() => this.collection.findOne(filter))) as T | null;
    checkIdempotency(first?.idempotency, request);
    return first;
  }

  /**
   * @param fields as in {@link list}
   * @throws CetusError `not_found`, `ambiguous_name`, `store_unavailable`
   */
  async get(scope: Scope, ref: string, fields?: Fields): Promise<T> {
    const projection = fields === undefined ? this.projection : only(fields);
    return this.find(ref, visibleTo(scope, this.kind), projection);
  }

  /**
   * @param fields what to read, with `_id`; nothing else is in the answer then, which costs far less than whole objects
   * @param narrowed what the list is narrowed down to; an index must serve it
   * @throws CetusError `invalid_marker`, `invalid_field`, `store_unavailable`
   */
  async list(scope: Scope, page: Page, fields?: Fields, narrowed: Filter<T> = {}): Promise<PageOf<T>> {
    const path = sortPath(this.kind.sortKeys, page.sortKey);
    const visible = visibleTo(scope, this.kind);
    const { marker, sortDir, limit } = page;
    // It may have been deleted since it was the last of its page.
    const after =
      marker === undefined
        ? undefined
        : ((await guard(() =>
            this.collection.findOne({ $and: [visible, { _id: marker.toLowerCase() }] } as Filter<T>, {
              projection: this.projection,
            }),
          )) as T | null);
    if (after === null)
      throw new CetusError('invalid_marker', `There is no object ${String(marker)} here`, {
        field: 'marker',
      });
    return readPage(this.collection, { $and: [visible, { deleted_at: null }, narrowed] } as Filter<T>, {
      path,
      sortDir,
      limit,
      after,
      projection: fields === undefined ? this.projection : only(fields),
    });
  }

  /**
   * Those of some objects that are there, by id, in one query. An id that is of nothing, or of nothing that the scope may see, is left out.
   * @param fields as in {@link list}
   * @throws CetusError `store_unavailable`
   */
  async getMany(scope: Scope, ids: readonly string[], fields?: Fields): Promise<ReadonlyMap<string, T>> {
    if (ids.length === 0) return new Map();
    const filter = {
      $and: [visibleTo(scope, this.kind), { deleted_at: null, _id: { $in: ids } }],
    } as Filter<T>;
    const projection = fields === undefined ? this.projection : only(fields);
    const found = await guard(() => this.collection.find(filter, { projection }).toArray());
    return new Map(found.map((one) => [one._id, one as T]));
  }

  async exists(scope: Scope, filter: Filter<T>): Promise<boolean> {
    const all = { $and: [visibleTo(scope, this.kind), { deleted_at: null }, filter] } as Filter<T>;
    return (await guard(() => this.collection.findOne(all, { projection: { _id: 1 } }))) !== null;
  }

  /**
   * Changes an object by compare-and-set: `change` gets the object as it is and answers how it shall be; it is called again when
   * another writer came first. What it throws passes through, with nothing written.
   * @throws CetusError `not_found`, `ambiguous_name`, `precondition_failed`, `conflict`, `store_unavailable`
   */
  async change(
    scope: Scope,
    ref: string,
    change: (current: T) => T,
    options: { ifMatch?: string } = {},
  ): Promise<T> {
    for (let attempt = 0; attempt < CHANGE_ATTEMPTS; attempt += 1) {
      const current = await this.find(ref, ownedBy(scope) as Filter<T>);
      checkIfMatch(options.ifMatch, current);
      const next = change(current);
      if (next === current) return current;
      const written = await guard(() =>
        this.collection.findOneAndUpdate(
          { _id: current._id, revision: current.revision, deleted_at: null } as Filter<T>,
          {
            $set: { ...this.ownFields(next), revision: current.revision + 1 },
            $push: { pending_events: { $each: newEvents(current, next) } },
          } as never,
          { returnDocument: 'after' },
        ),
      );
      if (written !== null) return written as T;
    }
    throw new CetusError('conflict', 'The object is changed by others all the time; try again');
  }

  /** What request code may write. The status and the lease belong to the service that reconciles the kind, if there is one. */
  private ownFields(next: T): Partial<T> {
    const { name, spec, generation, operation, sequence, attempts, next_attempt_at, updated_at, deleted_at } =
      next;
    const fields = {
      name,
      spec,
      generation,
      operation,
      sequence,
      attempts,
      next_attempt_at,
      updated_at,
      deleted_at,
    };
    const more = (this.kind.ownFields ?? []).map((field) => [field, next[field]] as const);
    const own = { ...fields, ...Object.fromEntries(more) };
    return (this.kind.service === null ? { ...own, status: next.status } : own) as Partial<T>;
  }

  private async find(ref: string, filter: Filter<T>, projection: Document = {}): Promise<T> {
    const by = UUID.test(ref) ? { _id: ref.toLowerCase() } : { name: ref };
    const found = await guard(() =>
      this.collection
        .find({ $and: [filter, by, { deleted_at: null }] } as Filter<T>, { projection })
        .limit(2)
        .toArray(),
    );
    const [first, second] = found as T[];
    if (second !== undefined) {
      throw new CetusError('ambiguous_name', `More than one ${this.kind.name} is named ${ref}; use the uuid`);
    }
    if (first === undefined) throw new CetusError('not_found', `There is no ${this.kind.name} ${ref}`);
    return first;
  }
}

/**
 * Refuses a request whose Idempotency-Key was used for another one.
 * @throws CetusError `idempotency_key_reused`
 */
export function checkIdempotency(kept: IdempotencyRecord | undefined, request: IdempotentRequest): void {
  if (kept === undefined || request.matches(kept)) return;
  throw new CetusError('idempotency_key_reused', 'The Idempotency-Key was used for another request', {
    field: 'Idempotency-Key',
  });
}

function only(fields: Fields): Document {
  return Object.fromEntries<unknown>(
    fields.map((field) => (typeof field === 'string' ? [field, 1] : [field.path, field.expression])),
  );
}

/** The notifications that a change adds. */
function newEvents(current: StoredObject, next: StoredObject): StoredObject['pending_events'] {
  return next.pending_events.filter(({ event }) => Number(event.sequence) > current.sequence);
}
