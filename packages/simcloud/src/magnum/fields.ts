import { badRequest, ConnectionDropped, invalidField, MagnumError, pythonText } from './errors.ts';

/** A rule of one field, as Magnum's types have them. */
export type Field =
  | { kind: 'string'; min?: number; max?: number; pattern?: RegExp; required?: true }
  | { kind: 'integer'; min?: number; max?: number; required?: true }
  | { kind: 'boolean' | 'labels' | 'uuid' | 'nameservers' | 'list' | 'readonly' }
  | { kind: 'enum'; values: readonly string[] };

export type Fields = Record<string, Field>;

export const text: Field = { kind: 'string', min: 1, max: 255 };
export const boolean: Field = { kind: 'boolean' };
export const labels: Field = { kind: 'labels' };
export const readonly: Field = { kind: 'readonly' };

/** True for what Magnum takes for a UUID, with or without hyphens. */
export function isUuid(word: string): boolean {
  return /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i.test(word);
}

/**
 * The fields a body gives, checked in Magnum's order: unknown names, then one field after the other.
 * @throws MagnumError 400 that names the field; 500 for a body that is no object, which is what Magnum answers.
 */
export function readBody(argument: string, fields: Fields, body: unknown): Record<string, unknown> {
  if (body === undefined || body === null) throw badRequest(`Missing argument: "${argument}"`);
  if (Array.isArray(body)) throw new MagnumError(500, "'list' object has no attribute 'keys'");
  if (typeof body !== 'object') throw new MagnumError(500, `'${typeof body}' object has no attribute 'keys'`);
  const given = body as Record<string, unknown>;
  const unknown = Object.keys(given).filter((name) => !Object.hasOwn(fields, name));
  if (unknown.length > 0)
    throw badRequest(`Unknown attribute for argument ${argument}: ${unknown.join(', ')}`);
  const values: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(fields)) {
    const value = given[name];
    if (value === undefined) {
      if ('required' in field) throw invalidField(name, null, 'Mandatory field missing.');
    } else if (field.kind === 'readonly') {
      throw invalidField(name, value, 'Cannot set read only field.');
    } else {
      values[name] = value === null ? null : readValue(name, field, value, { argument, body });
    }
  }
  return values;
}

/** One value as its type has it. @throws MagnumError 400 */
export function readValue(
  name: string,
  field: Field,
  value: unknown,
  whole?: { argument: string; body: unknown },
): unknown {
  // What cannot be read at all is reported against the argument, not the field.
  const unreadable = (reason: string): Error =>
    whole === undefined
      ? invalidField(name, value, reason)
      : invalidField(whole.argument, whole.body, reason);
  switch (field.kind) {
    case 'string':
      return readString(name, field, value);
    case 'integer':
      return readInteger(name, field, value, unreadable);
    case 'boolean': {
      const word = pythonText(value).trim().toLowerCase();
      if (['1', 't', 'true', 'on', 'y', 'yes'].includes(word)) return true;
      if (['0', 'f', 'false', 'off', 'n', 'no'].includes(word)) return false;
      throw new ConnectionDropped(`Unrecognized value '${word}'`);
    }
    case 'labels':
      if (typeof value !== 'object' || value === null || Array.isArray(value)) {
        throw unreadable(`Value not a valid dict: ${pythonText(value)}`);
      }
      return readLabels(name, value as Record<string, unknown>);
    case 'list':
      if (!Array.isArray(value)) throw unreadable(`Value not a valid list: ${pythonText(value)}`);
      return value.map(pythonText);
    case 'enum':
      if (typeof value === 'string' && field.values.includes(value)) return value;
      throw invalidField(name, value, `Value should be one of: ${field.values.join(', ')}`);
    case 'uuid':
      if (typeof value === 'string' && isUuid(value)) return value;
      throw badRequest(`Expected a uuid but received ${pythonText(value)}.`);
    case 'nameservers':
      return readNameservers(value);
    case 'readonly':
      throw invalidField(name, value, 'Cannot set read only field.');
  }
}

function readString(name: string, field: Field & { kind: 'string' }, value: unknown): string {
  if (typeof value !== 'string') throw invalidField(name, value, 'Value should be string');
  const { min = 0, max = Infinity, pattern } = field;
  if (value.length < min) {
    throw invalidField(name, value, `Value should have a minimum character requirement of ${String(min)}`);
  }
  if (value.length > max) {
    throw invalidField(name, value, `Value should have a maximum character requirement of ${String(max)}`);
  }
  if (pattern !== undefined && !pattern.test(value)) {
    throw invalidField(
      name,
      value,
      `Value should match the pattern ${pattern.source.replaceAll('\\/', '/')}`,
    );
  }
  return value;
}

function readInteger(
  name: string,
  field: Field & { kind: 'integer' },
  value: unknown,
  unreadable: (reason: string) => Error,
): number {
  const word = pythonText(value);
  if (!/^\s*[-+]?\d+\s*$/.test(word)) throw unreadable(`invalid literal for int() with base 10: '${word}'`);
  const number = Number(word);
  const { min = -Infinity, max = Infinity } = field;
  if (number < min) throw invalidField(name, value, `Value should be greater or equal to ${String(min)}`);
  if (number > max) throw invalidField(name, value, `Value should be lower or equal to ${String(max)}`);
  return number;
}

function readLabels(name: string, value: Record<string, unknown>): Record<string, string> {
  for (const item of Object.values(value)) {
    if (typeof item !== 'object' || item === null) continue;
    const type = Array.isArray(item) ? 'list' : 'dict';
    const types = "(<class 'str'>, (<class 'int'>,), <class 'bool'>, <class 'float'>)";
    throw invalidField(name, value, `Wrong type. Expected '${types}', got '<class '${type}'>'`);
  }
  // The data base keeps texts.
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, pythonText(item)]));
}

function readNameservers(value: unknown): string {
  const word = pythonText(value);
  const isAddress = (one: string): boolean =>
    /^(25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/.test(one) ||
    /^[0-9a-f:]*:[0-9a-f:.]*$/i.test(one);
  if (word.split(',').every((one) => isAddress(one.trim()))) return word;
  throw badRequest(`Expected a single dns address or comma separated dns list, but received ${word}.`);
}
