import { isFields, isSame, type Fields } from '../objects.ts';
import { isAtomicMap, listKeys, SET, type ListKeys } from './list-keys.ts';

/**
 * A set of fields in the form of `FieldsV1`: `f:` a field, `k:` an item of a list by its keys, `v:` a plain item, `.`
 * the thing itself. An empty map is a member; a filled one is only when it has a dot.
 */
export type FieldSet = { [name: string]: FieldSet };

/** Fields of metadata that nobody owns. */
const UNOWNED = new Set(
  'name namespace uid resourceVersion generation creationTimestamp deletionTimestamp deletionGracePeriodSeconds managedFields generateName selfLink'.split(
    ' ',
  ),
);

/** A part of a value with the name it has in a set. */
export interface Part {
  name: string;
  value: unknown;
  path: string[];
}

/** The parts of a value that are owned one by one; undefined for a value that is owned as a whole. */
export function partsOf(value: unknown, path: string[], kind: string): Part[] | undefined {
  if (isFields(value)) {
    if (isAtomicMap(path, kind) || Object.keys(value).length === 0) return undefined;
    const isMetadata = path.length === 1 && path[0] === 'metadata';
    return (
      Object.entries(value)
        .filter(([name, inner]) => inner !== undefined && !(isMetadata && UNOWNED.has(name)))
        .filter(([name]) => path.length > 0 || (name !== 'kind' && name !== 'apiVersion'))
        // A template's time is always empty, and nobody's.
        .filter(([name, inner]) => name !== 'creationTimestamp' || inner !== null)
        .map(([name, inner]) => ({ name: `f:${name}`, value: inner, path: [...path, name] }))
    );
  }
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const keys = listKeys(path, kind);
  if (keys === undefined || (keys !== SET && keys.keys.length === 0)) return undefined;
  return (value as unknown[]).map((item) => ({ name: itemName(item, keys), value: item, path }));
}

/** The name of a list's item in a set. */
export function itemName(item: unknown, keys: ListKeys | typeof SET): string {
  if (keys === SET) return `v:${JSON.stringify(item)}`;
  const fields = isFields(item) ? item : {};
  const values = [...keys.keys].sort().map((key) => [key, fields[key] ?? keys.defaults?.[key] ?? null]);
  return `k:${JSON.stringify(Object.fromEntries(values))}`;
}

/** All fields of an object. */
export function fieldSet(object: unknown, kind: string): FieldSet {
  return changedFields(undefined, object, kind);
}

/** The fields that are new in an object, or have another value than before. */
export function changedFields(before: unknown, after: unknown, kind: string): FieldSet {
  return changed(before, after, [], kind) ?? {};
}

function changed(before: unknown, after: unknown, path: string[], kind: string): FieldSet | undefined {
  const parts = partsOf(after, path, kind);
  if (parts === undefined) return isSame(before, after) ? undefined : {};
  const old = new Map(partsOf(before, path, kind)?.map((part) => [part.name, part.value]));
  const set: FieldSet = {};
  for (const part of parts) {
    const isItem = !part.name.startsWith('f:');
    const inner =
      isItem && isFields(part.value)
        ? changedItem(old.get(part.name), part.value, part.path, kind)
        : changed(old.get(part.name), part.value, part.path, kind);
    if (inner !== undefined) set[part.name] = inner;
  }
  return Object.keys(set).length === 0 ? undefined : set;
}

/** An item of a list: its fields, and when it is new the item itself. */
function changedItem(before: unknown, after: Fields, path: string[], kind: string): FieldSet | undefined {
  const set: FieldSet = before === undefined ? { '.': {} } : {};
  const old = isFields(before) ? before : {};
  for (const [name, value] of Object.entries(after)) {
    const inner = changed(old[name], value, [...path, name], kind);
    if (inner !== undefined) set[`f:${name}`] = inner;
  }
  return Object.keys(set).length === 0 ? undefined : set;
}

function isLeaf(set: FieldSet): boolean {
  return Object.keys(set).length === 0;
}

function isMember(set: FieldSet): boolean {
  return isLeaf(set) || '.' in set;
}

/**
 * Combines two nodes, either of which may be missing.
 * @returns undefined when no member is left
 */
function combine(
  a: FieldSet | undefined,
  b: FieldSet | undefined,
  keeps: (inA: boolean, inB: boolean) => boolean,
): FieldSet | undefined {
  const inner = combineInner(a ?? {}, b ?? {}, keeps);
  const isSelf = keeps(a !== undefined && isMember(a), b !== undefined && isMember(b));
  if (isLeaf(inner)) return isSelf ? {} : undefined;
  return isSelf ? { '.': {}, ...inner } : inner;
}

function combineInner(a: FieldSet, b: FieldSet, keeps: (inA: boolean, inB: boolean) => boolean): FieldSet {
  const inner: FieldSet = {};
  for (const name of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const both = name === '.' ? undefined : combine(a[name], b[name], keeps);
    if (both !== undefined) inner[name] = both;
  }
  return inner;
}

/** Members of either. */
export function union(a: FieldSet, b: FieldSet): FieldSet {
  return combineInner(a, b, (inA, inB) => inA || inB);
}

/** Members of the first that are not in the second. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  return combineInner(a, b, (inA, inB) => inA && !inB);
}

/** Members of both. */
export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  return combineInner(a, b, (inA, inB) => inA && inB);
}

/** The members as paths such as `.spec.template.spec.containers[name="web"].image`. */
export function pathsOf(set: FieldSet, before = ''): string[] {
  return Object.entries(set).flatMap(([name, inner]) => {
    if (name === '.') return [before];
    const path = `${before}${pathPart(name)}`;
    return isLeaf(inner) ? [path] : pathsOf(inner, path);
  });
}

function pathPart(name: string): string {
  const rest = name.slice(2);
  if (name.startsWith('f:')) return `.${rest}`;
  if (name.startsWith('v:')) return `[=${rest}]`;
  const keys = Object.entries(JSON.parse(rest) as Fields).map(
    ([key, value]) => `${key}=${JSON.stringify(value)}`,
  );
  return `[${keys.join(',')}]`;
}

/** An object without the members of a set. */
export function without(object: unknown, set: FieldSet, path: string[], kind: string): unknown {
  if (Array.isArray(object)) {
    const keys = listKeys(path, kind);
    if (keys === undefined) return object;
    return object.flatMap((item: unknown) => {
      const inner = set[itemName(item, keys)];
      if (inner === undefined) return [item];
      return isMember(inner) ? [] : [without(item, inner, path, kind)];
    });
  }
  if (!isFields(object)) return object;
  const result: Fields = { ...object };
  for (const [name, inner] of Object.entries(set)) {
    if (!name.startsWith('f:')) continue;
    const field = name.slice(2);
    // Of a list or map that was empty when it was applied only what is in it now stays.
    if (isLeaf(inner) && !isFilled(result[field], [...path, field], kind)) delete result[field];
    else if (field in result) result[field] = without(result[field], inner, [...path, field], kind);
  }
  return result;
}

function isFilled(value: unknown, path: string[], kind: string): boolean {
  return partsOf(value, path, kind) !== undefined;
}
