/**
 * The names of sort keys in the API. `id` is Magnum's default key, its number of a row; here it means the uuid. The store has the paths that belong to
 * the others.
 */
export const COMMON_SORT_KEY_NAMES = ['id', 'uuid', 'name', 'created_at', 'updated_at'] as const;
