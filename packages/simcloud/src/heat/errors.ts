/** A refusal as Heat words it: HTTP status, `error.type` and message. */
export class HeatError extends Error {
  readonly status: number;
  readonly type: string;

  constructor(status: number, type: string, message: string) {
    super(message);
    this.status = status;
    this.type = type;
  }
}

export const invalid = (message: string): HeatError => new HeatError(400, 'StackValidationFailed', message);
export const badRequest = (message: string): HeatError => new HeatError(400, 'HTTPBadRequest', message);
export const notSupported = (what: string): HeatError =>
  new HeatError(400, 'NotSupported', `${what} is not supported.`);
export const stackNotFound = (name: string): HeatError =>
  new HeatError(404, 'EntityNotFound', `The Stack (${name}) could not be found.`);
export const badReference = (name: string, where: string): HeatError =>
  new HeatError(
    400,
    'InvalidTemplateReference',
    `The specified reference "${name}" (in ${where}) is incorrect.`,
  );

export const methodNotAllowed = (): HeatError => new HeatError(405, 'HTTPMethodNotAllowed', MALFORMED);

const MALFORMED =
  'The server could not comply with the request since it is either malformed or otherwise incorrect.';

const TITLES: Record<number, [string, string]> = {
  400: ['Bad Request', MALFORMED],
  403: ['Forbidden', 'Access was denied to this resource.'],
  404: ['Not Found', 'The resource could not be found.'],
  405: ['Method Not Allowed', MALFORMED],
  409: ['Conflict', 'There was a conflict when trying to complete your request.'],
  500: [
    'Internal Server Error',
    'The server has either erred or is incapable of performing the requested operation.',
  ],
  503: ['Service Unavailable', 'The server is currently unavailable. Please try again at a later time.'],
};

/** The body of a refusal; Heat leaves an empty message out. */
export function heatErrorBody(status: number, type: string, message: string): unknown {
  const [title, explanation] = TITLES[status] ?? ['Error', message];
  return {
    code: status,
    title,
    explanation,
    error: { type, traceback: null, ...(message === '' ? {} : { message }) },
  };
}
