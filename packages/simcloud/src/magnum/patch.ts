import { badRequest, invalidField, pythonText } from './errors.ts';
import { readValue, type Fields } from './fields.ts';

/** One operation of a JSON patch. */
export interface PatchOperation {
  op: 'add' | 'replace' | 'remove';
  path: string;
  value?: string | number;
}

/** What may not be patched, or not be removed, besides what nothing may. */
export interface PatchRules {
  internal?: readonly string[];
  mandatory?: readonly string[];
}

const INTERNAL = ['/created_at', '/id', '/links', '/updated_at', '/uuid', '/project_id', '/user_id'];

/** The operations of a body, checked one by one. @throws MagnumError 400 */
export function readPatch(body: unknown, rules: PatchRules): PatchOperation[] {
  if (body === undefined) throw badRequest('Missing argument: "patch"');
  if (!Array.isArray(body)) {
    throw invalidField('patch', body, `Value not a valid list: ${pythonText(body)}`);
  }
  return body.map((item: unknown) => readOperation(item, rules));
}

function readOperation(item: unknown, rules: PatchRules): PatchOperation {
  const given = (typeof item === 'object' && item !== null ? item : {}) as Record<string, unknown>;
  const unknown = Object.keys(given).filter((key) => !['op', 'path', 'value'].includes(key));
  if (unknown.length > 0) throw badRequest(`Unknown attribute for argument patch: ${unknown.join(', ')}`);
  const { path, op, value } = given;
  if (path === undefined) throw invalidField('path', null, 'Mandatory field missing.');
  const pattern = String.raw`^(/[\w-]+)+$`;
  if (typeof path !== 'string' || !new RegExp(pattern).test(path)) {
    throw invalidField('path', path, `Value should match the pattern ${pattern}`);
  }
  if (op === undefined) throw invalidField('op', null, 'Mandatory field missing.');
  if (op !== 'add' && op !== 'replace' && op !== 'remove') {
    throw invalidField('op', op, 'Value should be one of: add, replace, remove');
  }
  if (typeof value === 'object' && value !== null) {
    const type = Array.isArray(value) ? 'list' : 'dict';
    const reason = `Wrong type. Expected '(<class 'str'>, <class 'int'>)', got '<class '${type}'>'`;
    throw invalidField('value', value, reason);
  }
  if ([...INTERNAL, ...(rules.internal ?? [])].includes(path)) {
    throw badRequest(`'${path}' is an internal attribute and can not be updated`);
  }
  if (op === 'remove') {
    if (rules.mandatory?.includes(path) === true)
      throw badRequest(`'${path}' is a mandatory attribute and can not be removed`);
    return { path, op };
  }
  if (value === undefined || value === null) {
    throw badRequest("'add' and 'replace' operations needs value");
  }
  return { path, op, value: typeof value === 'boolean' ? Number(value) : (value as string | number) };
}

/**
 * A document with the operations applied, its changed fields read as their types have it. A field that is removed is
 * null, or its default. Labels may be given as the text of a Python dictionary.
 * @throws MagnumError 400
 */
export function applyPatch<T extends object>(
  document: T,
  operations: readonly PatchOperation[],
  fields: Fields,
  defaults: Partial<T> = {},
): T {
  const next = structuredClone(document) as Record<string, unknown>;
  const fail = (reason: string): Error =>
    badRequest(`Couldn't apply patch '${pythonText(operations)}'. Reason: ${reason}`);
  for (const { op, path, value } of operations) {
    const [name = '', ...below] = path.split('/').slice(1);
    if (below.length === 0 && op === 'add') {
      if (!(name in next)) {
        throw badRequest(`Adding a new attribute ${path} to the root of the resource is not allowed.`);
      }
      if (next[name] !== null) {
        throw badRequest(`The attribute ${path} has existed, please use 'replace' operation instead.`);
      }
    }
    const parent = below.length === 0 ? next : (next[name] as Record<string, unknown> | null);
    const key = below.length === 0 ? name : (below.at(-1) ?? '');
    if (below.length > 1 || typeof parent !== 'object' || parent === null) {
      throw fail(`member '${name}' not found`);
    }
    if (op !== 'add' && !Object.hasOwn(parent, key)) {
      throw fail(`can't ${op} a non-existent object '${key}'`);
    }
    const field = fields[name];
    if (op === 'remove') {
      if (below.length > 0) Reflect.deleteProperty(parent, key);
      else parent[key] = (defaults as Record<string, unknown>)[key] ?? null;
    } else if (below.length > 0) {
      parent[key] = pythonText(value);
    } else if (field?.kind === 'labels') {
      parent[key] = readDictionary(value, fail);
    } else if (field?.kind === 'integer' && typeof value === 'string') {
      throw invalidField(key, value, "'<' not supported between instances of 'str' and 'int'");
    } else {
      parent[key] = field === undefined ? value : readValue(key, field, value);
    }
  }
  return next as T;
}

/** `{'a': 'b', 'n': 5}`, as Python or JSON write it, without dictionaries inside. */
function readDictionary(value: unknown, fail: (reason: string) => Error): Record<string, string> {
  const text = pythonText(value).trim();
  const scalar = String.raw`'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|-?[\d.]+|True|False|None|true|false|null`;
  const pair = String.raw`\s*(${scalar})\s*:\s*(${scalar})\s*`;
  if (!new RegExp(String.raw`^\{(?:${pair}(?:,${pair})*,?)?\s*\}$`).test(text)) {
    throw fail(`malformed node or string: ${text}`);
  }
  const unquote = (word: string): string =>
    /^['"]/.test(word) ? word.slice(1, -1).replace(/\\(.)/g, '$1') : word;
  return Object.fromEntries(
    [...text.matchAll(new RegExp(pair, 'g'))].map(([, key = '', item = '']) => [unquote(key), unquote(item)]),
  );
}
