import type { Call } from './api.ts';
import { badRequest, invalidField } from './errors.ts';
import { isUuid } from './fields.ts';

/** Rows of a page at most. */
const MOST_ROWS = 1000;

/** A page of rows, and what its answer links to. */
export interface Page<T> {
  rows: T[];
  /** The query of the next page; undefined when this is the last. */
  next: string | undefined;
}

interface Listing<T> {
  rows: T[];
  /** Queries taken besides the usual ones. */
  extra?: readonly string[];
  /** The row a marker names. @throws MagnumError 404 */
  marker: (ident: string) => T;
  /** What a marker names a row by. */
  key: (row: T) => string;
  /** True where markers are numbers. */
  numbered?: boolean;
}

/** The page that a request asks for, as Magnum cuts it. @throws MagnumError 400 that names the parameter. */
export function pageOf<T extends object>({ query }: Call, listing: Listing<T>): Page<T> {
  const known = ['marker', 'limit', 'sort_key', 'sort_dir', ...(listing.extra ?? [])];
  const unknown = Object.keys(query).find((name) => !known.includes(name));
  if (unknown !== undefined) throw badRequest(`Unknown argument: "${unknown}"`);
  const { marker, sort_key: sortKey = 'id', sort_dir: sortDir = 'asc' } = query;
  if (marker !== undefined && listing.numbered !== true && !isUuid(marker)) {
    throw invalidField(
      'marker',
      marker,
      `unable to convert to uuid. Error: Expected a uuid but received ${marker}.`,
    );
  }
  const limit = limitOf(query['limit']);
  if (sortDir !== 'asc' && sortDir !== 'desc') {
    throw badRequest(`Invalid sort direction: ${sortDir}. Acceptable values are 'asc' or 'desc'`);
  }
  const { rows } = listing;
  if (rows[0] !== undefined && !(sortKey in rows[0])) {
    throw badRequest(`The sort_key value "${sortKey}" is an invalid field for sorting`);
  }
  const last = marker === undefined ? undefined : listing.marker(marker);
  const sorted = rows.toSorted((a, b) => compare(a, b, sortKey) || compare(a, b, 'id'));
  if (sortDir === 'desc') sorted.reverse();
  const start = last === undefined ? 0 : sorted.indexOf(last) + 1;
  const page = sorted.slice(start, start + limit);
  const end = page.at(-1);
  const next =
    end === undefined || page.length < limit
      ? undefined
      : `?sort_key=${sortKey}&sort_dir=${sortDir}&limit=${String(limit)}&marker=${listing.key(end)}`;
  return { rows: page, next };
}

function limitOf(word: string | undefined): number {
  if (word === undefined) return MOST_ROWS;
  if (!/^-?\d+$/.test(word)) {
    const error = `invalid literal for int() with base 10: '${word}'`;
    throw invalidField('limit', word, `unable to convert to int. Error: ${error}`);
  }
  if (Number(word) <= 0) throw badRequest('Limit must be positive');
  return Math.min(Number(word), MOST_ROWS);
}

function compare(a: object, b: object, key: string): number {
  const [x, y] = [valueOf(a, key), valueOf(b, key)];
  return x < y ? -1 : x > y ? 1 : 0;
}

function valueOf(row: object, key: string): string | number {
  const value = (row as Record<string, unknown>)[key];
  return typeof value === 'number' ? value : typeof value === 'string' ? value : JSON.stringify(value ?? '');
}
