import { timestamp, type KubeObject, type ManagedFields } from '../objects.ts';
import type { ResourceType } from '../types/resource-type.ts';
import { changedFields, difference, fieldSet, union, type FieldSet } from './field-set.ts';

/** What a request writes: a subresource's part, or all but the status. */
function partOf(
  object: KubeObject | undefined,
  type: ResourceType,
  subresource: string | undefined,
): unknown {
  if (object === undefined) return undefined;
  const { status, ...rest } = object;
  if (subresource === 'status' || subresource === 'approval') return { metadata: rest.metadata, status };
  return 'status' in type.subresources ? rest : object;
}

/** Entries without a set, in a form that can be compared. */
export function isEntryOf(
  entry: ManagedFields,
  manager: string,
  operation: ManagedFields['operation'],
  subresource: string | undefined,
): boolean {
  return entry.manager === manager && entry.operation === operation && entry.subresource === subresource;
}

/** An entry for a manager. */
export function managedEntry(
  type: ResourceType,
  manager: string,
  operation: ManagedFields['operation'],
  fieldsV1: FieldSet,
  subresource: string | undefined,
): ManagedFields {
  return {
    manager,
    operation,
    apiVersion: type.groupVersion,
    time: timestamp(),
    fieldsType: 'FieldsV1',
    fieldsV1,
    ...(subresource === undefined ? {} : { subresource }),
  };
}

/** Entries with a set taken from each; those that own nothing then are gone. */
export function takeFrom(entries: readonly ManagedFields[], set: FieldSet): ManagedFields[] {
  return entries
    .map((entry) => ({ ...entry, fieldsV1: difference(entry.fieldsV1 as FieldSet, set) }))
    .filter((entry) => Object.keys(entry.fieldsV1).length > 0);
}

/**
 * Notes in `given`, which is to be written in the place of `old`, that a manager now owns what it changes. Nothing is
 * noted when the writer has taken out all entries, which is how entries are reset.
 */
export function trackUpdate(
  type: ResourceType,
  old: KubeObject | undefined,
  given: KubeObject,
  manager: string,
  subresource?: string,
): void {
  const before = partOf(old, type, subresource);
  const after = partOf(given, type, subresource);
  const isReset = old !== undefined && given.metadata.managedFields?.length === 0;
  const entries = isReset ? [] : (old?.metadata.managedFields ?? []);
  const changed = changedFields(before, after, type.kind);
  const removed = difference(fieldSet(before, type.kind), fieldSet(after, type.kind));
  const rest = takeFrom(entries, union(changed, removed));
  const mine = rest.find((entry) => isEntryOf(entry, manager, 'Update', subresource));
  const owned = union((mine?.fieldsV1 ?? {}) as FieldSet, changed);
  const others = rest.filter((entry) => entry !== mine);
  const hasChanged = Object.keys(changed).length > 0;
  const own = hasChanged
    ? [managedEntry(type, manager, 'Update', owned, subresource)]
    : mine === undefined
      ? []
      : [mine];
  const { managedFields: _sent, ...metadata } = given.metadata;
  const managedFields = [...others, ...own];
  given.metadata = managedFields.length === 0 ? metadata : { ...metadata, managedFields };
}
