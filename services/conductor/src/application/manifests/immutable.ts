import { isDeepStrictEqual } from 'node:util';
import type { Manifest } from '@cetus/kubernetes/apply';
import { canonicalQuantity, compareQuantities } from '@cetus/shared/applications';
import type { Fields } from './input.ts';

/** A field that the API server lets nobody change. */
export interface ImmutableChange {
  /** Of the object: `spec/serviceName`. */
  field: string;
  /** A sentence with what is and what would be. */
  detail: string;
}

/**
 * What an apply would be refused for as it cannot be changed in an object that is there; the caller tells it as `conflict`, rather than
 * what the API server says of it.
 * @param live the object as the API server answers it
 */
export function immutableChanges(live: object, desired: Manifest): ImmutableChange[] {
  const [is, wanted] = [fields((live as Fields)['spec']), fields(desired['spec'])];
  switch (desired.kind) {
    case 'StatefulSet':
      return [
        ...changed('spec/serviceName', is['serviceName'], wanted['serviceName']),
        ...changed(
          'spec/podManagementPolicy',
          is['podManagementPolicy'] ?? 'OrderedReady',
          wanted['podManagementPolicy'] ?? 'OrderedReady',
        ),
        ...changed('spec/selector', is['selector'], wanted['selector']),
        ...templateChanges(is['volumeClaimTemplates'], wanted['volumeClaimTemplates']),
      ];
    case 'Deployment':
    case 'DaemonSet':
      return changed('spec/selector', is['selector'], wanted['selector']);
    case 'PersistentVolumeClaim':
      return claimChanges('spec', is, wanted, true);
    case 'Secret': {
      const type = (live as Fields)['type'];
      return changed('type', type ?? 'Opaque', desired['type'] ?? 'Opaque');
    }
    default:
      return [];
  }
}

function templateChanges(live: unknown, desired: unknown): ImmutableChange[] {
  const [is, wanted] = [byName(live), byName(desired)];
  const field = 'spec/volumeClaimTemplates';
  const names = changed(field, [...is.keys()].sort(), [...wanted.keys()].sort());
  const inside = [...wanted].flatMap(([name, spec]) => {
    const found = is.get(name);
    return found === undefined ? [] : claimChanges(`${field}/${name}`, found, spec, false);
  });
  return [...names, ...inside];
}

/** @param canGrow whether a larger size is a change that is possible */
function claimChanges(path: string, is: Fields, wanted: Fields, canGrow: boolean): ImmutableChange[] {
  const [size, wantedSize] = [storage(is), storage(wanted)];
  const order = size === undefined || wantedSize === undefined ? 0 : compareQuantities(size, wantedSize);
  return [
    ...changed(`${path}/accessModes`, is['accessModes'], wanted['accessModes']),
    // A class that nobody names is the cluster's.
    ...(wanted['storageClassName'] === undefined
      ? []
      : changed(`${path}/storageClassName`, is['storageClassName'], wanted['storageClassName'])),
    ...(order > 0 || (order < 0 && !canGrow)
      ? changed(`${path}/resources/requests/storage`, size, wantedSize)
      : []),
  ];
}

function storage(spec: Fields): string | undefined {
  const text = fields(fields(spec['resources'])['requests'])['storage'];
  return typeof text === 'string' ? canonicalQuantity(text) : undefined;
}

function byName(templates: unknown): Map<string, Fields> {
  if (!Array.isArray(templates)) return new Map();
  return new Map(
    templates.map((template: unknown) => {
      const { metadata, spec } = fields(template);
      return [String(fields(metadata)['name']), fields(spec)];
    }),
  );
}

function changed(field: string, is: unknown, wanted: unknown): ImmutableChange[] {
  if (isDeepStrictEqual(is, wanted)) return [];
  return [{ field, detail: `${field} cannot be changed: it is ${text(is)}, and would be ${text(wanted)}` }];
}

function text(value: unknown): string {
  return value === undefined ? 'not set' : JSON.stringify(value);
}

function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}
