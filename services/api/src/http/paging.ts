import type { Page, PageOf } from '@cetus/shared/store';
import type { FastifyRequest } from 'fastify';
import type { AppConfig } from '../config.ts';
import type { LinkBuilder } from './links.ts';

/** The query of a list, as the schemas let it through. */
export interface ListRequest {
  limit?: number;
  marker?: string;
  sort_key?: string;
  sort_dir?: 'asc' | 'desc';
  all_projects?: boolean;
}

/** What lists are answered with. */
export interface ListContext {
  config: Pick<AppConfig, 'CETUS_API_PAGE_SIZE' | 'CETUS_API_MAX_PAGE_SIZE'>;
  links: LinkBuilder;
}

/** One list of the API. */
export interface List<K extends string, T, V> {
  /** What its objects are under in the answer. */
  name: K;
  /** Where it is, from the root of the API. */
  path: string;
  /** Default: ascending by uuid. */
  sort?: { key: string; dir: 'asc' | 'desc' };
  read: (page: Page) => PageOf<T> | Promise<PageOf<T>>;
  present: (item: T) => V;
}

/** Answers one page of a list: that which the query asks for, within the bounds of the site, and where the next one is. */
export async function answerPage<K extends string, T, V>(
  { config, links }: ListContext,
  request: FastifyRequest<{ Querystring: ListRequest }>,
  { name, path, sort, read, present }: List<K, T, V>,
): Promise<Record<K, V[]> & { next?: string }> {
  const { query } = request;
  const page = pageOf(query, config, sort ?? { key: 'uuid', dir: 'asc' });
  const { items, nextMarker } = await read(page);
  const next = nextLink(`${links.base(request)}${path}`, query, page.limit, nextMarker);
  const views = { [name]: items.map((item) => present(item)) } as Record<K, V[]>;
  return next === undefined ? views : { ...views, next };
}

function pageOf(
  query: ListRequest,
  config: ListContext['config'],
  sort: { key: string; dir: 'asc' | 'desc' },
): Page {
  const key = query.sort_key ?? sort.key;
  return {
    limit: Math.min(query.limit ?? config.CETUS_API_PAGE_SIZE, config.CETUS_API_MAX_PAGE_SIZE),
    // Magnum's `id` is the number of a row; what has no such number is sorted by its uuid.
    sortKey: key === 'id' ? 'uuid' : key,
    sortDir: query.sort_dir ?? sort.dir,
    ...(query.marker === undefined ? {} : { marker: query.marker.toLowerCase() }),
  };
}

/** The address of the next page: the same query with another marker. */
function nextLink(listUrl: string, query: object, limit: number, marker: string | null): string | undefined {
  if (marker === null) return undefined;
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (key !== 'limit' && key !== 'marker' && value !== undefined) parameters.set(key, String(value));
  }
  parameters.set('limit', String(limit));
  parameters.set('marker', marker);
  return `${listUrl}?${parameters.toString()}`;
}
