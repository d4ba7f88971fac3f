import type { Collection, Document, Filter, Sort } from 'mongodb';
import { CetusError } from '../errors/index.ts';
import { guard } from './errors.ts';

export interface Page {
  /** At least 1. */
  limit: number;
  /** The uuid of the last object of the page before. */
  marker?: string;
  sortKey: string;
  sortDir: 'asc' | 'desc';
}

export interface PageOf<T> {
  items: T[];
  /** What to ask for next; null on the last page. */
  nextMarker: string | null;
}

/**
 * What comes after the marker in the order of (value of the sort key, id), as ranges of the index to read one after the other. One
 * filter with `$or` would say the same, but a server may choose to read the index from its beginning for it.
 */
function rangesAfter<T extends { _id: string }>(
  marker: T,
  path: string,
  sortDir: 'asc' | 'desc',
): Filter<T>[] {
  const op = sortDir === 'asc' ? '$gt' : '$lt';
  if (path === '_id') return [{ _id: { [op]: marker._id } }];
  const value =
    path
      .split('.')
      .reduce<unknown>((at, key) => (at as Record<string, unknown> | null | undefined)?.[key], marker) ??
    null;
  // BSON sorts null before everything, and $gt/$lt never match across types.
  const beyond =
    value === null
      ? sortDir === 'asc'
        ? [{ [path]: { $ne: null } }]
        : []
      : [{ [path]: { [op]: value } }, ...(sortDir === 'desc' ? [{ [path]: null }] : [])];
  return [{ [path]: value, _id: { [op]: marker._id } }, ...beyond] as Filter<T>[];
}

/** Reads one page of what a filter lets through. */
export async function readPage<T extends { _id: string }>(
  collection: Collection<T>,
  filter: Filter<T>,
  page: {
    path: string;
    sortDir: 'asc' | 'desc';
    limit: number;
    after?: T | undefined;
    projection?: Document;
  },
): Promise<PageOf<T>> {
  const { path, sortDir, limit, after, projection = {} } = page;
  const found: T[] = [];
  for (const range of after === undefined ? [{}] : rangesAfter(after, path, sortDir)) {
    const missing = limit + 1 - found.length;
    if (missing === 0) break;
    const read = collection
      .find({ $and: [filter, range] } as Filter<T>, { projection })
      .sort(sortBy(path, sortDir))
      .limit(missing);
    found.push(...((await guard(() => read.toArray())) as T[]));
  }
  const items = found.slice(0, limit);
  return { items, nextMarker: found.length > limit ? (items.at(-1)?._id ?? null) : null };
}

function sortBy(path: string, sortDir: 'asc' | 'desc'): Sort {
  const direction = sortDir === 'asc' ? 1 : -1;
  return path === '_id' ? { _id: direction } : { [path]: direction, _id: direction };
}

/** @throws CetusError `invalid_field` for a key that is not in the kind's table */
export function sortPath(sortKeys: Readonly<Record<string, string>>, sortKey: string): string {
  const path = Object.hasOwn(sortKeys, sortKey) ? sortKeys[sortKey] : undefined;
  if (path === undefined) {
    throw new CetusError('invalid_field', `sort_key must be one of ${Object.keys(sortKeys).join(', ')}`, {
      field: 'sort_key',
    });
  }
  return path;
}
