import { applicable } from './applicable.ts';
import { APPLY_PATCH, type KubernetesConnection } from './connection.ts';
import { hasStatus, isNotFound, isStatus, type KubernetesError } from './errors.ts';
import { objectPath, type ObjectReference } from './object-path.ts';
import type { KubernetesObject } from './objects.ts';
import { warningsOf } from './warnings.ts';

/** Owner of the fields that Cetus applies, in `metadata.managedFields`. */
export const FIELD_MANAGER = 'cetus';

/** What is applied: the fields of which somebody has an opinion, all of them and no others. */
export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string | undefined;
    /** Only as long as the object is still this one: never creates one, never changes another of the same name. */
    uid?: string | undefined;
    /** Only as long as the object has not changed since. */
    resourceVersion?: string | undefined;
    labels?: Record<string, string> | undefined;
    annotations?: Record<string, string> | undefined;
    [field: string]: unknown;
  };
  [field: string]: unknown;
}

export interface ApplyOptions {
  /** Default: {@link FIELD_MANAGER}. What a manager no longer applies, and nobody else owns, is taken out. */
  fieldManager?: string | undefined;
  /** Takes over fields that others own. Default: refused, see {@link fieldConflicts}. */
  force?: boolean | undefined;
  /** The server checks and answers as it would, and stores nothing. */
  dryRun?: boolean | undefined;
  signal?: AbortSignal | undefined;
}

export interface Applied<T> {
  /** As the server has it now; in a dry run as it would be. */
  object: T;
  created: boolean;
  /**
   * True when the object is being deleted. The server takes changes of such a one, and it goes with them; whoever wants it has to
   * apply again when it is gone.
   */
  ending: boolean;
  /** What the server warns of: a template whose pods it will refuse, an API version that will go. */
  warnings: string[];
}

/**
 * Server-side apply: makes the object when it is not there, changes what differs, and does nothing (no new resource version) where
 * all is so already.
 * @throws KubernetesError: what a refusal means say {@link fieldConflicts}, {@link isChanged} and {@link isUnfit}; KubernetesUnreachableError;
 *   TypeError, see {@link objectPath}
 */
export async function applyObject<T extends KubernetesObject = KubernetesObject>(
  connection: KubernetesConnection,
  object: Manifest,
  { fieldManager = FIELD_MANAGER, force, dryRun, signal }: ApplyOptions = {},
): Promise<Applied<T>> {
  const { status, headers, body } = await connection.request<T>('PATCH', objectPath(referenceOf(object)), {
    query: {
      fieldManager,
      force: force === true ? true : undefined,
      dryRun: dryRun === true ? 'All' : undefined,
    },
    body: applicable(object),
    contentType: APPLY_PATCH,
    signal,
  });
  return {
    object: body,
    created: status === 201,
    ending: body.metadata.deletionTimestamp !== undefined,
    warnings: warningsOf(headers),
  };
}

/** Where a manifest's object is. */
export function referenceOf({ apiVersion, kind, metadata: { namespace, name } }: Manifest): ObjectReference {
  return { apiVersion, kind, namespace, name };
}

/**
 * An object; undefined when it is not there.
 * @throws KubernetesError, KubernetesUnreachableError, TypeError, see {@link objectPath}
 */
export async function readObject<T extends KubernetesObject = KubernetesObject>(
  connection: KubernetesConnection,
  reference: ObjectReference,
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<T | undefined> {
  try {
    return await connection.get<T>(objectPath(reference), { signal });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

export interface DeleteObjectOptions {
  /** Only this object, not another that has come under its name. */
  uid?: string | undefined;
  /** Only as long as it has not changed since. */
  resourceVersion?: string | undefined;
  /** What becomes of what it owns: goes afterwards, goes before it, stays. Default: the server's, mostly `Background`. */
  propagationPolicy?: 'Background' | 'Foreground' | 'Orphan' | undefined;
  /** Seconds that pods get to end. Default: their own. */
  gracePeriodSeconds?: number | undefined;
  dryRun?: boolean | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * How a delete went:
 * - `deleted`: the server has taken it; the object is gone, or ending: pods take their time, finalizers have to be lifted;
 * - `gone`: it was not there;
 * - `changed`: it is another one, or has changed; nothing was done.
 */
export type Deletion = 'deleted' | 'gone' | 'changed';

/**
 * Deletes an object. Asking again does no harm.
 * @throws KubernetesError, KubernetesUnreachableError, TypeError, see {@link objectPath}
 */
export async function deleteObject(
  connection: KubernetesConnection,
  reference: ObjectReference,
  options: DeleteObjectOptions = {},
): Promise<Deletion> {
  const { uid, resourceVersion, propagationPolicy, gracePeriodSeconds, dryRun, signal } = options;
  const body = {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    preconditions: { uid, resourceVersion },
    propagationPolicy,
    gracePeriodSeconds,
    // Beside a body the server does not look at the query.
    dryRun: dryRun === true ? ['All'] : undefined,
  };
  try {
    await connection.request('DELETE', objectPath(reference), { body, signal });
    return 'deleted';
  } catch (error) {
    if (isNotFound(error)) return 'gone';
    if (!hasStatus(error, 409)) throw error;
    // A precondition is not the only reason: some servers refuse so to delete a namespace that is ending already.
    const found = await readObject(connection, reference, { signal });
    if (found === undefined) return 'gone';
    const { metadata } = found;
    if (uid !== undefined && uid !== metadata.uid) return 'changed';
    if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) return 'changed';
    if (metadata.deletionTimestamp !== undefined) return 'deleted';
    throw error;
  }
}

/** A field that an apply was refused for. */
export interface FieldConflict {
  /** As the server writes it: `.spec.template.spec.containers[name="web"].image`. */
  field: string;
  /** Who owns it, in the server's words, for people. */
  message: string;
}

/** The fields that others own and that an apply would have changed; empty for every other error. */
export function fieldConflicts(error: unknown): FieldConflict[] {
  if (!hasStatus(error, 409)) return [];
  return (error.details?.causes ?? [])
    .filter(({ reason }) => reason === 'FieldManagerConflict')
    .map(({ field = '', message = '' }) => ({ field, message }));
}

/**
 * Whether an apply was refused because the object is not the one that was seen: `metadata.uid` or `metadata.resourceVersion` of the
 * manifest are not its any more, it is gone, or somebody else wrote at the same moment. Look again, then decide again.
 */
export function isChanged(error: unknown): error is KubernetesError {
  if (hasStatus(error, 409)) return fieldConflicts(error).length === 0;
  // An object of another uid is refused as the change of a field that cannot change.
  return (
    hasStatus(error, 422) && error.details?.causes?.some(({ field }) => field === 'metadata.uid') === true
  );
}

/**
 * Whether an apply was refused with an error of the server that has no reason. That is how it refuses a manifest that does not fit the
 * schema of its kind (a field that there is not, a value of a wrong type); seldom it is in trouble itself. What is refused so
 * again, while the server answers otherwise, is a mistake in the manifest: no waiting mends it.
 */
export function isUnfit(error: unknown): error is KubernetesError {
  return hasStatus(error, 500) && error.reason === undefined && isStatus(error.body);
}
