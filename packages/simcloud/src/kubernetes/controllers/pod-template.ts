import { createHash } from 'node:crypto';
import { at, fieldsOf, isFields, type Fields, type KubeObject, type OwnerReference } from '../objects.ts';
import { newMetadata } from '../seed.ts';

const HASH_DIGITS = 'bcdfghjklmnpqrstvwxz2456789';

/** A short hash of a pod template, in the alphabet of generated names. */
export function templateHash(template: unknown): string {
  const digest = createHash('sha256').update(canonical(template)).digest();
  return Array.from(digest.subarray(0, 10), (byte) => HASH_DIGITS[byte % HASH_DIGITS.length]).join('');
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (!isFields(value)) return JSON.stringify(value ?? null);
  const fields = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return `{${fields
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, inner]) => `${JSON.stringify(name)}:${canonical(inner)}`)
    .join()}}`;
}

/** A pod as a template wants it. */
export function podOf(
  owner: KubeObject,
  reference: OwnerReference,
  template: unknown,
  more: { name?: string; labels?: Record<string, string>; spec?: Fields } = {},
): KubeObject {
  const labels = {
    ...(fieldsOf(at(template, 'metadata', 'labels')) as Record<string, string>),
    ...more.labels,
  };
  const annotations = at(template, 'metadata', 'annotations') as Record<string, string> | undefined;
  return {
    metadata: newMetadata(more.name ?? '', owner.metadata.namespace, {
      ...(more.name === undefined ? { generateName: `${owner.metadata.name}-` } : {}),
      labels,
      ...(annotations === undefined ? {} : { annotations }),
      ownerReferences: [reference],
    }),
    spec: { ...fieldsOf(at(template, 'spec')), ...more.spec },
  };
}
