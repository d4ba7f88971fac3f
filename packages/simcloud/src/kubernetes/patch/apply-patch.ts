import { parseJson, parseYaml } from '../api/api-request.ts';
import { present, readObject, TypeMismatch } from '../api/codec.ts';
import { ApiError, badRequest, conflict, invalid, notFound } from '../api/status-error.ts';
import { isFields, type Fields, type KubeObject } from '../objects.ts';
import { unknownField } from '../types/known-fields.ts';
import type { ResourceType } from '../types/resource-type.ts';
import { IMMUTABLE, wrong } from '../types/validation/rules.ts';
import { applyJsonPatch } from './json-patch.ts';
import { applyMergePatch } from './merge-patch.ts';
import { serverSideApply } from './server-side-apply.ts';
import { applyStrategicMerge } from './strategic-merge.ts';

export interface PatchRequest {
  type: ResourceType;
  old: KubeObject | undefined;
  name: string;
  namespace: string | undefined;
  subresource: string | undefined;
  /** The kind of patch, by its media type. */
  media: string;
  body: Buffer;
  /** The manager that the request names; an application needs one. */
  applier: string | undefined;
  isForced: boolean;
}

type Patcher = (document: unknown, patch: unknown, kind: string) => unknown;

const PATCHERS: Readonly<Record<string, Patcher>> = {
  'application/json-patch+json': applyJsonPatch,
  'application/merge-patch+json': applyMergePatch,
  'application/strategic-merge-patch+json': applyStrategicMerge,
};
const APPLY = new Set(['application/apply-patch+yaml', 'application/apply-patch+cbor']);

/** True for the media type of server-side apply. */
export function isApplication(media: string): boolean {
  return APPLY.has(media);
}

/** @throws ApiError 400 when an object is not the one that the path names */
export function checkName({ metadata }: KubeObject, name: string): void {
  if (metadata.name !== '' && metadata.name !== name)
    throw badRequest(
      `the name of the object (${metadata.name}) does not match the name on the URL (${name})`,
    );
}

/** The object that a patch makes, not yet checked or written. Only an application may make one that is not there. @throws ApiError */
export function applyPatch(patch: PatchRequest): KubeObject {
  const result = patched(patch);
  checkUid(patch, result.metadata.uid);
  return result;
}

/** A patch that names a uid is for this one object. */
function checkUid({ type, old, name }: PatchRequest, uid: string): void {
  if (!uid || uid === old?.metadata.uid) return;
  if (old !== undefined) throw invalid(type, name, [wrong('metadata.uid', uid, IMMUTABLE)]);
  const why = `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`;
  throw conflict(type, name, why);
}

function patched(patch: PatchRequest): KubeObject {
  const { type, old, name, media, body } = patch;
  if (isApplication(media)) return apply(patch);
  const patcher = PATCHERS[media];
  if (patcher === undefined) {
    const accepted = [...Object.keys(PATCHERS), 'application/apply-patch+yaml'].join(', ');
    const message = `the body of the request was in an unknown format - accepted media types include: ${accepted}`;
    throw new ApiError(415, 'UnsupportedMediaType', message, {});
  }
  if (old === undefined) throw notFound(type, name);
  const shown = present(type, old);
  const result = patcher(shown, parseJson(body), type.kind);
  const object = readObject(type, result, old.metadata.namespace);
  checkName(object, name);
  // A resource version counts only when the patch names one.
  if (object.metadata.resourceVersion === old.metadata.resourceVersion) object.metadata.resourceVersion = '';
  return object;
}

function apply({
  type,
  old,
  name,
  namespace,
  subresource,
  body,
  applier,
  isForced,
}: PatchRequest): KubeObject {
  if (applier === undefined) {
    const options = { group: 'meta.k8s.io', plural: 'patchoptions', kind: 'PatchOptions' };
    throw invalid(options, '', [
      { field: 'fieldManager', type: 'Required', detail: 'is required for apply patch' },
    ]);
  }
  const document = parseYaml(body);
  if (!isFields(document) || document['kind'] === undefined || document['apiVersion'] === undefined)
    throw badRequest(
      `error decoding patch: Object 'Kind' or 'apiVersion' is missing in '${body.toString('utf8').slice(0, 200)}'`,
    );
  const wanted = readApplied(type, document, namespace);
  if (wanted.metadata.name === '') wanted.metadata.name = name;
  checkName(wanted, name);
  wanted.metadata.resourceVersion ??= '';
  return serverSideApply({ type, old, wanted, manager: applier, isForced, subresource });
}

/** What does not fit the kind's schema is, for an apply, an error of the server without a reason. */
function readApplied(type: ResourceType, document: Fields, namespace: string | undefined): KubeObject {
  const unfit = (why: string): ApiError =>
    new ApiError(500, '', `failed to create typed patch object (${String(namespace)}/${type.kind}): ${why}`);
  const unknown = unknownField(type.kind, document);
  if (unknown !== undefined) throw unfit(`${unknown}: field not declared in schema`);
  try {
    return readObject(type, document, namespace);
  } catch (error) {
    throw error instanceof TypeMismatch ? unfit(error.message) : error;
  }
}
