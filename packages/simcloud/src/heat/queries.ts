import { badRequest, HeatError, stackNotFound } from './errors.ts';
import type { StackStore } from './store.ts';
import { type EventRecord, type ResourceRecord, type StackRecord } from './types.ts';
import { shownResources, type HeatViews } from './views.ts';

/** A query string; a name given several times is a list. */
export type Query = Record<string, string | string[] | undefined>;

const listOf = (value: string | string[] | undefined): string[] =>
  value === undefined ? [] : Array.isArray(value) ? value : [value];
const oneOf = (value: string | string[] | undefined): string | undefined =>
  Array.isArray(value) ? value[0] : value;
const words = (value: string | string[] | undefined): string[] => oneOf(value)?.split(',') ?? [];
const isTrueWord = (value: string | string[] | undefined): boolean =>
  ['true', '1', 'yes', 'on'].includes((oneOf(value) ?? '').toLowerCase());

/** A number of rows. @throws HeatError */
export function limitOf(query: Query, name = 'limit'): number | undefined {
  const value = oneOf(query[name]);
  if (value === undefined) return undefined;
  if (!/^-?\d+$/.test(value)) throw badRequest(`Only integer is acceptable by '${name}'.`);
  if (value.startsWith('-')) {
    throw badRequest(`Value '${value}' is invalid for '${name}' which only accepts non-negative integer.`);
  }
  return Number(value);
}

/** Stacks a list request asks for, newest first unless told otherwise, and whether more follow. */
export function queryStacks(
  store: StackStore,
  query: Query,
  scope: { projectId: string; everything: boolean },
): { stacks: StackRecord[]; limit: number | undefined } {
  const limit = limitOf(query);
  const all = listOf(query['tags']).length > 0 ? words(query['tags']) : [];
  const any = words(query['tags-any'] ?? query['tags_any']);
  const none = words(query['not-tags'] ?? query['not_tags']);
  const [ids, names, statuses, actions] = ['id', 'name', 'status', 'action'].map((key) =>
    listOf(query[key]),
  ) as [string[], string[], string[], string[]];
  if (
    all.length + any.length + none.length > 0 &&
    ids.length + names.length + statuses.length + actions.length > 0
  ) {
    // Heat 19 looks for these columns in the table of the tags.
    throw new HeatError(500, 'RemoteError', '');
  }
  const showDeleted = isTrueWord(query['show_deleted']);
  const showNested = isTrueWord(query['show_nested']);
  const marker = oneOf(query['marker']);
  const markerSequence = marker === undefined ? undefined : store.byId(marker)?.sequence;
  const ascending = oneOf(query['sort_dir']) === 'asc';
  const roots = scope.everything ? store.roots() : store.ofProject(scope.projectId);
  const source = showNested ? roots.flatMap((root) => [root, ...store.nestedOf(root)]) : roots;
  const matches = (stack: StackRecord): boolean =>
    (showDeleted || stack.deletedAt === null) &&
    (markerSequence === undefined ||
      (ascending ? stack.sequence > markerSequence : stack.sequence < markerSequence)) &&
    (ids.length === 0 || ids.includes(stack.id)) &&
    (names.length === 0 || names.includes(stack.name)) &&
    (statuses.length === 0 || statuses.includes(stack.status)) &&
    (actions.length === 0 || actions.includes(stack.action)) &&
    all.every((tag) => stack.tags.includes(tag)) &&
    (any.length === 0 || any.some((tag) => stack.tags.includes(tag))) &&
    (none.length === 0 || !none.every((tag) => stack.tags.includes(tag)));
  const stacks: StackRecord[] = [];
  for (let step = 0; step < source.length && stacks.length < (limit ?? Infinity); step += 1) {
    const stack = source[ascending ? step : source.length - 1 - step] as StackRecord;
    if (matches(stack)) stacks.push(stack);
  }
  return { stacks, limit };
}

