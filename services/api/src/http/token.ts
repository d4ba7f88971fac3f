import { offeredProtocols } from '@cetus/shared/streams';
import type { FastifyRequest } from 'fastify';

/**
 * Begins a subprotocol that is none: the rest is the caller's token in base64url. Browsers cannot send headers with a WebSocket. One
 * more subprotocol must be offered beside it, as a browser wants one of them to be chosen, and this one never is.
 */
const TOKEN_PROTOCOL = 'base64url.token.cetus.io.';

/** The token of a request: of X-Auth-Token, or of a WebSocket's subprotocol; undefined when it has none that could be one. */
export function tokenOf({ headers, ws }: Pick<FastifyRequest, 'headers' | 'ws'>): string | undefined {
  const header = headers['x-auth-token'];
  if (typeof header === 'string') return header;
  if (!ws) return undefined;
  const text = offeredProtocols(headers)
    .find((one) => one.startsWith(TOKEN_PROTOCOL))
    ?.slice(TOKEN_PROTOCOL.length);
  if (text === undefined || !/^[\w-]+$/.test(text)) return undefined;
  const token = Buffer.from(text, 'base64url').toString('latin1');
  return /^[\x21-\x7e]+$/.test(token) ? token : undefined;
}

/** The subprotocols that a client speaks, the preferred one first. */
export function spokenProtocols({ headers }: Pick<FastifyRequest, 'headers'>): string[] {
  return offeredProtocols(headers).filter((one) => !one.startsWith(TOKEN_PROTOCOL));
}
