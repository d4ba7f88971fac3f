import { pointer } from '../pointer.ts';

/** What of a node applications may be allowed to reach. */
export const HOST_ACCESS = ['host-path', 'host-network', 'privileged'] as const;
export type HostAccess = (typeof HOST_ACCESS)[number];

/** A field that does not go with the others. */
export interface Problem {
  code: 'invalid_field' | 'missing_field' | 'host_access_denied';
  /** With slashes: `containers/0/env/2/name`. */
  field: string;
  /** A sentence that begins with the field. */
  detail: string;
}

/** Where a field is. */
export type Path = readonly (string | number)[];

/** @param rule goes on from the name of the field: `must be …` */
export function invalid(path: Path, rule: string): Problem {
  const field = pointer(...path);
  return { code: 'invalid_field', field, detail: `${field} ${rule}` };
}

export function missing(path: Path, why?: string): Problem {
  const field = pointer(...path);
  return {
    code: 'missing_field',
    field,
    detail: why === undefined ? `${field} is missing` : `${field} is missing: ${why}`,
  };
}

export function denied(path: Path, what: HostAccess): Problem {
  const field = pointer(...path);
  return {
    code: 'host_access_denied',
    field,
    detail: `${field} is not allowed: the site does not let applications have ${what}`,
  };
}

/** The places of what was there before; undefined has no name. */
export function repeated(
  names: readonly (string | undefined)[],
): { index: number; name: string; first: number }[] {
  const seen = new Map<string, number>();
  return names.flatMap((name, index) => {
    if (name === undefined) return [];
    const first = seen.get(name);
    if (first !== undefined) return [{ index, name, first }];
    seen.set(name, index);
    return [];
  });
}

/** Exactly one of some fields must be there. */
export function exactlyOne(path: Path, object: object, names: readonly string[]): Problem[] {
  const there = names.filter((name) => (object as Record<string, unknown>)[name] !== undefined);
  if (there.length === 1) return [];
  return [invalid(path, `must have exactly one of ${names.join(', ')}`)];
}
