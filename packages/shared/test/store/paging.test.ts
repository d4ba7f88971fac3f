import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import type { StoredCluster } from '@cetus/shared/schemas';
import {
  CLUSTER,
  collectionOf,
  ScopedStore,
  scopeOf,
  type Page,
  type Scope,
  type Store,
} from '@cetus/shared/store';
import { idleCluster } from './builders.ts';
import { openTestStore } from './test-store.ts';

/** Few different values, so that many are equal. */
const anObject = fc.record({
  name: fc.constantFrom<string[]>('a', 'B', 'b', 'a-1', 'a.1'),
  createdAt: fc.integer({ min: 0, max: 3 }),
});
const SORT_KEYS = Object.keys(CLUSTER.sortKeys);

function made(
  project: string,
  { name, createdAt }: typeof anObject extends fc.Arbitrary<infer T> ? T : never,
): StoredCluster {
  return idleCluster({ project, name, now: new Date(createdAt) });
}

/** What BSON says of the order: null and missing are equal and first, numbers by value, strings by bytes. */
function sorted(objects: StoredCluster[], sortKey: string, sortDir: 'asc' | 'desc'): string[] {
  const path = CLUSTER.sortKeys[sortKey] as string;
  const value = (object: StoredCluster): unknown =>
    path.split('.').reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], object) ?? null;
  const compare = (a: unknown, b: unknown): number => {
    if (a === b) return 0;
    if (a === null) return -1;
    if (b === null) return 1;
    return (a as number) < (b as number) ? -1 : (a as number) > (b as number) ? 1 : 0;
  };
  const ascending = [...objects].sort((a, b) => compare(value(a), value(b)) || compare(a._id, b._id));
  return (sortDir === 'asc' ? ascending : ascending.reverse()).map(({ _id }) => _id);
}

describe('Pages of a list', () => {
  let store: Store;
  let clusters: ScopedStore<StoredCluster>;

  before(async () => {
    store = await openTestStore('paging');
    clusters = new ScopedStore(store, CLUSTER);
  });
  after(() => store?.close());

  async function* pages(scope: Scope, page: Page): AsyncGenerator<StoredCluster[]> {
    for (let marker: string | null | undefined; marker !== null;) {
      const { items, nextMarker } = await clusters.list(scope, {
        ...page,
        ...(marker === undefined ? {} : { marker }),
      });
      assert.ok(items.length <= page.limit);
      assert.ok(nextMarker === null || items.length === page.limit, 'a page that is not full is the last');
      yield items;
      marker = nextMarker;
    }
  }

  for (const sortKey of SORT_KEYS) {
    for (const sortDir of ['asc', 'desc'] as const) {
      it(`put together are the whole list by ${sortKey} ${sortDir}, with equal values`, async () => {
        const property = fc.asyncProperty(
          fc.array(anObject, { maxLength: 12 }),
          fc.integer({ min: 1, max: 6 }),
          async (specs, limit) => {
            const project = randomUUID();
            const objects = specs.map((spec) => made(project, spec));
            if (objects.length > 0) await collectionOf(store.db, CLUSTER).insertMany(objects);
            const found: string[] = [];
            for await (const items of pages(scopeOf({ projectId: project }), { limit, sortKey, sortDir })) {
              found.push(...items.map(({ _id }) => _id));
            }
            assert.deepEqual(found, sorted(objects, sortKey, sortDir));
          },
        );
        await fc.assert(property, { numRuns: 12 });
      });
    }
  }

  it('hold everything that was there, once, while others insert and delete', async () => {
    for (const sortKey of SORT_KEYS) {
      const project = randomUUID();
      const spec = (i: number) => ({
        minutes: i % 3 === 0 ? null : i % 4,
        name: 'abc'[i % 3] as string,
        createdAt: i % 5,
        missing: false,
      });
      const objects = Array.from({ length: 40 }, (_, i) => made(project, spec(i)));
      const collection = collectionOf(store.db, CLUSTER);
      await collection.insertMany(objects);
      const found: string[] = [];
      let i = 0;
      for await (const items of pages(scopeOf({ projectId: project }), {
        limit: 7,
        sortKey,
        sortDir: 'asc',
      })) {
        found.push(...items.map(({ _id }) => _id));
        await collection.insertMany(Array.from({ length: 3 }, () => made(project, spec((i += 1)))));
        // Also the one that the next page starts after.
        await collection.updateOne({ _id: items.at(-1)?._id ?? '' }, { $set: { deleted_at: new Date() } });
      }
      assert.equal(new Set(found).size, found.length, `nothing twice by ${sortKey}`);
      const missed = objects.filter(({ _id }) => !found.includes(_id));
      assert.deepEqual(missed, [], `nothing missed by ${sortKey}`);
    }
  });

  it('refuse a marker that is no object of the list', async () => {
    for (const marker of [randomUUID(), 'x', '']) {
      const page = { limit: 1, sortKey: 'name', sortDir: 'asc' as const, marker };
      await assert.rejects(clusters.list({ kind: 'all' }, page), { code: 'invalid_marker' });
    }
  });
});
