import type { IncomingHttpHeaders } from 'node:http';
import type { RawAnswer } from '@cetus/shared/streams';
import { errorCode, KubernetesError, KubernetesUnreachableError, type RequestInfo } from './errors.ts';

/** Errors that come up before the first byte of a request has left. */
const NOTHING_SENT = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
]);
/** What a socket that the server had just closed ends with. */
const SOCKET_LOST = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

/** Characters of a refusal that is text. */
const MOST_WORDS = 1_000;

/**
 * The body of an answer: what its JSON says, text where it was not JSON, undefined where there was none.
 * @throws KubernetesError when it is larger than `maxBytes`, or claims to be JSON and is not; what reading throws
 */
export async function readBody(info: RequestInfo, answer: RawAnswer, maxBytes: number): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer.body) {
    size += chunk.length;
    if (size > maxBytes) {
      const message = `The answer is larger than ${String(maxBytes)} bytes.`;
      throw new KubernetesError(info, answer.statusCode, { kind: 'Status', message });
    }
    chunks.push(chunk);
  }
  if (size === 0) return undefined;
  const text = Buffer.concat(chunks).toString('utf8');
  if (header(answer.headers, 'content-type')?.includes('json') !== true) return text;
  try {
    return JSON.parse(text);
  } catch {
    // A refusal keeps its status whatever its body looks like; an acceptance that cannot be read is an error.
    if (answer.statusCode > 299) return text;
    const message = 'The answer claims to be JSON and is not.';
    throw new KubernetesError(info, answer.statusCode, { kind: 'Status', message });
  }
}

/** The error that an answer outside of 2xx is. */
export function refusal(info: RequestInfo, answer: RawAnswer, body: unknown): KubernetesError {
  const seconds = header(answer.headers, 'retry-after');
  const isNumber = seconds !== undefined && /^\d+$/.test(seconds);
  return new KubernetesError(info, answer.statusCode, body, isNumber ? Number(seconds) : undefined);
}

/** Refusals of the kubelet, which stands behind some addresses, are text. */
export function inWords({ headers }: RawAnswer, body: unknown): unknown {
  const isText =
    typeof body === 'string' && header(headers, 'content-type')?.startsWith('text/plain') === true;
  return isText ? { kind: 'Status', message: body.trim().slice(0, MOST_WORDS) } : body;
}

/** The error that no answer is. */
export function unreachable(info: RequestInfo, server: string, error: unknown): KubernetesUnreachableError {
  const code = errorCode(error);
  const reason = error instanceof Error && error.message !== '' ? error.message : code;
  return new KubernetesUnreachableError(info, `The Kubernetes API at ${server} did not answer: ${reason}`, {
    code,
    maybeSent: !NOTHING_SENT.has(code),
    cause: error,
  });
}

/** Whether a server ended the connection before it answered. */
export function isConnectionLost(error: unknown): boolean {
  return error instanceof KubernetesUnreachableError && SOCKET_LOST.has(error.code);
}

/** First value of a header. */
function header(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}
