import { isDeepStrictEqual } from 'node:util';
import type { ApplicationSpec } from '../schemas/index.ts';
import { pointer } from './pointer.ts';

/** A field that is not what it was. */
export interface Difference {
  /** With slashes; parts of lists by what they are called: `containers/web/env/MODE/value`. */
  path: string;
  /** Null: it was not there. */
  before: unknown;
  /** Null: it is not there any more. */
  after: unknown;
}

/** What stands for the values of secrets, which are not told. */
export const CHANGED = 'changed';

/**
 * What is different between two versions of what is asked of an application. Values of secrets are not told, nor compared, as they are
 * sealed: `sealed` is only said to be {@link CHANGED} when they were sealed anew.
 */
export function diffSpecs(before: ApplicationSpec, after: ApplicationSpec): Difference[] {
  const { sealed: sealedBefore, ...old } = before;
  const { sealed: sealedAfter, ...now } = after;
  const found = differences([], old, now);
  if (!isDeepStrictEqual(sealedBefore, sealedAfter))
    found.push({
      path: 'sealed',
      before: sealedBefore === null ? null : CHANGED,
      after: sealedAfter === null ? null : CHANGED,
    });
  return found;
}

type Path = (string | number)[];

function differences(path: Path, before: unknown, after: unknown): Difference[] {
  if (isDeepStrictEqual(before, after)) return [];
  if (isFields(before) && isFields(after)) return ofFields(path, before, after);
  if (Array.isArray(before) && Array.isArray(after)) return ofLists(path, before, after);
  return [{ path: pointer(...path), before: before ?? null, after: after ?? null }];
}

function ofFields(path: Path, before: Fields, after: Fields): Difference[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return names.flatMap((name) => differences([...path, name], value(before, name), value(after, name)));
}

function ofLists(path: Path, before: unknown[], after: unknown[]): Difference[] {
  const [old, now] = [byName(path, before), byName(path, after)];
  // What has no names is one value.
  if (old === undefined || now === undefined) return [{ path: pointer(...path), before, after }];
  const names = [...new Set([...old.keys(), ...now.keys()])];
  const found = names.flatMap((name) => differences([...path, name], old.get(name), now.get(name)));
  const kept = [...old.keys()].filter((name) => now.has(name));
  const moved = !isDeepStrictEqual(
    kept,
    [...now.keys()].filter((name) => old.has(name)),
  );
  // The order counts too: of containers that run one after the other, of variables that refer to others.
  return moved
    ? [...found, { path: pointer(...path), before: [...old.keys()], after: [...now.keys()] }]
    : found;
}

/** What the parts of a list are called, by the name of the list. */
const NAMES: Record<string, (part: Fields) => unknown> = {
  containers: ({ name }) => name,
  init_containers: ({ name }) => name,
  env: ({ name }) => name,
  ports: ({ name, port, protocol = 'TCP' }) => name ?? [port, protocol].join('-'),
  mounts: ({ path }) => path,
  volumes: ({ name }) => name,
  config_files: ({ name }) => name,
  secrets: ({ name }) => name,
  placements: ({ cluster_id }) => cluster_id,
};

/** Undefined when they have no names, or not each its own. */
function byName(path: Path, list: unknown[]): Map<string, unknown> | undefined {
  const nameOf = NAMES[String(path.at(-1))];
  if (nameOf === undefined) return undefined;
  const parts = new Map<string, unknown>();
  for (const part of list) {
    const name = isFields(part) ? nameOf(part) : undefined;
    if (typeof name !== 'string' || parts.has(name)) return undefined;
    parts.set(name, part);
  }
  return parts;
}

type Fields = Record<string, unknown>;

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function value(fields: Fields, name: string): unknown {
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}
