import { applyObject, isChanged, readObject, referenceOf, type Manifest } from '@cetus/kubernetes/apply';
import { KubernetesError, toCetusError } from '@cetus/kubernetes/errors';
import type { KubernetesObject } from '@cetus/kubernetes/objects';
import { CetusError } from '@cetus/shared/errors';
import { APPLICATION_LABEL, type ApplicationSpec, type AppliedObject } from '@cetus/shared/schemas';
import type { ClusterApi } from '../cluster-connections.ts';
import {
  immutableChanges,
  replicasHandover,
  SCALE_MANAGER,
  transition,
  WORKLOAD_KINDS,
  type ClusterApis,
} from '../manifests/index.ts';

export interface ApplyManifestsOptions {
  applicationId: string;
  /** What was applied before: of these it is known that they are the application's. */
  known: readonly AppliedObject[];
  autoscaling: ApplicationSpec['autoscaling'];
  apis: ClusterApis;
  signal: AbortSignal;
}

/** What was applied. */
export interface AppliedManifest {
  manifest: Manifest;
  object: KubernetesObject;
}

/**
 * Applies manifests, in their order. What others manage of the same fields is taken over; objects of the same name that are not the
 * application's are not touched.
 * @throws CetusError `object_not_owned`, `admission_refused`, `conflict` for what cannot be changed; `back_end_unavailable` when the cluster
 *   cannot now; KubernetesUnreachableError
 */
export async function applyManifests(
  { connection }: ClusterApi,
  manifests: readonly Manifest[],
  { applicationId, known, autoscaling, apis, signal }: ApplyManifestsOptions,
): Promise<AppliedManifest[]> {
  const applied: AppliedManifest[] = [];
  for (const manifest of manifests) {
    const mine = known.some(({ kind, name }) => kind === manifest.kind && name === manifest.metadata.name);
    const live =
      mine && !mustBeSeen(manifest)
        ? undefined
        : await readObject(connection, referenceOf(manifest), { signal });
    if (live !== undefined) requireOwned(live, manifest, applicationId);
    if (live?.metadata.deletionTimestamp !== undefined) throw ending(manifest);
    if (live !== undefined) requireChangeable(live, manifest);
    try {
      const handover = replicasHandover(live, manifest, autoscaling);
      if (handover !== undefined)
        await applyObject(connection, handover, { fieldManager: SCALE_MANAGER, force: true, signal });
      const between = transition(live, manifest, apis);
      if (between !== undefined) await applyObject(connection, between, { force: true, signal });
      const { object, ending: isEnding } = await applyObject(connection, manifest, { force: true, signal });
      if (isEnding) throw ending(manifest);
      applied.push({ manifest, object });
    } catch (error) {
      throw refusalOf(error, manifest);
    }
  }
  return applied;
}

/** Of these kinds it matters how they are: for fields that cannot be changed, and for who says how many instances there are. */
function mustBeSeen({ kind }: Manifest): boolean {
  return isWorkload(kind) || kind === 'PersistentVolumeClaim' || kind === 'Secret';
}

/** Whether it is what runs an application. */
export function isWorkload(kind: string): boolean {
  return Object.values<string>(WORKLOAD_KINDS).includes(kind);
}

/** @throws CetusError `object_not_owned` */
export function requireOwned(
  live: KubernetesObject,
  { kind, metadata }: Manifest,
  applicationId: string,
): void {
  if (live.metadata.labels?.[APPLICATION_LABEL] === applicationId) return;
  throw new CetusError(
    'object_not_owned',
    `The namespace ${metadata.namespace ?? ''} has a ${kind} ${metadata.name} that is not the application’s; remove it, or name the application otherwise`,
    { resource: { type: kind, name: metadata.name, id: live.metadata.uid } },
  );
}

function requireChangeable(live: KubernetesObject, manifest: Manifest): void {
  const [change] = immutableChanges(live, manifest);
  if (change === undefined) return;
  const { kind, metadata } = manifest;
  throw new CetusError(
    'conflict',
    `The ${kind} ${metadata.name} cannot be changed so: ${change.detail}. Make another application, or go back`,
    { resource: { type: kind, name: metadata.name, id: live.metadata.uid } },
  );
}

function ending({ kind, metadata }: Manifest): CetusError {
  return new CetusError('back_end_unavailable', `The ${kind} ${metadata.name} is ending; it is made anew`, {
    retryAfterMs: 1_000,
  });
}

/** What a refused apply means: what is wrong with the object stays so, and what is wrong with the moment does not. */
export function refusalOf(error: unknown, { kind, metadata }: Manifest): unknown {
  if (!(error instanceof KubernetesError)) return error;
  const { status, message } = error;
  const later = toCetusError(error);
  if (later instanceof CetusError && later.retryable) return later;
  if (isChanged(error))
    return new CetusError('back_end_unavailable', `The ${kind} ${metadata.name} changes at this moment`, {
      cause: error,
    });
  // The namespace went away between two steps: it is made anew.
  if (status === 404 || isNamespaceEnding(error))
    return new CetusError('back_end_unavailable', `The namespace ${metadata.namespace ?? ''} is going`, {
      cause: error,
    });
  // What a Secret is refused for may have its values in it.
  const why = kind === 'Secret' ? `it answered ${String(status)}` : message;
  return new CetusError('admission_refused', `The cluster refuses the ${kind} ${metadata.name}: ${why}`, {
    cause: error,
    resource: { type: kind, name: metadata.name },
  });
}

function isNamespaceEnding({ status, details }: KubernetesError): boolean {
  return status === 403 && details?.causes?.some(({ reason }) => reason === 'NamespaceTerminating') === true;
}
