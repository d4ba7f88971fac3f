import { createHash } from 'node:crypto';
import { type HeatError, invalid } from './errors.ts';

/** Where functions get their values from. */
export interface Scope {
  parameter(name: string): unknown;
  /** What `get_resource` gives. */
  reference(name: string): unknown;
  attribute(resource: string, path: readonly unknown[]): unknown;
  file(name: string): string;
  /** The expression of a named condition. */
  condition(name: string): unknown;
}

type Evaluate = (argument: unknown, scope: Scope) => unknown;

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Text of a value as Heat puts it into strings. */
export function toText(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return typeof value === 'string'
    ? value
    : typeof value === 'number'
      ? String(value)
      : JSON.stringify(value);
}

/** Follows a path into lists, maps and, as Python does, characters of a string; null where it leads nowhere. */
export function select(value: unknown, path: readonly unknown[]): unknown {
  let current = value;
  for (const step of path) {
    if (Array.isArray(current) || typeof current === 'string') current = current[Number(step)] ?? null;
    else if (isMap(current)) current = current[String(step)] ?? null;
    else return null;
  }
  return current;
}

const USAGE: Record<string, string> = {
  str_replace: [
    'str_replace:',
    'template: This is var1 template var2',
    'params:',
    '  var1: a',
    '  var2: string',
  ].join('\\n              '),
};

function syntax(name: string): HeatError {
  const usage = USAGE[name];
  return invalid(`"${name}" syntax ${usage === undefined ? 'is incorrect.' : `should be ${usage}`}`);
}

function asList(name: string, value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  throw syntax(name);
}

