import { badRequest } from '../api/status-error.ts';
import { ApiError } from '../api/status-error.ts';
import { isFields, isSame, type Fields } from '../objects.ts';

interface Operation {
  op: string;
  path: string;
  from?: string;
  value?: unknown;
}

const MOST_OPERATIONS = 10_000;

/** Applies a JSON patch (RFC 6902) to a copy. @throws ApiError 400 for one that is none, 422 for one that cannot be applied */
export function applyJsonPatch(document: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch))
    throw badRequest('json: cannot unmarshal object into Go value of type jsonpatch.Patch');
  if (patch.length > MOST_OPERATIONS)
    throw new ApiError(
      413,
      'RequestEntityTooLarge',
      `The allowed maximum operations in a JSON patch is ${String(MOST_OPERATIONS)}, got ${String(patch.length)}`,
    );
  const root = { document: structuredClone(document) };
  for (const operation of patch as Operation[]) run(root, operation);
  return root.document;
}

/** The API does not say which operation it was. */
function unprocessable(): ApiError {
  return new ApiError(422, 'Invalid', 'the server rejected our request due to an error in our request', {});
}

function run(root: Fields, { op, path, from, value }: Operation): void {
  switch (op) {
    case 'add':
      insert(root, path, value);
      return;
    case 'remove':
      take(root, path);
      return;
    case 'replace':
      take(root, path);
      insert(root, path, value);
      return;
    case 'move':
      insert(root, path, take(root, from ?? ''));
      return;
    case 'copy':
      insert(root, path, structuredClone(read(root, from ?? '')));
      return;
    case 'test':
      if (!isSame(read(root, path) ?? null, value ?? null)) throw unprocessable();
      return;
    default:
      throw badRequest(`Unexpected kind: ${op}`);
  }
}

function place(root: Fields, path: string): { parent: Fields | unknown[]; key: string } {
  if (path !== '' && !path.startsWith('/')) throw unprocessable();
  const names = [
    'document',
    ...path
      .split('/')
      .slice(1)
      .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~')),
  ];
  let parent: unknown = root;
  for (const name of names.slice(0, -1)) {
    parent = Array.isArray(parent) ? parent[Number(name)] : isFields(parent) ? parent[name] : undefined;
    if (!isFields(parent) && !Array.isArray(parent)) throw unprocessable();
  }
  return { parent: parent as Fields | unknown[], key: names[names.length - 1] ?? '' };
}

function read(root: Fields, path: string): unknown {
  const { parent, key } = place(root, path);
  return Array.isArray(parent) ? parent[Number(key)] : parent[key];
}

function insert(root: Fields, path: string, value: unknown): void {
  const { parent, key } = place(root, path);
  if (!Array.isArray(parent)) {
    parent[key] = value;
    return;
  }
  const index = key === '-' ? parent.length : Number(key);
  if (!Number.isInteger(index) || index < 0 || index > parent.length) throw unprocessable();
  parent.splice(index, 0, value);
}

function take(root: Fields, path: string): unknown {
  const { parent, key } = place(root, path);
  if (Array.isArray(parent)) {
    const index = Number(key);
    if (!Number.isInteger(index) || index < 0 || index >= parent.length) throw unprocessable();
    return parent.splice(index, 1)[0];
  }
  if (!(key in parent)) throw unprocessable();
  const value = parent[key];
  delete parent[key];
  return value;
}
