import { createRequire } from 'node:module';

interface LoadResult {
  '2xx': number;
  non2xx: number;
  errors: number;
  duration: number;
  latency: { p50: number; p99: number };
}
interface LoadOptions {
  url: string;
  connections: number;
  duration: number;
  requests: { method: string; path: string; headers: Record<string, string>; body?: string }[];
}
// It has no types of its own.
const autocannon = createRequire(import.meta.url)('autocannon') as (
  options: LoadOptions,
) => Promise<LoadResult>;

export interface HttpLoad {
  url: string;
  /** Requests in flight. */
  connections: number;
  seconds: number;
  paths: readonly string[];
  method?: string;
  headers?: Readonly<Record<string, string>>;
  body?: unknown;
}

/** What a server did under load. */
export interface HttpFigures {
  perSecond: number;
  /** Milliseconds. */
  p50: number;
  p99: number;
}

/** @throws Error when an answer was not 2xx: a ratio of refusals is no figure */
export async function load({
  url,
  connections,
  seconds,
  paths,
  method = 'GET',
  headers = {},
  body,
}: HttpLoad): Promise<HttpFigures> {
  const result = await autocannon({
    url,
    connections,
    duration: seconds,
    requests: paths.map((path) => ({
      method,
      path,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })),
  });
  if (result.non2xx > 0 || result.errors > 0) {
    throw new Error(`${method} ${url}${paths[0] ?? ''}: ${result.non2xx} refusals, ${result.errors} errors`);
  }
  return { perSecond: result['2xx'] / result.duration, p50: result.latency.p50, p99: result.latency.p99 };
}
