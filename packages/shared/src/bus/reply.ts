import { CetusError, isErrorCode, type FailedResource } from '../errors/index.ts';

/** An error on its way to whoever asked. */
export interface ReplyError {
  code: string;
  detail: string;
  field?: string;
  resource?: FailedResource;
  retryAfterMs?: number;
}

/** The answer to a request, as it travels: JSON. */
export type Reply = { ok: true; result: unknown } | { ok: false; error: ReplyError };

/** What whoever asked is told of an error; of a mistake of the service only that it was made. */
export function describeError(error: unknown): ReplyError {
  if (!(error instanceof CetusError)) return { code: 'internal_error', detail: 'The service made a mistake' };
  const { code, message: detail, field, resource, retryAfterMs } = error;
  return {
    code,
    detail,
    ...(field === undefined ? {} : { field }),
    ...(resource === undefined ? {} : { resource }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

/**
 * The result that a reply holds.
 * @throws CetusError the error that it holds
 */
export function answerOf(reply: Reply): unknown {
  if (reply.ok) return reply.result;
  const { code, detail, ...options } = reply.error;
  throw new CetusError(isErrorCode(code) ? code : 'internal_error', detail, options);
}
