import { Ajv, type ErrorObject, type Options, type ValidateFunction } from 'ajv';
import ajvFormats from 'ajv-formats';
import type { FastifySchemaCompiler } from 'fastify';

const COMMON: Options = {
  // Every field at fault is named at once.
  allErrors: true,
  removeAdditional: false,
  allowUnionTypes: true,
  strictRequired: false,
  // Gives an error the schema that it is about, whose description is better than a pattern.
  verbose: true,
};

/** An ajv for bodies: nothing is converted, nothing is left out, nothing is filled in. */
function createBodyAjv(): Ajv {
  return withFormats(new Ajv({ ...COMMON, coerceTypes: false }));
}

/** An ajv for what is text by nature: query strings, addresses and headers. */
function createTextAjv(): Ajv {
  return withFormats(new Ajv({ ...COMMON, coerceTypes: true }));
}

function withFormats(ajv: Ajv): Ajv {
  ajvFormats.default(ajv, ['uuid', 'date-time', 'uri']);
  return ajv;
}

/** Fastify's hook for compiling the schemas of routes: bodies strictly, everything else from text. */
export function buildValidator(shared: Record<string, unknown>): FastifySchemaCompiler<unknown> {
  const body = createBodyAjv();
  const text = createTextAjv();
  for (const schema of Object.values(shared)) {
    body.addSchema(schema as object);
    text.addSchema(schema as object);
  }
  return ({ schema, httpPart }) => (httpPart === 'body' ? body : text).compile(schema as object);
}

/** What Fastify keeps of a failed validation. */
export interface FieldError {
  code: 'missing_field' | 'unknown_field' | 'invalid_field';
  field: string;
  detail: string;
}

/** How many fields at fault one answer names. */
const MAX_FIELD_ERRORS = 20;

/** The fields at fault, each once, in the order of the request. */
export function fieldErrors(errors: readonly ErrorObject[], part: string): FieldError[] {
  const found = new Map<string, FieldError>();
  for (const error of errors) {
    // A name that is refused is reported by the rule for names, not again by the one that contains it.
    if (error.keyword === 'propertyNames' || error.keyword === 'if') continue;
    const one = fieldError(error, part);
    if (!found.has(one.field)) found.set(one.field, one);
    if (found.size === MAX_FIELD_ERRORS) break;
  }
  return [...found.values()];
}

function fieldError(error: ErrorObject, part: string): FieldError {
  const at = error.instancePath.slice(1);
  const inside = (name: string): string => bounded(at === '' ? escape(name) : `${at}/${escape(name)}`);
  if (error.keyword === 'required') {
    const field = inside((error.params as { missingProperty: string }).missingProperty);
    return { code: 'missing_field', field, detail: `${field} is missing` };
  }
  if (error.keyword === 'additionalProperties') {
    const field = inside((error.params as { additionalProperty: string }).additionalProperty);
    return { code: 'unknown_field', field, detail: `${field} is not known` };
  }
  const name = error.propertyName;
  const field = name === undefined ? bounded(at === '' ? part : at) : inside(name);
  return { code: 'invalid_field', field, detail: `${field} ${rule(error)}` };
}

/** The rule that a value breaks, for people. */
function rule(error: ErrorObject): string {
  const description = (error.parentSchema as { description?: string } | undefined)?.description;
  if (error.keyword === 'pattern' && description !== undefined) return `is not acceptable. ${description}`;
  if (error.keyword === 'enum') {
    const values = (error.params as { allowedValues: unknown[] }).allowedValues;
    return `must be one of ${values.map((value) => String(value)).join(', ')}`;
  }
  if (error.keyword === 'type')
    return `must be ${[(error.params as { type: unknown }).type].flat().join(' or ')}`;
  return error.message ?? 'is not acceptable';
}

function escape(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

/** A name that a client made up is repeated only so far. */
function bounded(field: string): string {
  return field.length > 200 ? `${field.slice(0, 200)}…` : field;
}

/** Compiles a schema for bodies outside of a route. */
export function compileBody<T>(schema: object): ValidateFunction<T> {
  return createBodyAjv().compile<T>(schema);
}
