import { isQuantity, listTrait, type Place } from './field-traits.ts';

/**
 * A manifest in the form in which every server takes it for an apply, the same otherwise. Up to Kubernetes 1.20 an apply is refused where a
 * quantity is a number, and where an item leaves out a part of its key, though it has a default: the protocol of a port.
 */
export function applicable<T extends { kind: string }>(manifest: T): T {
  return completed(manifest, [], manifest.kind) as T;
}

function completed(value: unknown, place: Place, kind: string): unknown {
  if (Array.isArray(value)) {
    const trait = listTrait(place, kind);
    const defaults = typeof trait === 'string' ? undefined : trait.defaults;
    return value.map((item: unknown) => {
      const inner = completed(item, place, kind);
      return defaults === undefined || !isMap(inner) ? inner : { ...defaults, ...inner };
    });
  }
  if (isMap(value))
    return Object.fromEntries(
      Object.entries(value).map(([name, one]) => [name, completed(one, [...place, name], kind)]),
    );
  return typeof value === 'number' && isQuantity(place, kind) ? String(value) : value;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
