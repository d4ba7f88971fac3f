import { ERRORS, type ErrorCode } from './table.ts';

/** The resource of a back end that failed, as the back end names it. */
export interface FailedResource {
  /** The back end's word for the kind of thing, such as `OS::Nova::Server`. */
  type: string;
  /** The name in its template or its own name. */
  name: string;
  /** The id in the back end, when it got one. */
  id?: string;
}

export interface CetusErrorOptions {
  cause?: unknown;
  /** The field of the request at fault, as a JSON Pointer without the leading slash, such as `labels/kube_tag`. */
  field?: string;
  resource?: FailedResource;
  /** How long to wait before trying again, in milliseconds. */
  retryAfterMs?: number;
}

/**
 * The one error that Cetus throws on purpose. Its `code` decides everything else through the table: the HTTP status, the
 * title, and whether the reconcile loop tries again.
 */
export class CetusError extends Error {
  readonly code: ErrorCode;
  readonly field: string | undefined;
  readonly resource: FailedResource | undefined;
  readonly retryAfterMs: number | undefined;

  /** @param detail a sentence that a person can act on; it is shown to clients, so it holds no secret. */
  constructor(code: ErrorCode, detail: string, options: CetusErrorOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'CetusError';
    this.code = code;
    this.field = options.field;
    this.resource = options.resource;
    this.retryAfterMs = options.retryAfterMs;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }

  get title(): string {
    return ERRORS[this.code].title;
  }

  get retryable(): boolean {
    return ERRORS[this.code].retryable;
  }
}
