import { isFields, type Fields } from '../objects.ts';

/** Where a resource belongs: the part of it that error messages name. */
export interface ResourceName {
  group: string;
  plural: string;
  kind: string;
}

/** One wrong field. `value` is shown, unless the type needs none. */
export interface FieldProblem {
  field: string;
  type: 'Required' | 'Invalid' | 'Unsupported' | 'Forbidden' | 'Duplicate' | 'NotFound' | 'TooLong';
  value?: unknown;
  detail?: string;
}

/** An error a Kubernetes API answers, as a `Status` object. */
export class ApiError extends Error {
  readonly code: number;
  readonly reason: string;
  readonly details: Fields | undefined;

  constructor(code: number, reason: string, message: string, details?: Fields) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.details = details;
  }

  /** The answer's body. */
  toStatus(): Fields {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      // An error without one has no such field.
      ...(this.reason === '' ? {} : { reason: this.reason }),
      ...(this.details === undefined ? {} : { details: this.details }),
      code: this.code,
    };
  }
}

/** `deployments.apps`. */
export function qualified({ group, plural }: ResourceName): string {
  return group === '' ? plural : `${plural}.${group}`;
}

function detailsOf(resource: ResourceName, name: string, kind = resource.plural): Fields {
  return {
    ...(name === '' ? {} : { name }),
    ...(resource.group === '' ? {} : { group: resource.group }),
    kind,
  };
}

export function notFound(resource: ResourceName, name: string): ApiError {
  return new ApiError(
    404,
    'NotFound',
    `${qualified(resource)} "${name}" not found`,
    detailsOf(resource, name),
  );
}

export function alreadyExists(resource: ResourceName, name: string): ApiError {
  const message = `${qualified(resource)} "${name}" already exists`;
  return new ApiError(409, 'AlreadyExists', message, detailsOf(resource, name));
}

export function conflict(resource: ResourceName, name: string, why: string, causes?: Fields[]): ApiError {
  const message = `Operation cannot be fulfilled on ${qualified(resource)} "${name}": ${why}`;
  return new ApiError(409, 'Conflict', message, {
    ...detailsOf(resource, name),
    ...(causes === undefined ? {} : { causes }),
  });
}

export const MODIFIED =
  'the object has been modified; please apply your changes to the latest version and try again';

export function badRequest(message: string): ApiError {
  return new ApiError(400, 'BadRequest', message);
}

export function forbidden(resource: ResourceName, name: string, why: string, causes?: Fields[]): ApiError {
  const what = name === '' ? qualified(resource) : `${qualified(resource)} "${name}"`;
  return new ApiError(403, 'Forbidden', `${what} is forbidden: ${why}`, {
    ...detailsOf(resource, name),
    ...(causes === undefined ? {} : { causes }),
  });
}

export function unauthorized(): ApiError {
  return new ApiError(401, 'Unauthorized', 'Unauthorized');
}

/** The path has no meaning here. */
export function noSuchResource(): ApiError {
  return new ApiError(404, 'NotFound', 'the server could not find the requested resource', {});
}

export function methodNotAllowed(): ApiError {
  const message = 'the server does not allow this method on the requested resource';
  return new ApiError(405, 'MethodNotAllowed', message, {});
}

/** A revision that is no longer kept. */
export function expired(message: string): ApiError {
  return new ApiError(410, 'Expired', message);
}

const NEEDS_NO_VALUE = new Set(['Required', 'Forbidden']);
const WORDS: Record<FieldProblem['type'], string> = {
  Required: 'Required value',
  Invalid: 'Invalid value',
  Unsupported: 'Unsupported value',
  Forbidden: 'Forbidden',
  Duplicate: 'Duplicate value',
  NotFound: 'Not found',
  TooLong: 'Too long',
};

/** As Go prints it. */
function shown(value: unknown): string {
  if (value === undefined || value === null) return 'null';
  const entries = isFields(value) ? Object.entries(value) : [];
  const isTexts = entries.length > 0 && entries.every(([, one]) => typeof one === 'string');
  const texts = entries.map(([key, one]) => `${JSON.stringify(key)}:${JSON.stringify(one)}`);
  return isTexts ? `map[string]string{${texts.join(', ')}}` : JSON.stringify(value);
}

function problemText({ type, value, detail }: FieldProblem): string {
  const word = WORDS[type];
  const subject = NEEDS_NO_VALUE.has(type) ? word : `${word}: ${shown(value)}`;
  return detail === undefined || detail === '' ? subject : `${subject}: ${detail}`;
}

/** 422 that names every wrong field. */
export function invalid(resource: ResourceName, name: string, problems: readonly FieldProblem[]): ApiError {
  const texts = problems.map((problem) => `${problem.field}: ${problemText(problem)}`);
  const listed = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
  const kind = resource.group === '' ? resource.kind : `${resource.kind}.${resource.group}`;
  return new ApiError(422, 'Invalid', `${kind} "${name}" is invalid: ${String(listed)}`, {
    ...detailsOf(resource, name, resource.kind),
    causes: problems.map((problem) => ({
      reason: `FieldValue${problem.type === 'Unsupported' ? 'NotSupported' : problem.type}`,
      message: problemText(problem),
      field: problem.field,
    })),
  });
}
