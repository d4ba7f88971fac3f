import { STATUS_CODES, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { hasStatus, toCetusError } from '@cetus/kubernetes/errors';
import { describeError, type Reply } from '@cetus/shared/bus';
import { CetusError, ERRORS } from '@cetus/shared/errors';

const JSON_TYPE = 'application/json; charset=utf-8';

/** Why a stream could not be opened, in Cetus' words. What the cluster says about the pod or the container is for whoever asked. */
export function streamError(error: unknown): unknown {
  if (hasStatus(error, 404)) return new CetusError('not_found', error.message, { cause: error });
  if (hasStatus(error, 400) || hasStatus(error, 422))
    return new CetusError('invalid_field', error.message, { cause: error });
  return toCetusError(error);
}

function refusalOf(error: unknown): { status: number; body: string } {
  const status = error instanceof CetusError ? error.status : ERRORS.internal_error.status;
  const reply: Reply = { ok: false, error: describeError(error) };
  return { status, body: JSON.stringify(reply) };
}

/** Answers a request with an error, as answers over the bus carry it. */
export function refuse(response: ServerResponse, error: unknown): void {
  const { status, body } = refusalOf(error);
  response.writeHead(status, { 'content-type': JSON_TYPE, connection: 'close' }).end(body);
}

/** The same for a connection that was to become a WebSocket. */
export function refuseUpgrade(socket: Duplex, error: unknown): void {
  const { status, body } = refusalOf(error);
  socket.end(
    `HTTP/1.1 ${String(status)} ${STATUS_CODES[status] ?? ''}\r\nContent-Type: ${JSON_TYPE}\r\n` +
      `Content-Length: ${String(Buffer.byteLength(body))}\r\nConnection: close\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}
