import { isManagedKind, MANAGED_KINDS, type ManagedKind } from './managed-kinds.ts';

/** A kind in one version. */
export interface KindReference {
  /** `v1`, `apps/v1`, … */
  apiVersion: string;
  kind: string;
}

/** One object of a cluster. */
export interface ObjectReference extends KindReference {
  /** Undefined for what is in no namespace. */
  namespace?: string | undefined;
  name: string;
}

/**
 * Path of one object.
 * @throws TypeError for a kind, or a version of it, that is not in {@link MANAGED_KINDS}; when the namespace is missing, or there is
 *   none to be; for a name that is no part of a path
 */
export function objectPath(reference: ObjectReference): string {
  const { kind, namespace, name } = reference;
  const { namespaced } = managedKind(reference);
  if (namespaced && namespace === undefined)
    throw new TypeError(`A ${kind} is in a namespace, and none is given`);
  return `${collectionPath(reference)}/${segment('name', name)}`;
}

/**
 * Path of all objects of a kind: of one namespace, of all when it is undefined.
 * @throws TypeError as {@link objectPath} does
 */
export function collectionPath(reference: KindReference & { namespace?: string | undefined }): string {
  const { plural, namespaced } = managedKind(reference);
  const base = apiPath(reference.apiVersion);
  if (reference.namespace === undefined) return `${base}/${plural}`;
  if (!namespaced) throw new TypeError(`A ${reference.kind} is in no namespace`);
  return `${base}/namespaces/${segment('namespace', reference.namespace)}/${plural}`;
}

/** Where an API version is served: that of the core has an address of its own. */
export function apiPath(apiVersion: string): string {
  return apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}

/** @throws TypeError for a kind, or a version of it, that is not in {@link MANAGED_KINDS} */
function managedKind({ apiVersion, kind }: KindReference): ManagedKind {
  const found: ManagedKind | undefined = isManagedKind(kind) ? MANAGED_KINDS[kind] : undefined;
  if (found?.apiVersions.includes(apiVersion) !== true)
    throw new TypeError(`${kind} of ${apiVersion} is not a kind that Cetus manages`);
  return found;
}

/** A name as one part of a path: the API takes none that leads elsewhere. */
function segment(what: string, name: string): string {
  if (name === '' || name === '.' || name === '..' || /[/%]/.test(name))
    throw new TypeError(`${JSON.stringify(name)} is no ${what} of an object`);
  return encodeURIComponent(name);
}
