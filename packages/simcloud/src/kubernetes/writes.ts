import { randomBytes, randomUUID } from 'node:crypto';
import { admit, review } from './admission.ts';
import { chargeQuotas } from './admission/resource-quota.ts';
import { admitService } from './admission/services.ts';
import type { User } from './api/authentication.ts';
import { alreadyExists, conflict, forbidden, invalid, MODIFIED, notFound } from './api/status-error.ts';
import type { ClusterContext } from './cluster-context.ts';
import { at, fieldsOf, isSame, timestamp, type Fields, type KubeObject } from './objects.ts';
import { trackUpdate } from './patch/managed-fields.ts';
import type { ResourceType } from './types/resource-type.ts';
import { validateMetadata } from './types/validation/metadata.ts';

/** The cluster's own components write as this user. */
export const SYSTEM: User = { name: 'system:kube-controller-manager', groups: ['system:masters'] };

export interface WriteOptions {
  user?: User;
  /** Checks all and writes nothing. */
  dryRun?: boolean;
  /** Who then owns the fields that are changed; nobody when it is not given. */
  manager?: string;
  /** Takes what the client is to be warned of. */
  warn?: (text: string) => void;
}

const NOBODY_WARNED = (): void => undefined;

export interface DeleteOptions extends WriteOptions {
  gracePeriodSeconds?: number | undefined;
  propagationPolicy?: string | undefined;
  preconditions?: { uid?: string; resourceVersion?: string } | undefined;
}

const NAMES = 'bcdfghjklmnpqrstvwxz2456789';
const LONGEST_GENERATED = 58;

/** Five random characters, none of which makes words. */
export function randomSuffix(): string {
  return Array.from(randomBytes(5), (byte) => NAMES[byte % NAMES.length]).join('');
}

/**
 * Writes a new object in its stored form: metadata, defaults, admission, checks.
 * @throws ApiError AlreadyExists, Invalid, Forbidden, NotFound (its namespace)
 */
export function createObject(
  cluster: ClusterContext,
  type: ResourceType,
  given: KubeObject,
  options: WriteOptions = {},
): KubeObject {
  const { store } = cluster;
  const object = structuredClone(given);
  const metadata = object.metadata;
  const base = metadata.generateName;
  if (metadata.name === '' && base !== undefined && base !== '')
    metadata.name = `${base.slice(0, LONGEST_GENERATED)}${randomSuffix()}`;
  metadata.uid = randomUUID();
  metadata.creationTimestamp = timestamp();
  metadata.resourceVersion = '';
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  if (type.hasGeneration) metadata.generation = 1;
  else delete metadata.generation;
  const { namespace } = metadata;
  if (type.namespaced) checkNamespace(cluster, type, namespace ?? '', metadata.name);
  if ('status' in type.subresources) delete object.status;
  if (type.newStatus !== undefined) object.status = type.newStatus;
  type.defaults?.(object);
  admit(cluster, type, object, options.user ?? SYSTEM);
  if (options.manager !== undefined) trackUpdate(type, undefined, object, options.manager);
  const problems = [
    ...validateMetadata(type.plural, object, undefined),
    ...(type.validate?.(object, undefined) ?? []),
  ];
  if (problems.length > 0) throw invalid(type, metadata.name, problems);
  review(cluster, type, object, undefined, options.warn ?? NOBODY_WARNED);
  if (store.get(type.storage, namespace, metadata.name) !== undefined)
    throw alreadyExists(type, metadata.name);
  if (options.dryRun !== true) {
    const stored = store.put(type.storage, object);
    chargeQuotas(cluster, type, namespace);
    return stored;
  }
  const { resourceVersion: _none, ...shown } = object.metadata;
  return { ...object, metadata: shown as KubeObject['metadata'] };
}

function checkNamespace(cluster: ClusterContext, type: ResourceType, namespace: string, name: string): void {
  const found = cluster.store.get('namespaces', undefined, namespace);
  const namespaces = { group: '', plural: 'namespaces', kind: 'Namespace' };
  if (found === undefined) throw notFound(namespaces, namespace);
  if (found.metadata.deletionTimestamp === undefined) return;
  throw forbidden(
    type,
    name,
    `unable to create new content in namespace ${namespace} because it is being terminated`,
    [
      {
        reason: 'NamespaceTerminating',
        message: `namespace ${namespace} is being terminated`,
        field: 'metadata.namespace',
      },
    ],
  );
}

