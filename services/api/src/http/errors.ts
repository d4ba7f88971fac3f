import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { CetusError, ERRORS, isErrorCode, type ErrorCode } from '@cetus/shared/errors';
import type { ErrorObject } from 'ajv';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { newRequestId } from './request-id.ts';
import { fieldErrors } from './validation.ts';

/** One entry of OpenStack's error body. */
interface ErrorItem {
  request_id: string;
  code: ErrorCode;
  status: number;
  title: string;
  detail: string;
  field?: string;
  links: never[];
}

interface Answer {
  status: number;
  items: ErrorItem[];
  retryAfterMs?: number | undefined;
}

/** What Fastify's own refusals are called here. */
const FASTIFY_CODES: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_BAD_URL: 'malformed_url',
  FST_ERR_INVALID_URL: 'malformed_url',
  FST_ERR_ASYNC_CONSTRAINT: 'malformed_url',
  FST_ERR_MAX_PARAM_LENGTH: 'route_not_found',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'malformed_body',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'malformed_body',
  FST_ERR_CTP_INVALID_JSON_BODY: 'malformed_body',
  FST_ERR_ROUTE_MISSING_CONTENT_TYPE: 'unsupported_media_type',
};

/** How long a client is asked to wait when an error says no time of its own, in milliseconds. */
const RETRY_AFTER_MS = 1_000;

function item(requestId: string, code: ErrorCode, detail: string, field?: string): ErrorItem {
  const { status, title } = ERRORS[code];
  return {
    request_id: requestId,
    code,
    status,
    // python-magnumclient shows a person the title and nothing else.
    title: `${title}: ${detail}`,
    detail,
    ...(field === undefined ? {} : { field }),
    links: [],
  };
}

/** The body that OpenStack services share, for one error. */
function errorBody(
  requestId: string,
  code: ErrorCode,
  detail: string,
  field?: string,
): { errors: ErrorItem[] } {
  return { errors: [item(requestId, code, detail, field)] };
}

/** What an error is to a client: never more than the table and the detail say. */
function answerTo(error: FastifyError, request: FastifyRequest): Answer {
  const requestId = request.id;
  if (error instanceof CetusError) {
    return {
      status: error.status,
      items: [item(requestId, error.code, error.message, error.field)],
      retryAfterMs: error.retryAfterMs,
    };
  }
  if (Array.isArray(error.validation)) {
    const part =
      error.validationContext === 'body' || error.validationContext === undefined
        ? 'body'
        : error.validationContext;
    const items = fieldErrors(error.validation as unknown as ErrorObject[], part).map(
      ({ code, detail, field }) => item(requestId, code, detail, field),
    );
    return { status: 400, items };
  }
  // The connection ended within the body; only the log is left to be told.
  if (error === request.raw.errored) {
    const code = 'malformed_request';
    return { status: ERRORS[code].status, items: [item(requestId, code, 'The request broke off')] };
  }
  const code = FASTIFY_CODES[error.code];
  if (code !== undefined)
    return { status: ERRORS[code].status, items: [item(requestId, code, error.message)] };
  if (typeof error.code === 'string' && isErrorCode(error.code)) {
    return { status: ERRORS[error.code].status, items: [item(requestId, error.code, error.message)] };
  }
  return {
    status: 500,
    items: [
      item(requestId, 'internal_error', 'The request could not be served; the operator finds it by its id'),
    ],
  };
}

/** Answers every error of a route, of a hook and of Fastify itself. */
export function createErrorHandler(keystoneUrl: string | undefined) {
  const challenge = keystoneUrl === undefined ? 'Keystone' : `Keystone uri="${keystoneUrl}"`;
  return (error: FastifyError, request: FastifyRequest, reply: FastifyReply): void => {
    const { status, items, retryAfterMs } = answerTo(error, request);
    // What did not pass validation may be a secret, and its errors carry it.
    const err = Array.isArray(error.validation) ? { message: error.message } : error;
    const what = { err, request_id: request.id, code: items[0]?.code };
    // What is behind us and mends itself is no mistake of ours.
    const mendsItself = error instanceof CetusError && error.retryable;
    if (status >= 500 && mendsItself) request.log.warn(what, 'a request failed; it may go well later');
    else if (status >= 500) request.log.error(what, 'a request failed');
    else request.log.debug(what, 'a request was refused');
    if (status === 401) reply.header('www-authenticate', challenge);
    if (status === 429 || status === 503) {
      reply.header('retry-after', String(Math.ceil((retryAfterMs ?? RETRY_AFTER_MS) / 1_000)));
    }
    // Already a text: what the schema of a route says about its answers is not about this.
    reply
      .code(status)
      .type('application/json; charset=utf-8')
      .serializer(String)
      .send(JSON.stringify({ errors: items }));
  };
}

/** Answers what is not HTTP, has too large a header, or takes too long, straight to the socket. */
export function onClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [code, detail]: [ErrorCode, string] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? ['header_fields_too_large', 'The header must be shorter than 16 KiB']
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? ['request_timeout', 'The request did not arrive in time']
        : ['malformed_request', 'The request cannot be read'];
  const requestId = newRequestId();
  const body = JSON.stringify(errorBody(requestId, code, detail));
  const { status } = ERRORS[code];
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nContent-Type: application/json; charset=utf-8\r\n` +
      `X-OpenStack-Request-ID: ${requestId}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
