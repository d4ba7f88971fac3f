/** What lists may be sorted by: the name in the API and the path in the document. The schemas of requests and the store read the same tables. */
export const COMMON_SORT_KEYS = {
  uuid: '_id',
  name: 'name',
  created_at: 'created_at',
  updated_at: 'updated_at',
} as const;

export const CLUSTER_SORT_KEYS = {
  ...COMMON_SORT_KEYS,
  node_count: 'spec.node_count',
  master_count: 'spec.master_count',
} as const;

export const OPERATION_SORT_KEYS = {
  uuid: '_id',
  accepted_at: 'accepted_at',
  finished_at: 'finished_at',
} as const;

/** The sort keys of one of Magnum's lists: its own default key is `id`, the number of a row; here it means the uuid. */
export function magnumSortKeys(keys: Readonly<Record<string, string>>): string[] {
  return ['id', ...Object.keys(keys)];
}
