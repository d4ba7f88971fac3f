import type { KubernetesConnection, Query } from './connection.ts';
import { isExpired } from './errors.ts';
import type { ListPage } from './objects.ts';

export interface ListOptions<From, To = From> {
  /** `labelSelector`, `fieldSelector`. */
  query?: Query | undefined;
  signal?: AbortSignal | undefined;
  /** For one page. */
  timeoutMs?: number | undefined;
  /** Objects a page. Default 500. */
  pageSize?: number | undefined;
  /** What to keep of an object; the rest can be forgotten before the next page comes. Undefined: nothing. Default: all. */
  project?: ((object: From) => To | undefined) | undefined;
}

export interface Listed<T> {
  items: T[];
  /** From where a watch goes on. */
  resourceVersion: string;
}

/**
 * All objects of a collection, read page by page. When the pages expire on the way, it is read again in one piece.
 * @throws KubernetesError, KubernetesUnreachableError, the signal's reason
 */
export async function listAll<From, To = From>(
  connection: KubernetesConnection,
  path: string,
  options: ListOptions<From, To> = {},
): Promise<Listed<To>> {
  try {
    return await readPages(connection, path, options, options.pageSize ?? 500);
  } catch (error) {
    if (!isExpired(error)) throw error;
    return await readPages(connection, path, options, undefined);
  }
}

async function readPages<From, To>(
  connection: KubernetesConnection,
  path: string,
  { query, signal, timeoutMs, project = (object) => object as unknown as To }: ListOptions<From, To>,
  limit: number | undefined,
): Promise<Listed<To>> {
  const items: To[] = [];
  let next: string | undefined;
  for (;;) {
    const page: ListPage<From> = await connection.get(path, {
      query: { ...query, limit, continue: next },
      signal,
      timeoutMs,
    });
    for (const object of page.items) {
      const kept = project(object);
      if (kept !== undefined) items.push(kept);
    }
    next = page.metadata.continue;
    if (next === undefined || next === '') return { items, resourceVersion: page.metadata.resourceVersion };
  }
}