/**
 * Puts a changed object in the place of the one that is there. With a subresource only what it covers is taken over.
 * A change of nothing writes nothing; the last finalizer's removal from one being deleted takes it out.
 * @throws ApiError Conflict, Invalid
 */
export function replaceObject(
  cluster: ClusterContext,
  type: ResourceType,
  old: KubeObject,
  given: KubeObject,
  options: WriteOptions & { subresource?: string | undefined } = {},
): KubeObject {
  const { store } = cluster;
  const { name } = old.metadata;
  const asked = given.metadata;
  if (asked.resourceVersion && asked.resourceVersion !== old.metadata.resourceVersion)
    throw conflict(type, name, MODIFIED);
  if (asked.uid && asked.uid !== old.metadata.uid) {
    const why = `Precondition failed: UID in precondition: ${asked.uid}, UID in object meta: ${old.metadata.uid}`;
    throw conflict(type, name, why);
  }
  const object = withPart(type, old, structuredClone(given), options.subresource);
  object.metadata = keptMetadata(old, object);
  if (options.subresource === undefined) {
    type.defaults?.(object);
    if (type.storage === 'services') admitService(cluster, type, object, old);
  }
  if (options.manager !== undefined) trackUpdate(type, old, object, options.manager, options.subresource);
  if (type.hasGeneration && !isSame(specOf(old), specOf(object)))
    object.metadata.generation = (old.metadata.generation ?? 1) + 1;
  const problems = [...validateMetadata(type.plural, object, old), ...(type.validate?.(object, old) ?? [])];
  if (problems.length > 0) throw invalid(type, name, problems);
  if (options.subresource === undefined) review(cluster, type, object, old, options.warn ?? NOBODY_WARNED);
  if (isSame(withoutRevision(old), withoutRevision(object))) return old;
  if (options.dryRun === true) return object;
  const isGone =
    object.metadata.deletionTimestamp !== undefined &&
    (object.metadata.deletionGracePeriodSeconds ?? 0) === 0 &&
    isFinalized(object);
  const stored = store.put(type.storage, object);
  return isGone ? store.remove(type.storage, stored) : stored;
}

/** True when nothing holds an object back that is being deleted. */
function isFinalized(object: KubeObject): boolean {
  const own = at(object.spec, 'finalizers');
  return (object.metadata.finalizers ?? []).length === 0 && (!Array.isArray(own) || own.length === 0);
}

/** What counts for the generation: everything but metadata and status. */
function specOf({ metadata: _metadata, status: _status, ...rest }: KubeObject): Fields {
  return rest;
}

function withoutRevision(object: KubeObject): Fields {
  return { ...object, metadata: { ...object.metadata, resourceVersion: '' } };
}

function withPart(
  type: ResourceType,
  old: KubeObject,
  given: KubeObject,
  subresource: string | undefined,
): KubeObject {
  const { metadata, status } = given;
  switch (subresource) {
    case 'status':
      return { ...old, metadata, ...(status === undefined ? {} : { status }) };
    case 'approval':
      return {
        ...old,
        metadata,
        status: { ...old.status, conditions: fieldsOf(status)['conditions'] ?? at(old.status, 'conditions') },
      };
    case 'finalize':
      return { ...old, spec: { ...old.spec, finalizers: at(given.spec, 'finalizers') ?? [] } };
    default: {
      if (!('status' in type.subresources)) return given;
      const { status: _status, ...rest } = given;
      const object: KubeObject = { ...rest, metadata };
      if (old.status !== undefined) object.status = old.status;
      if (type.storage === 'namespaces')
        object.spec = { ...object.spec, finalizers: at(old.spec, 'finalizers') };
      return object;
    }
  }
}

