/** An answer with its body read; JSON when it is JSON, null when there is none. */
export interface HttpAnswer<T = unknown> {
  status: number;
  headers: Headers;
  body: T;
}

export interface HttpRequest {
  method?: string;
  body?: unknown;
  headers?: Readonly<Record<string, string>>;
  /** Milliseconds for the whole answer; default 15,000. */
  timeoutMs?: number;
}

/** One request whose bodies are JSON. Rejects when there is no answer; any status is an answer. */
export async function httpJson<T = unknown>(url: string, request: HttpRequest = {}): Promise<HttpAnswer<T>> {
  const { method = 'GET', body, headers = {}, timeoutMs = 15_000 } = request;
  const answer = await fetch(url, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(timeoutMs),
  });
  const text = await answer.text();
  const isJson = answer.headers.get('content-type')?.includes('json') === true && text !== '';
  return {
    status: answer.status,
    headers: answer.headers,
    body: (isJson ? JSON.parse(text) : text || null) as T,
  };
}
