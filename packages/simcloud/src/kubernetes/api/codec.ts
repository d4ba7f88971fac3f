import { fieldsOf, isFields, listOf, type Fields, type KubeObject } from '../objects.ts';
import type { ResourceType } from '../types/resource-type.ts';
import { ApiError, badRequest } from './status-error.ts';

/** An object as a version of its resource shows it. */
export function present(type: ResourceType, object: KubeObject): Fields {
  const shown = type.encode === undefined ? object : type.encode(object);
  return { kind: type.kind, apiVersion: type.groupVersion, ...shown };
}

/** An item of a list: its kind is the list's. */
export function presentItem(type: ResourceType, object: KubeObject): Fields {
  return type.encode === undefined ? object : type.encode(object);
}

/**
 * Reads an object that a client sent, into its stored form.
 * @throws ApiError 400 when it is not one of the type's, or a field has a value of a wrong type
 */
export function readObject(type: ResourceType, body: unknown, namespace: string | undefined): KubeObject {
  if (!isFields(body))
    throw badRequest(`couldn't get version/kind; json parse error: ${type.kind} is not an object`);
  const { kind = type.kind, apiVersion = type.groupVersion, metadata, ...rest } = body;
  if (kind !== type.kind || apiVersion !== type.groupVersion) {
    const [sent, expected] = [gvk(String(apiVersion), String(kind)), gvk(type.groupVersion, type.kind)];
    throw badRequest(
      apiVersion !== type.groupVersion
        ? `the API version in the data (${String(apiVersion)}) does not match the expected API version (${type.groupVersion})`
        : `${type.kind} in version "${type.version}" cannot be handled as a ${type.kind}: converting (${sent}) to (${expected}): unknown conversion`,
    );
  }
  const given = fieldsOf(metadata);
  const sent = given['namespace'];
  if (type.namespaced && sent !== undefined && sent !== '' && sent !== namespace)
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  const object = {
    ...rest,
    metadata: {
      ...given,
      name: given['name'] ?? '',
      ...(type.namespaced ? { namespace } : {}),
    },
  } as unknown as KubeObject;
  if (!type.namespaced) delete object.metadata.namespace;
  checkTypes(type, object);
  dropEmpty(
    object,
    ['data', 'binaryData', 'spec', 'status'].filter((name) => object[name] === null || name.endsWith('ata')),
  );
  dropEmpty(object.metadata as unknown as Fields, ['labels', 'annotations', 'finalizers', 'ownerReferences']);
  return type.decode === undefined ? object : type.decode(object);
}

/** What is empty is as good as not there, as in Go's `omitempty`. */
function dropEmpty(target: Fields, names: readonly string[]): void {
  for (const name of names) {
    const value = target[name];
    const isEmpty = Array.isArray(value)
      ? value.length === 0
      : isFields(value) && Object.keys(value).length === 0;
    if (value === null || isEmpty) delete target[name];
  }
}

function gvk(groupVersion: string, kind: string): string {
  return `${groupVersion}.${kind}`;
}

/** A field has a value of a wrong type. */
export class TypeMismatch extends ApiError {
  constructor(message: string) {
    super(400, 'BadRequest', message);
  }
}

/** Go refuses values of a wrong type; these are the fields in which YAML's numbers and texts are mixed up. */
function checkTypes(type: ResourceType, object: KubeObject): void {
  const refuse = (found: unknown, where: string, wanted: string): never => {
    throw new TypeMismatch(
      `${type.kind} in version "${type.version}" cannot be handled as a ${type.kind}: json: cannot unmarshal ` +
        `${typeof found === 'object' ? (Array.isArray(found) ? 'array' : 'object') : typeof found === 'boolean' ? 'bool' : typeof found} into Go struct field ${where} of type ${wanted}`,
    );
  };
  const texts = (value: unknown, where: string): void => {
    if (value === undefined || value === null) return;
    if (!isFields(value)) return refuse(value, where, 'map[string]string');
    for (const one of Object.values(value)) if (typeof one !== 'string') refuse(one, where, 'string');
  };
  const walk = (value: unknown, path: string): void => {
    if (Array.isArray(value)) {
      for (const item of value) walk(item, path);
      return;
    }
    if (!isFields(value)) return;
    for (const [name, inner] of Object.entries(value)) {
      const where = path === '' ? name : `${path}.${name}`;
      if (inner === null || inner === undefined) continue;
      if (TEXT_MAPS.has(name)) texts(inner, where);
      else if (INTEGERS.has(name)) {
        if (!Number.isInteger(inner)) refuse(inner, where, 'int32');
      } else if (LISTS.has(name) && !Array.isArray(inner)) refuse(inner, where, '[]v1.Item');
      else if (name === 'env') for (const one of listOf<Fields>(inner)) checkVariable(one, where);
      else walk(inner, where);
      if (LISTS.has(name)) walk(inner, where);
    }
  };
  const checkVariable = (variable: Fields, where: string): void => {
    const { value } = variable;
    if (value !== undefined && value !== null && typeof value !== 'string')
      refuse(value, `${where}.value`, 'string');
  };
  for (const name of ['spec', 'status'] as const) {
    const part: unknown = object[name];
    if (part !== undefined && part !== null && !isFields(part))
      refuse(part, `${type.kind}.${name}`, `v1.${type.kind}${name === 'spec' ? 'Spec' : 'Status'}`);
  }
  if (typeof object.metadata.name !== 'string')
    refuse(object.metadata.name, 'ObjectMeta.metadata.name', 'string');
  texts(object.metadata.labels, 'ObjectMeta.metadata.labels');
  texts(object.metadata.annotations, 'ObjectMeta.metadata.annotations');
  if (type.kind === 'ConfigMap' || type.kind === 'Secret') texts(object['data'], `${type.kind}.data`);
  else walk(object.spec, `${type.kind}Spec.spec`);
}

const TEXT_MAPS = new Set(['matchLabels', 'nodeSelector', 'labels', 'annotations']);
const INTEGERS = new Set([
  'replicas',
  'containerPort',
  'hostPort',
  'nodePort',
  'minReplicas',
  'maxReplicas',
  'parallelism',
  'completions',
  'backoffLimit',
  'revisionHistoryLimit',
  'terminationGracePeriodSeconds',
]);
const LISTS = new Set(['containers', 'initContainers', 'volumes', 'volumeMounts']);
