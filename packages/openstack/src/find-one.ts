import { AmbiguousNameError } from './errors.ts';

const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;

/** True for what Glance and Neutron use as ids. */
export function looksLikeUuid(value: string): boolean {
  return UUID.test(value);
}

/**
 * The one object with this name.
 * @returns null when there is none.
 * @throws AmbiguousNameError when there are several.
 */
export function onlyOne<T extends { id: string; name: string | null }>(
  service: string,
  kind: string,
  name: string,
  candidates: readonly T[],
): T | null {
  const matches = candidates.filter((candidate) => candidate.name === name);
  if (matches.length > 1)
    throw new AmbiguousNameError(
      service,
      kind,
      name,
      matches.map((match) => match.id),
    );
  return matches[0] ?? null;
}