function replaceAll(name: string, argument: unknown, scope: Scope): string {
  if (!isMap(argument) || !('template' in argument) || !('params' in argument)) throw syntax(name);
  const template = toText(resolve(argument['template'], scope));
  const params = resolve(argument['params'], scope);
  if (!isMap(params)) throw syntax(name);
  // Longest first, in one pass, so that a replacement is never replaced again.
  const keys = Object.keys(params)
    .filter((key) => key !== '')
    .sort((a, b) => b.length - a.length);
  if (keys.length === 0) return template;
  const pattern = new RegExp(keys.map((key) => key.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|'), 'g');
  return template.replace(pattern, (key) => toText(params[key]));
}

function substitute(value: unknown, variables: Record<string, unknown>): unknown {
  if (typeof value === 'string') {
    if (value in variables) return variables[value];
    let result = value;
    for (const [name, item] of Object.entries(variables)) result = result.replaceAll(name, toText(item));
    return result;
  }
  if (Array.isArray(value)) return value.map((item) => substitute(item, variables));
  if (isMap(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [
        toText(substitute(key, variables)),
        substitute(item, variables),
      ]),
    );
  }
  return value;
}

function repeat(argument: unknown, scope: Scope): unknown[] {
  if (!isMap(argument) || !('template' in argument) || !isMap(argument['for_each'])) throw syntax('repeat');
  let rows: Record<string, unknown>[] = [{}];
  const lists = Object.entries(argument['for_each']).map(
    ([name, list]) => [name, asList('repeat', resolve(list, scope) ?? [])] as const,
  );
  if (argument['permutations'] === false) {
    const length = lists[0]?.[1].length ?? 0;
    rows = Array.from({ length }, (_unused, index) =>
      Object.fromEntries(lists.map(([name, list]) => [name, list[index]])),
    );
  } else {
    for (const [name, list] of lists)
      rows = rows.flatMap((row) => list.map((item) => ({ ...row, [name]: item })));
  }
  return rows.map((row) => resolve(substitute(argument['template'], row), scope));
}

/** Truth of a condition: a name, a boolean, or a function. */
export function isTrue(condition: unknown, scope: Scope): boolean {
  if (typeof condition === 'string') {
    const expression = scope.condition(condition);
    if (expression === undefined) throw invalid(`Invalid condition "${condition}"`);
    return isTrue(expression, scope);
  }
  const value = resolve(condition, scope);
  return value === true || value === 'true' || value === 'True';
}

const FUNCTIONS: Record<string, Evaluate> = {
  get_param: (argument, scope) => {
    const [name, ...path] = Array.isArray(argument)
      ? argument.map((item) => resolve(item, scope))
      : [resolve(argument, scope)];
    return select(scope.parameter(String(name)), path);
  },
  get_resource: (argument, scope) => scope.reference(String(argument)),
  get_attr: (argument, scope) => {
    const [name, ...path] = asList('get_attr', argument);
    return scope.attribute(
      String(name),
      path.map((item) => resolve(item, scope)),
    );
  },
  get_file: (argument, scope) => scope.file(String(resolve(argument, scope))),
  list_join: (argument, scope) => {
    const [delimiter, ...lists] = asList('list_join', resolve(argument, scope));
    const items = lists.flatMap((list) => (list === null ? [] : asList('list_join', list)));
    return items.map(toText).join(toText(delimiter));
  },
  list_concat: (argument, scope) =>
    asList('list_concat', resolve(argument, scope)).flatMap((list) => list ?? []),
  map_merge: (argument, scope) =>
    Object.assign({}, ...asList('map_merge', resolve(argument, scope)).map((map) => map ?? {})) as unknown,
  str_split: (argument, scope) => {
    const [delimiter, text, index] = asList('str_split', resolve(argument, scope));
    const parts = toText(text).split(toText(delimiter));
    return index === undefined ? parts : select(parts, [index]);
  },
  str_replace: (argument, scope) => replaceAll('str_replace', argument, scope),
  str_replace_strict: (argument, scope) => replaceAll('str_replace_strict', argument, scope),
  repeat,
  if: (argument, scope) => {
    const [condition, whenTrue, whenFalse] = asList('if', argument);
    return resolve(isTrue(condition, scope) ? whenTrue : whenFalse, scope);
  },
  equals: (argument, scope) => {
    const [left, right] = asList('equals', resolve(argument, scope));
    return canonical(left) === canonical(right);
  },
  not: (argument, scope) => !isTrue(argument, scope),
  and: (argument, scope) => asList('and', argument).every((condition) => isTrue(condition, scope)),
  or: (argument, scope) => asList('or', argument).some((condition) => isTrue(condition, scope)),
  contains: (argument, scope) => {
    const [item, list] = asList('contains', resolve(argument, scope));
    return Array.isArray(list)
      ? list.some((one) => canonical(one) === canonical(item))
      : toText(list).includes(toText(item));
  },
  digest: (argument, scope) => {
    const [algorithm, value] = asList('digest', resolve(argument, scope));
    try {
      return createHash(String(algorithm)).update(toText(value)).digest('hex');
    } catch (cause) {
      throw Object.assign(invalid(`Algorithm must be one of md5, sha1, sha224, sha256, sha384, sha512`), {
        cause,
      });
    }
  },
};

/** The function a value calls, with its argument; undefined when it calls none. */
export function callOf(value: unknown): { name: string; argument: unknown } | undefined {
  if (!isMap(value)) return undefined;
  const keys = Object.keys(value);
  const [name] = keys;
  return keys.length === 1 && name !== undefined && name in FUNCTIONS
    ? { name, argument: value[name] }
    : undefined;
}

/** A value with all functions evaluated. @throws HeatError for a function used wrongly. */
export function resolve(value: unknown, scope: Scope): unknown {
  if (Array.isArray(value)) return value.map((item) => resolve(item, scope));
  const call = callOf(value);
  if (call !== undefined) return FUNCTIONS[call.name]?.(call.argument, scope);
  if (isMap(value))
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolve(item, scope)]));
  return value;
}

/** Calls `visit` for every resource a value refers to, branches of `if` that are not taken left out. */
export function references(value: unknown, scope: Scope, visit: (resource: string) => void): void {
  if (Array.isArray(value)) {
    for (const item of value) references(item, scope, visit);
    return;
  }
  const call = callOf(value);
  if (call?.name === 'get_resource') visit(String(call.argument));
  else if (call?.name === 'get_attr' && Array.isArray(call.argument)) visit(String(call.argument[0]));
  else if (call?.name === 'if' && Array.isArray(call.argument)) {
    const [condition, whenTrue, whenFalse] = call.argument as unknown[];
    references(isTrue(condition, scope) ? whenTrue : whenFalse, scope, visit);
  } else if (isMap(value)) for (const item of Object.values(value)) references(item, scope, visit);
}

/** JSON with sorted keys: equal text for equal values. */
export function canonical(value: unknown): string {
  return JSON.stringify(value ?? null, (_key, item: unknown) =>
    isMap(item) ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1))) : item,
  );
}