/** Metadata that only the server sets stays as it is. */
function keptMetadata(old: KubeObject, object: KubeObject): KubeObject['metadata'] {
  const {
    name,
    namespace,
    uid,
    creationTimestamp,
    generation,
    deletionTimestamp,
    deletionGracePeriodSeconds,
    generateName,
  } = old.metadata;
  const {
    generation: _g,
    deletionTimestamp: _d,
    deletionGracePeriodSeconds: _s,
    namespace: _n,
    ...asked
  } = object.metadata;
  return {
    ...asked,
    name,
    uid,
    creationTimestamp,
    resourceVersion: old.metadata.resourceVersion,
    ...(namespace === undefined ? {} : { namespace }),
    ...(generateName === undefined ? {} : { generateName }),
    ...(generation === undefined ? {} : { generation }),
    ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
    ...(deletionGracePeriodSeconds === undefined ? {} : { deletionGracePeriodSeconds }),
  };
}

/** Finalizers by which the collector of garbage knows what to do with what an object owns. */
export const FOREGROUND = 'foregroundDeletion';
export const ORPHAN = 'orphan';

/**
 * Deletes an object, or marks it when it needs time: finalizers, a pod's grace, a namespace's content.
 * @throws ApiError Conflict when a precondition fails
 */
export function deleteObject(
  cluster: ClusterContext,
  type: ResourceType,
  old: KubeObject,
  options: DeleteOptions = {},
): { object: KubeObject; isGone: boolean } {
  const { store } = cluster;
  checkPreconditions(type, old, options.preconditions);
  const finalizers = deletionFinalizers(old, options.propagationPolicy);
  const grace = type.storage === 'pods' ? podGrace(old, options.gracePeriodSeconds) : 0;
  const isMarked = old.metadata.deletionTimestamp !== undefined;
  const waits = finalizers.length > 0 || grace > 0 || type.storage === 'namespaces';
  if (!waits) {
    if (options.dryRun === true) return { object: old, isGone: true };
    return { object: store.remove(type.storage, old), isGone: true };
  }
  if (
    isMarked &&
    isSame(finalizers, old.metadata.finalizers ?? []) &&
    grace >= (old.metadata.deletionGracePeriodSeconds ?? 0)
  )
    return { object: old, isGone: false };
  const object: KubeObject = {
    ...old,
    metadata: {
      ...old.metadata,
      deletionTimestamp: timestamp(Date.now() + grace * 1000),
      deletionGracePeriodSeconds: grace,
      ...(type.hasGeneration && !isMarked ? { generation: (old.metadata.generation ?? 1) + 1 } : {}),
      ...(finalizers.length > 0 ? { finalizers } : {}),
    },
  };
  if (type.storage === 'namespaces') object.status = { ...old.status, phase: 'Terminating' };
  if (options.dryRun === true) return { object, isGone: false };
  return { object: store.put(type.storage, object), isGone: false };
}

function checkPreconditions(
  type: ResourceType,
  old: KubeObject,
  wanted: DeleteOptions['preconditions'],
): void {
  const { name, uid, resourceVersion } = old.metadata;
  // The storage names the kind here.
  const about = { ...type, plural: type.kind };
  if (wanted?.uid !== undefined && wanted.uid !== uid) {
    const why = `the UID in the precondition (${wanted.uid}) does not match the UID in record (${uid}). The object might have been deleted and then recreated`;
    throw conflict(about, name, why);
  }
  if (wanted?.resourceVersion !== undefined && wanted.resourceVersion !== resourceVersion) {
    const why = `the ResourceVersion in the precondition (${wanted.resourceVersion}) does not match the ResourceVersion in record (${resourceVersion}). The object might have been modified`;
    throw conflict(about, name, why);
  }
}

function deletionFinalizers(old: KubeObject, policy: string | undefined): string[] {
  const finalizers = old.metadata.finalizers ?? [];
  if (policy === undefined) return finalizers;
  const others = finalizers.filter((one) => one !== FOREGROUND && one !== ORPHAN);
  if (policy === 'Foreground') return [...others, FOREGROUND];
  return policy === 'Orphan' ? [...others, ORPHAN] : others;
}

/** Seconds a pod gets; none when it has not been given to a node, or has ended. */
function podGrace(pod: KubeObject, asked: number | undefined): number {
  const phase = at(pod.status, 'phase');
  if (!at(pod.spec, 'nodeName') || phase === 'Succeeded' || phase === 'Failed') return 0;
  return asked ?? Number(at(pod.spec, 'terminationGracePeriodSeconds') ?? 30);
}
