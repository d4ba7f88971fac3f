import type { Filter, Sort } from 'mongodb';
import { CetusError } from '../errors/index.ts';
import type { StoredObject } from '../schemas/object.ts';

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

/** Where a page starts: everything after the marker in the order of (value of the sort key, id). */
export function afterMarker<T extends StoredObject>(marker: T, path: string, sortDir: 'asc' | 'desc'): Filter<T> {
  const op = sortDir === 'asc' ? '$gt' : '$lt';
  if (path === '_id') return { _id: { [op]: marker._id } } as Filter<T>;
  const value: unknown = path.split('.').reduce<unknown>((at, key) => (at as Record<string, unknown> | null)?.[key], marker);
  // BSON sorts null before everything, and $gt/$lt never match across types.
  const beyond =
    value === null || value === undefined
      ? sortDir === 'asc'
        ? [{ [path]: { $ne: null } }]
        : []
      : [{ [path]: { [op]: value } }, ...(sortDir === 'desc' ? [{ [path]: null }] : [])];
  return { $or: [...beyond, { [path]: value ?? null, _id: { [op]: marker._id } }] } as Filter<T>;
}

export function sortBy(path: string, sortDir: 'asc' | 'desc'): Sort {
  const direction = sortDir === 'asc' ? 1 : -1;
  return path === '_id' ? { _id: direction } : { [path]: direction, _id: direction };
}

/** @throws CetusError `invalid_field` for a key that is not in the kind's table */
export function sortPath(sortKeys: Readonly<Record<string, string>>, sortKey: string): string {
  const path = Object.hasOwn(sortKeys, sortKey) ? sortKeys[sortKey] : undefined;
  if (path === undefined) {
    throw new CetusError('invalid_field', `sort_key must be one of ${Object.keys(sortKeys).join(', ')}`, { field: 'sort_key' });
  }
  return path;
}
