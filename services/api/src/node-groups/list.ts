import { CetusError } from '@cetus/shared/errors';
import type { NodeGroupListQuery, NodeGroupSpec } from '@cetus/shared/schemas';

type SortKey = NonNullable<NodeGroupListQuery['sort_key']>;

/** One page of the groups of a cluster. They are few, and in one document: sorted here. */
export function pageOfNodeGroups(
  groups: readonly NodeGroupSpec[],
  page: {
    limit: number;
    marker?: string;
    sortKey: SortKey;
    sortDir: 'asc' | 'desc';
    role?: string | undefined;
  },
): { items: NodeGroupSpec[]; nextMarker: string | null } {
  const { limit, marker, sortKey, sortDir, role } = page;
  const sorted = [...groups];
  if (sortKey !== 'id') sorted.sort((a, b) => compare(keyOf(a, sortKey), keyOf(b, sortKey)));
  if (sortDir === 'desc') sorted.reverse();
  const shown = sorted.filter((group) => role === undefined || group.role === role);
  const at = marker === undefined ? -1 : shown.findIndex(({ uuid }) => uuid === marker);
  if (marker !== undefined && at === -1) {
    throw new CetusError('invalid_marker', `There is no node group ${marker} here`, { field: 'marker' });
  }
  const items = shown.slice(at + 1, at + 1 + limit);
  const more = shown.length > at + 1 + limit;
  return { items, nextMarker: more ? (items.at(-1)?.uuid ?? null) : null };
}

function keyOf(group: NodeGroupSpec, key: Exclude<SortKey, 'id'>): string | number {
  const value = group[key];
  return value instanceof Date ? value.getTime() : value;
}

function compare(a: string | number, b: string | number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
