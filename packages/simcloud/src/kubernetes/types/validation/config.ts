import { fieldsOf, isSame, type KubeObject } from '../../objects.ts';
import { required, wrong, type Problems, CONFIG_KEY, IMMUTABLE } from './rules.ts';

function dataKeys(object: KubeObject): Problems {
  return Object.keys({ ...fieldsOf(object['data']), ...fieldsOf(object['binaryData']) })
    .filter((key) => !CONFIG_KEY.test(key))
    .map((key) =>
      wrong(
        `data[${key}]`,
        key,
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
      ),
    );
}

/** Bytes of a Secret or ConfigMap at most. */
const MOST_BYTES = 1024 * 1024;

function dataSize(object: KubeObject): Problems {
  const size = Object.values({
    ...fieldsOf(object['data']),
    ...fieldsOf(object['binaryData']),
  }).reduce<number>((sum, value) => sum + String(value).length, 0);
  return size > MOST_BYTES * 1.4
    ? [{ field: 'data', type: 'TooLong', value: '', detail: `must have at most ${String(MOST_BYTES)} bytes` }]
    : [];
}

export function configMap(object: KubeObject, old: KubeObject | undefined): Problems {
  if (old?.['immutable'] === true && !isSame(object['data'], old['data']))
    return [{ field: 'data', type: 'Forbidden', detail: 'field is immutable when `immutable` is set' }];
  return [...dataKeys(object), ...dataSize(object)];
}

const SECRET_KEYS: Record<string, readonly string[]> = {
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
};

export function secret(object: KubeObject, old: KubeObject | undefined): Problems {
  const type = String(object['type']);
  const missing = (SECRET_KEYS[type] ?? []).filter((key) => !(key in fieldsOf(object['data'])));
  const problems = missing.map((key) => required(`data[${key}]`));
  if (old !== undefined && old['type'] !== type) problems.push(wrong('type', type, IMMUTABLE));
  if (type === 'kubernetes.io/dockerconfigjson' && problems.length === 0) {
    try {
      JSON.parse(
        Buffer.from(String(fieldsOf(object['data'])['.dockerconfigjson']), 'base64').toString('utf8'),
      );
    } catch (error) {
      problems.push(wrong('data[.dockerconfigjson]', '<secret contents redacted>', (error as Error).message));
    }
  }
  return [...problems, ...configMap(object, old)];
}
