import type { AppConfig } from '../config.ts';

/** The query of a list, as the schemas let it through. */
export interface ListRequest {
  limit?: number;
  marker?: string;
  sort_key?: string;
  sort_dir?: 'asc' | 'desc';
  all_projects?: boolean;
}

/** The page that a query asks of the store. */
export function pageOf(
  query: ListRequest,
  config: AppConfig,
  defaults: { sortKey: string; sortDir?: 'asc' | 'desc' },
) {
  const key = query.sort_key ?? defaults.sortKey;
  return {
    limit: Math.min(query.limit ?? config.CETUS_API_PAGE_SIZE, config.CETUS_API_MAX_PAGE_SIZE),
    // Magnum's `id` is the number of a row; what has no such number is sorted by its uuid.
    sortKey: key === 'id' ? 'uuid' : key,
    sortDir: query.sort_dir ?? defaults.sortDir ?? 'asc',
    ...(query.marker === undefined ? {} : { marker: query.marker.toLowerCase() }),
  } as const;
}

/** An answer with one page: its objects under the name of the list, and where the next page is. */
export function pageAnswer<K extends string, T, V>(
  name: K,
  found: { items: readonly T[]; nextMarker: string | null },
  present: (item: T) => V,
  list: { url: string; query: object; limit: number },
): Record<K, V[]> & { next?: string } {
  const next = nextLink(list.url, list.query, list.limit, found.nextMarker);
  const views = { [name]: found.items.map(present) } as Record<K, V[]>;
  return next === undefined ? views : { ...views, next };
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
