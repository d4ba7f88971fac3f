import { isFields, isSame, listOf, type Fields } from '../objects.ts';
import { listKeys, SET } from './list-keys.ts';

const DIRECTIVE = '$patch';
const DELETE_PREFIX = '$deleteFromPrimitiveList/';
const ORDER_PREFIX = '$setElementOrder/';
const RETAIN = '$retainKeys';

/**
 * Applies a strategic merge patch: maps are merged, lists whose items have a merge key are merged item by item, other
 * lists replaced. Directives: `$patch: replace|delete`, `$deleteFromPrimitiveList/…`, `$retainKeys`,
 * `$setElementOrder/…`.
 */
export function applyStrategicMerge(document: unknown, patch: unknown, kind: string): unknown {
  return merge(document, patch, [], kind);
}

function merge(current: unknown, patch: unknown, path: string[], kind: string): unknown {
  if (!isFields(patch)) return patch;
  const { [DIRECTIVE]: directive, [RETAIN]: retained, ...changes } = patch;
  if (directive === 'replace') return changes;
  if (directive === 'delete') return {};
  const before = isFields(current) ? current : {};
  const result: Fields = Array.isArray(retained)
    ? Object.fromEntries(Object.entries(before).filter(([name]) => retained.includes(name)))
    : { ...before };
  for (const [name, value] of Object.entries(changes)) {
    if (name.startsWith(ORDER_PREFIX)) continue;
    if (name.startsWith(DELETE_PREFIX)) {
      const list = name.slice(DELETE_PREFIX.length);
      result[list] = listOf(result[list]).filter((item) => !listOf(value).some((one) => isSame(one, item)));
    } else if (value === null) delete result[name];
    else if (Array.isArray(value)) result[name] = mergeList(result[name], value, [...path, name], kind);
    else result[name] = merge(result[name], value, [...path, name], kind);
  }
  for (const [name, order] of Object.entries(changes)) {
    if (!name.startsWith(ORDER_PREFIX)) continue;
    const list = name.slice(ORDER_PREFIX.length);
    if (Array.isArray(result[list]))
      result[list] = inOrder(result[list], listOf(order), [...path, list], kind);
  }
  return result;
}

function mergeList(current: unknown, patch: unknown[], path: string[], kind: string): unknown[] {
  const keys = listKeys(path, kind);
  if (keys === SET) {
    const before = listOf(current);
    return [...before, ...patch.filter((item) => !before.some((one) => isSame(one, item)))];
  }
  const key = keys?.patchKey;
  if (key === undefined) return patch;
  const isWhole = patch.some(
    (item) => isFields(item) && item[DIRECTIVE] === 'replace' && Object.keys(item).length === 1,
  );
  let result = isWhole ? [] : [...listOf(current)];
  for (const item of patch) {
    if (!isFields(item) || (item[DIRECTIVE] === 'replace' && Object.keys(item).length === 1)) continue;
    const index = result.findIndex((one) => isFields(one) && isSame(one[key], item[key]));
    if (item[DIRECTIVE] === 'delete') result = result.filter((_one, position) => position !== index);
    else if (index < 0) result.push(merge({}, item, path, kind));
    else result[index] = merge(result[index], item, path, kind);
  }
  return result;
}

function inOrder(list: unknown[], order: unknown[], path: string[], kind: string): unknown[] {
  const keys = listKeys(path, kind);
  const key = keys === undefined || keys === SET ? undefined : keys.patchKey;
  const place = (item: unknown): number => {
    const index = order.findIndex((one) =>
      key === undefined ? isSame(one, item) : isFields(one) && isFields(item) && isSame(one[key], item[key]),
    );
    return index < 0 ? order.length : index;
  };
  return [...list].sort((a, b) => place(a) - place(b));
}