/** Resources of a stack, with those of nested stacks down to a depth. */
export function queryResources(
  store: StackStore,
  views: HeatViews,
  stack: StackRecord,
  query: Query,
): unknown[] {
  const depth = limitOf(query, 'nested_depth') ?? 0;
  const statuses = listOf(query['status']);
  const types = listOf(query['type']);
  const names = listOf(query['name']);
  const matches = (record: ResourceRecord): boolean =>
    (statuses.length === 0 || statuses.includes(record.status)) &&
    (types.length === 0 || types.includes(record.type)) &&
    (names.length === 0 || names.includes(record.name));
  const rows: unknown[] = [];
  const add = (owner: StackRecord, parentName: string | undefined, left: number): void => {
    const records = shownResources(owner);
    for (const record of records) if (matches(record)) rows.push(views.resource(owner, record, parentName));
    if (left <= 0) return;
    for (const record of records) {
      const nested = record.nestedId === null ? undefined : store.byId(record.nestedId);
      if (nested !== undefined) add(nested, record.name, left - 1);
    }
  };
  add(stack, undefined, depth);
  return rows;
}

/** Events a request asks for: newest first unless told otherwise. @throws HeatError */
export function queryEvents(
  store: StackStore,
  views: HeatViews,
  stack: StackRecord,
  query: Query,
  resource?: string,
): unknown[] {
  const limit = limitOf(query) ?? Infinity;
  const depth = limitOf(query, 'nested_depth');
  const direction = oneOf(query['sort_dir']) ?? 'desc';
  if (direction !== 'asc' && direction !== 'desc') throw new HeatError(400, 'ValueError', '');
  // With a depth Heat goes by the resources there are: none left, no events.
  if (depth !== undefined && depth > 0 && stack.resources.length === 0) return [];
  const owners = new Map<string, StackRecord>([[stack.id, stack]]);
  let level = [stack];
  for (let left = depth ?? 0; left > 0; left -= 1) {
    level = level.flatMap((one) =>
      one.resources.flatMap((record) => store.byId(record.nestedId ?? '') ?? []),
    );
    for (const one of level) owners.set(one.id, one);
  }
  const statuses = [...listOf(query['resource_status']), ...listOf(query['status'])];
  const actions = listOf(query['resource_action']);
  const names = [...listOf(query['resource_name']), ...(resource === undefined ? [] : [resource])];
  const types = listOf(query['resource_type']);
  const matches = (event: EventRecord): boolean =>
    owners.has(event.stackId) &&
    (statuses.length === 0 || statuses.includes(event.status)) &&
    (actions.length === 0 || actions.includes(event.action)) &&
    (names.length === 0 || names.includes(event.resourceName)) &&
    (types.length === 0 || types.includes(event.resourceType));
  let events = store.eventsOf(stack).filter(matches);
  if (direction === 'desc') events = events.reverse();
  const marker = oneOf(query['marker']);
  const after = marker === undefined ? -1 : events.findIndex((event) => event.id === marker);
  const root = depth !== undefined && depth > 0 ? store.byId(stack.rootId) : undefined;
  return events
    .slice(after + 1, limit === Infinity ? undefined : after + 1 + limit)
    .map((event) => views.event(event, owners.get(event.stackId) ?? stack, root));
}

/** The resource of a name. @throws HeatError */
export function findResource(stack: StackRecord, name: string): ResourceRecord {
  const record = shownResources(stack).find((one) => one.name === name);
  if (record !== undefined) return record;
  throw new HeatError(
    404,
    'ResourceNotFound',
    `The Resource (${name}) could not be found in Stack ${stack.name}.`,
  );
}

/** The stack with both names, in a project. @throws HeatError EntityNotFound */
export function findStack(store: StackStore, projectId: string, name: string, id: string): StackRecord {
  const stack = store.byId(id);
  if (stack === undefined || stack.projectId !== projectId || stack.name !== name) throw stackNotFound(name);
  return stack;
}
