import { ApiError, badRequest } from '../api/status-error.ts';
import { isFields, type Fields, type KubeObject, type ManagedFields } from '../objects.ts';
import type { ResourceType } from '../types/resource-type.ts';
import {
  changedFields,
  difference,
  fieldSet,
  intersection,
  itemName,
  pathsOf,
  without,
  type FieldSet,
} from './field-set.ts';
import { isAtomicMap, listKeys, SET } from './list-keys.ts';
import { isEntryOf, managedEntry, takeFrom } from './managed-fields.ts';

/** What an applier wants. */
export interface Application {
  type: ResourceType;
  old: KubeObject | undefined;
  /** What the applier says; it owns the fields that are in it, and no others. */
  wanted: KubeObject;
  manager: string;
  /** Takes over fields of others instead of failing. */
  isForced: boolean;
  subresource: string | undefined;
}

/**
 * Merges what an applier wants into what is there. Fields that it no longer wants and nobody else owns are gone.
 * @throws ApiError 409 with a cause FieldManagerConflict for every field that another manager has set otherwise
 */
export function serverSideApply({
  type,
  old,
  wanted,
  manager,
  isForced,
  subresource,
}: Application): KubeObject {
  if (wanted.metadata.managedFields !== undefined) throw badRequest('metadata.managedFields must be nil');
  const { kind } = type;
  const applied = fieldSet(wanted, kind);
  const entry = managedEntry(type, manager, 'Apply', applied, subresource);
  if (old === undefined) return { ...wanted, metadata: { ...wanted.metadata, managedFields: [entry] } };
  const entries = old.metadata.managedFields ?? [];
  const mine = entries.find((one) => isEntryOf(one, manager, 'Apply', subresource));
  const others = entries.filter((one) => one !== mine);
  const merged = mergeApplied(old, wanted, [], kind) as KubeObject;
  const taken = intersection(changedFields(old, merged, kind), applied);
  const conflicts = others
    .map((one) => ({ one, paths: pathsOf(intersection(one.fieldsV1 as FieldSet, taken)) }))
    .filter(({ paths }) => paths.length > 0);
  if (conflicts.length > 0 && !isForced) throw applyConflict(conflicts);
  const owners = takeFrom(others, taken);
  const dropped = difference((mine?.fieldsV1 ?? {}) as FieldSet, applied);
  const free = owners.reduce((set, one) => difference(set, one.fieldsV1 as FieldSet), dropped);
  const result = without(merged, free, [], kind) as KubeObject;
  const isUnchanged = mine !== undefined && JSON.stringify(mine.fieldsV1) === JSON.stringify(applied);
  // Nothing new: the time of the last application stays, so that nothing is written.
  const own = isUnchanged && Object.keys(taken).length === 0 ? mine : entry;
  return {
    ...result,
    metadata: {
      ...result.metadata,
      resourceVersion: wanted.metadata.resourceVersion,
      managedFields: [own, ...owners],
    },
  };
}

function mergeApplied(current: unknown, wanted: unknown, path: string[], kind: string): unknown {
  if (isFields(wanted)) {
    if (isAtomicMap(path, kind)) return wanted;
    const result: Fields = isFields(current) ? { ...current } : {};
    for (const [name, value] of Object.entries(wanted))
      if (value !== undefined && value !== null)
        result[name] = mergeApplied(result[name], value, [...path, name], kind);
    return result;
  }
  const keys = listKeys(path, kind);
  if (!Array.isArray(wanted) || keys === undefined || (keys !== SET && keys.keys.length === 0)) return wanted;
  const result: unknown[] = Array.isArray(current) ? [...(current as unknown[])] : [];
  const names = result.map((item) => itemName(item, keys));
  for (const item of wanted as unknown[]) {
    const index = names.indexOf(itemName(item, keys));
    if (index < 0) result.push(item);
    else result[index] = mergeItem(result[index], item, path, kind);
  }
  return result;
}

/** The fields of an item continue its list's path. */
function mergeItem(current: unknown, wanted: unknown, path: string[], kind: string): unknown {
  if (!isFields(wanted)) return wanted;
  const result: Fields = isFields(current) ? { ...current } : {};
  for (const [name, value] of Object.entries(wanted))
    if (value !== undefined && value !== null)
      result[name] = mergeApplied(result[name], value, [...path, name], kind);
  return result;
}

function managerText({ manager, operation, apiVersion, time, subresource }: ManagedFields): string {
  const name =
    JSON.stringify(manager) +
    (subresource === undefined ? '' : ` with subresource ${JSON.stringify(subresource)}`);
  return operation === 'Update' ? `${name} using ${apiVersion} at ${time}` : name;
}

function applyConflict(conflicts: { one: ManagedFields; paths: string[] }[]): ApiError {
  const causes = conflicts.flatMap(({ one, paths }) =>
    paths.map((field) => ({
      reason: 'FieldManagerConflict',
      message: `conflict with ${managerText(one)}`,
      field,
    })),
  );
  const [first] = causes;
  const text =
    causes.length === 1
      ? `1 conflict: ${String(first?.message)}: ${String(first?.field)}`
      : `${String(causes.length)} conflicts: ${conflicts
          .map(({ one, paths }) => `conflicts with ${managerText(one)}:\n- ${paths.join('\n- ')}`)
          .join('\n')}`;
  return new ApiError(409, 'Conflict', `Apply failed with ${text}`, { causes });
}
