import { FILE_NAME } from '@cetus/shared/schemas';
import { Mapping } from '../mapping.ts';
import type { Place } from '../report.ts';
import { matches } from '../values.ts';
import { tellMetadata, type KubernetesObject } from './objects.ts';

/** What a ConfigMap or a Secret holds, by key. */
export type Files = Record<string, string>;

/** What a ConfigMap holds. */
export function filesOfConfigMap({ fields, at }: KubernetesObject): Files {
  const whole = new Mapping(fields, at);
  tellHead(whole);
  const files = (whole.mapping('data')?.textEntries() ?? []).flatMap(({ key, text, at: keyAt }) =>
    isKey(key, keyAt) ? [[key, text] as const] : [],
  );
  for (const { at: keyAt } of whole.mapping('binaryData')?.entries() ?? [])
    keyAt.lost('Only texts are carried over.');
  whole.rest();
  return Object.fromEntries(files);
}

/** What a Secret holds, as text. Nothing of it is ever told. */
export function filesOfSecret({ fields, at }: KubernetesObject): Files {
  const whole = new Mapping(fields, at);
  tellHead(whole);
  whole.silent('type');
  const data = (whole.mapping('data')?.textEntries() ?? []).flatMap(({ key, text, at: keyAt }) => {
    const decoded = isKey(key, keyAt) ? decode(text) : undefined;
    if (decoded === undefined) keyAt.lost('Only texts, in base64, are carried over.');
    return decoded === undefined ? [] : [[key, decoded] as const];
  });
  const plain = (whole.mapping('stringData')?.textEntries() ?? []).flatMap(({ key, text, at: keyAt }) =>
    isKey(key, keyAt) ? [[key, text] as const] : [],
  );
  whole.rest();
  return Object.fromEntries([...data, ...plain]);
}

/** The account of a Secret of the type `kubernetes.io/dockerconfigjson`. */
export function accountOf(
  object: KubernetesObject,
): { registry: string; username: string; password: string } | undefined {
  const config = parse(filesOfSecret(object)['.dockerconfigjson']);
  const [first, ...more] = Object.entries(fieldsOf(fieldsOf(config)['auths']));
  if (first === undefined) return undefined;
  const [registry, entry] = first;
  const { username, password, auth } = fieldsOf(entry);
  const pair = typeof auth === 'string' ? decode(auth) : undefined;
  const index = pair?.indexOf(':') ?? -1;
  const name = typeof username === 'string' ? username : pair?.slice(0, Math.max(0, index));
  const secret = typeof password === 'string' ? password : pair?.slice(index + 1);
  if (name === undefined || secret === undefined || name === '' || secret === '') return undefined;
  if (more.length > 0) object.at.lost('Only the account of the first registry is carried over.');
  // Addresses of registries are often written as URLs.
  return { registry: registry.replace(/^https?:\/\//, ''), username: name, password: secret };
}

function tellHead(whole: Mapping): void {
  whole.silent('apiVersion', 'kind', 'status', 'immutable');
  const metadata = whole.mapping('metadata');
  if (metadata !== undefined) tellMetadata(metadata);
}

function isKey(key: string, at: Place): boolean {
  if (matches({ pattern: FILE_NAME }, key)) return true;
  at.lost('It is not a name of a file.');
  return false;
}

function decode(base64: string): string | undefined {
  const plain = base64.replace(/\s+/g, '');
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(plain)) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(plain, 'base64'));
  } catch {
    // It is not a text; the caller tells.
    return undefined;
  }
}

function parse(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? 'null');
  } catch {
    // What does not hold an account; the caller tells. The parser's own words would quote it.
    return null;
  }
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
