import type { KubernetesObject } from '@cetus/kubernetes/objects';
import type {
  ApplicationSpec,
  AppliedObject,
  PlacementStatus,
  SecretValues,
  StoredApplication,
} from '@cetus/shared/schemas';
import type { ClusterApi } from '../cluster-connections.ts';
import { manifestsOf, readClusterApis } from '../manifests/index.ts';
import { ensureNamespace } from '../namespace/application-namespace.ts';
import { requireHostsFree } from '../namespace/ingress-hosts.ts';
import type { NamespacePolicy } from '../namespace/policy.ts';
import { applyManifests, isWorkload } from './apply-manifests.ts';
import { prune } from './prune.ts';
import { startRuns } from './runs.ts';

export interface PlaceInput {
  application: Pick<StoredApplication, '_id' | 'name' | 'project_id' | 'user_id' | 'generation'>;
  /** With what is different in this cluster. */
  spec: ApplicationSpec;
  values: SecretValues | null;
  placement: PlacementStatus;
  policy: NamespacePolicy;
}

/** What is noted of a placement when everything was applied. */
export type Placed = Pick<
  PlacementStatus,
  'applied_generation' | 'objects' | 'kinds' | 'workload_generation' | 'runs'
>;

/**
 * Brings an application into a cluster: its namespace, then its objects, then takes away what it has no more. Doing it again changes
 * nothing.
 * @returns of what comes there for the first time the kinds alone, when they have to be noted before
 * @throws CetusError, KubernetesError, KubernetesUnreachableError: see {@link ensureNamespace}, {@link requireHostsFree},
 *   {@link applyManifests}
 */
export async function place(
  api: ClusterApi,
  { application, spec, values, placement, policy }: PlaceInput,
  signal: AbortSignal,
): Promise<Placed | Pick<PlacementStatus, 'kinds'>> {
  const { namespace } = placement;
  const owner = { namespace, projectId: application.project_id, userId: application.user_id };
  const isFirst = placement.applied_generation === null;
  const latest = isFirst ? `${application._id}/${String(application.generation)}` : undefined;
  await ensureNamespace(api.connection, owner, policy, { latest, signal });
  const apis = await readClusterApis(api.apis, { signal });
  const input = { application, spec, namespace, values, apis };
  const manifests = manifestsOf(input);
  const kinds = [...new Set(manifests.map(({ kind }) => kind))];
  const before = placement.kinds ?? null;
  if (before !== null && kinds.some((kind) => !before.includes(kind)))
    return { kinds: [...new Set([...before, ...kinds])] };
  await requireHostsFree(api.connection, manifests, signal);
  const applied = await applyManifests(api, manifests, {
    applicationId: application._id,
    known: placement.objects,
    autoscaling: spec.autoscaling,
    apis,
    signal,
  });
  await requireHostsFree(api.connection, manifests, signal);
  // The first time there is nothing but what was just applied, unless an attempt before had another specification.
  const where = { namespace, kinds: before, applicationId: application._id };
  const surplus = isFirst && application.generation === 1 ? [] : await prune(api, where, manifests, signal);
  const workload = applied.find(({ manifest }) => isWorkload(manifest.kind))?.object;
  const runs = await startRuns(api, { input, begun: placement.runs, workload }, signal);
  return {
    applied_generation: application.generation,
    objects: applied.map(({ manifest, object }) => appliedObject(manifest.apiVersion, manifest.kind, object)),
    kinds: [...new Set([...kinds, ...surplus.map(({ kind }) => kind)])],
    workload_generation: workload?.metadata.generation ?? null,
    runs,
  };
}

function appliedObject(api_version: string, kind: string, { metadata }: KubernetesObject): AppliedObject {
  return { api_version, kind, name: metadata.name, uid: metadata.uid };
}
