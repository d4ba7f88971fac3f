import { textOf } from '../objects.ts';
import type { ServerResponse } from 'node:http';
import type { ApiError } from './status-error.ts';

/** Sends JSON. */
export function sendJson(response: ServerResponse, code: number, body: unknown): void {
  sendText(response, code, `${typeof body === 'string' ? body : JSON.stringify(body)}\n`, 'application/json');
}

/** Sends a text of any type, unless the client has gone. */
export function sendText(
  response: ServerResponse,
  code: number,
  text: string,
  type = 'text/plain; charset=utf-8',
): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(code, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(text) });
  response.end(text);
}

/** Sends an error as a Status. */
export function sendError(response: ServerResponse, error: ApiError): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const retryAfter = error.details?.['retryAfterSeconds'];
  if (retryAfter !== undefined) response.setHeader('Retry-After', textOf(retryAfter));
  if (error.code === 401) response.setHeader('WWW-Authenticate', 'Basic realm="kubernetes-master"');
  sendJson(response, error.code, error.toStatus());
}
