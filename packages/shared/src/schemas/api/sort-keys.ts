/**
 * What lists may be sorted by: the name in the API and the path in the document. The schemas of requests and the store read the same
 * tables. They are few, as each costs two indexes that every write keeps up to date.
 */
export const COMMON_SORT_KEYS = {
  uuid: '_id',
  name: 'name',
  created_at: 'created_at',
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
