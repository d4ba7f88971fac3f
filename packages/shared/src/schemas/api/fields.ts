import { Type, type TSchemaOptions, type TString, type TUnsafe } from 'typebox';

// `type: [..., 'null']` rather than a union: the serialiser writes it without trying branches, and a refusal names both types.

/** A string or null. */
export function StringOrNull(options: TSchemaOptions = {}): TUnsafe<string | null> {
  return Type.Unsafe<string | null>({ type: ['string', 'null'], ...options });
}

/** An integer or null. */
export function IntegerOrNull(options: TSchemaOptions = {}): TUnsafe<number | null> {
  return Type.Unsafe<number | null>({ type: ['integer', 'null'], ...options });
}

/** A boolean or null. */
export function BooleanOrNull(options: TSchemaOptions = {}): TUnsafe<boolean | null> {
  return Type.Unsafe<boolean | null>({ type: ['boolean', 'null'], ...options });
}

/** A point in time or null. */
export function DateTimeOrNull(options: TSchemaOptions = {}): TUnsafe<string | null> {
  return StringOrNull({ format: 'date-time', ...options });
}

/** One of a few words. */
export function Enum<const T extends readonly string[]>(
  values: T,
  options: TSchemaOptions = {},
): TUnsafe<T[number]> {
  return Type.Unsafe<T[number]>({ type: 'string', enum: [...values], ...options });
}

/** Points to a schema by its `$id`, so that documents show it once, by name. */
export function Ref<T>(id: string): TUnsafe<T> {
  return Type.Unsafe<T>({ $ref: `${id}#` });
}

// Half of a surrogate pair is a code point of its own to a pattern (ajv compiles them with the flag `u`), and has no form in UTF-8.
const HALF_PAIRS = '\\ud800-\\udfff';
const CONTROLS = `\\u0000-\\u001f\\u007f${HALF_PAIRS}`;

/** Any text that can be written in UTF-8. */
export const WELL_FORMED = `^[^${HALF_PAIRS}]*$`;

/** A character of a name that can be a part of an address. */
export const NAME_CHARACTER = `[^${CONTROLS}/]`;

const NO_CONTROLS = `^[^${CONTROLS}]*$`;

// Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
/** A key of a label of Kubernetes. */
export const LABEL_KEY =
  '^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$';
/** A value of a label of Kubernetes. */
export const LABEL_VALUE = '^([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$';

function reference(description: string) {
  return {
    minLength: 1,
    maxLength: 255,
    // What a client of HTTP takes for a step in an address is no name.
    pattern: `^(?!\\.{1,2}$)${NAME_CHARACTER}+$`,
    description: `${description} By id or name: no slashes and no control characters, and neither \`.\` nor \`..\`.`,
  };
}

/** A short text of a request: no control characters. */
export function TextOrNull(description: string, maxLength = 255): TUnsafe<string | null> {
  return StringOrNull({ minLength: 1, maxLength, pattern: NO_CONTROLS, description });
}

/** The id or the name of an object. */
export function Reference(description: string): TString {
  return Type.String(reference(description));
}

/** The id or the name of an object, or null. */
export function ReferenceOrNull(description: string): TUnsafe<string | null> {
  return StringOrNull(reference(description));
}

/** Magnum's labels in a request: numbers and booleans are taken as the strings that Magnum makes of them. */
export function RequestLabels(): TUnsafe<Record<string, string | number | boolean> | null> {
  return Type.Unsafe<Record<string, string | number | boolean> | null>({
    type: ['object', 'null'],
    maxProperties: 64,
    propertyNames: { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9_./-]{0,254}$' },
    additionalProperties: { type: ['string', 'number', 'boolean'], maxLength: 2048, pattern: WELL_FORMED },
    description: 'Key and value pairs. Keys are letters, digits, `_`, `.`, `/` and `-`.',
  });
}

/** A flat map of strings in an answer. */
export function StringMap(options: TSchemaOptions = {}): TUnsafe<Record<string, string>> {
  return Type.Unsafe<Record<string, string>>({
    type: 'object',
    additionalProperties: { type: 'string' },
    ...options,
  });
}
