import { CetusError } from '@cetus/shared/errors';
import {
  ClusterTemplateCreate,
  ClusterTemplateView,
  type ClusterTemplateSpec,
  type JsonPatch,
  type StoredClusterTemplate,
} from '@cetus/shared/schemas';
import { compileBody, fieldErrors } from '../http/validation.ts';
import { applyPatch } from '../json-patch.ts';
import { parsePythonDictionary } from '../labels.ts';
import { templateSpec } from './spec.ts';

const validate = compileBody<ClusterTemplateCreate>(ClusterTemplateCreate);

/** What a request may not change: the distribution follows the image, and what makes the clusters stays. */
const FIXED = new Set(['cluster_distro', 'driver']);
const CHANGEABLE = new Set(
  Object.keys(ClusterTemplateCreate.properties).filter((field) => !FIXED.has(field)),
);
const READ_ONLY = new Set(
  Object.keys(ClusterTemplateView.properties).filter((field) => !CHANGEABLE.has(field)),
);

/** As in Magnum; everything else falls back to its default when it is removed. */
const NOT_REMOVABLE = new Set([
  'name',
  'coe',
  'image_id',
  'network_driver',
  'external_network_id',
  'tls_disabled',
  'public',
  'server_type',
  'registry_enabled',
  'hidden',
]);

const BOOLEANS = new Set([
  'tls_disabled',
  'registry_enabled',
  'floating_ip_enabled',
  'master_lb_enabled',
  'public',
  'hidden',
]);

/** What may be changed while clusters refer to the template, as in Magnum. */
const CHANGEABLE_IN_USE = new Set(['name', 'public', 'hidden', 'tags']);

export interface PatchedTemplate {
  name: string;
  spec: ClusterTemplateSpec;
  /** The fields whose values differ from before. */
  changed: ReadonlySet<string>;
}

/**
 * A template after a patch, checked like a new one.
 * @throws CetusError `unknown_field`, `invalid_field`, `invalid_patch`
 */
export function patchTemplate(template: StoredClusterTemplate, patch: JsonPatch): PatchedTemplate {
  const { driver, cluster_distro: distro, ...spec } = template.spec;
  const before = { name: template.name, ...spec };
  const after = applyPatch(before, patch.map(checkedOperation));
  if (!validate(after)) {
    const [first] = fieldErrors(validate.errors ?? [], 'body');
    throw new CetusError(first?.code ?? 'invalid_field', first?.detail ?? 'The result is not acceptable', {
      ...(first === undefined ? {} : { field: first.field }),
    });
  }
  const next = { name: after.name ?? template.name, ...templateSpec(after, driver, distro) };
  const changed = new Set(
    Object.entries(next)
      .filter(([field, value]) => !FIXED.has(field) && !same(value, before[field as keyof typeof before]))
      .map(([field]) => field),
  );
  const { name, ...nextSpec } = next;
  return { name, spec: nextSpec, changed };
}

/** Whether clusters that refer to the template stand in the way of a change. */
export function needsUnused(changed: ReadonlySet<string>): boolean {
  return [...changed].some((field) => !CHANGEABLE_IN_USE.has(field));
}

function checkedOperation(operation: JsonPatch[number], index: number): JsonPatch[number] {
  const { op, path } = operation;
  const [, root = '', ...rest] = path.split('/');
  if (READ_ONLY.has(root)) {
    throw new CetusError('invalid_field', `${root} is set by the service and cannot be changed`, {
      field: root,
    });
  }
  if (!CHANGEABLE.has(root) || (rest.length > 0 && root !== 'labels') || rest.length > 1) {
    throw new CetusError('unknown_field', `${path} is not known`, { field: path.slice(1) });
  }
  if (op === 'remove') {
    if (rest.length === 0 && NOT_REMOVABLE.has(root)) {
      throw new CetusError('invalid_field', `${root} cannot be removed`, { field: root });
    }
    return operation;
  }
  if (operation.value === undefined) {
    throw new CetusError('invalid_patch', `The operation ${op} needs a value`, { field: `${index}/value` });
  }
  return { ...operation, value: valueFromText(root, rest.length > 0, operation.value) };
}

/** python-magnumclient sends what a person typed: `True` for a boolean, Python's notation for labels. */
function valueFromText(field: string, ofLabel: boolean, value: unknown): unknown {
  if (ofLabel || typeof value !== 'string') return value;
  if (field === 'labels') return parsePythonDictionary(value) ?? value;
  if (BOOLEANS.has(field) && /^(true|false)$/i.test(value)) return value.toLowerCase() === 'true';
  return value;
}

function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return false;
  const [left, right] = [Object.entries(a), b as Record<string, unknown>];
  return left.length === Object.keys(right).length && left.every(([key, value]) => right[key] === value);
}
