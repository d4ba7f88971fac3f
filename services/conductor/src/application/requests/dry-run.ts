import { applyObject, readObject, type Manifest } from '@cetus/kubernetes/apply';
import { CetusError } from '@cetus/shared/errors';
import { namespaceOf } from '@cetus/shared/applications';
import {
  stateOf,
  type ApplicationSpec,
  type DryRunAnswer,
  type DryRunObject,
  type DryRunPlacement,
  type DryRunRequest,
  type SecretValues,
} from '@cetus/shared/schemas';
import type { SecretBox } from '@cetus/shared/secrets';
import type { PlacementStore } from '@cetus/shared/store';
import { openValues } from '../application-secrets.ts';
import type { ClusterApi } from '../cluster-connections.ts';
import { manifestsOf, readClusterApis, redactManifest, withOverrides } from '../manifests/index.ts';
import { ensureNamespace } from '../namespace/application-namespace.ts';
import { requireHostsFree } from '../namespace/ingress-hosts.ts';
import type { NamespaceOwner } from '../namespace/isolation.ts';
import type { NamespacePolicy } from '../namespace/policy.ts';
import { refusalOf, requireOwned } from '../placement/apply-manifests.ts';
import { inParallel } from '@cetus/kubernetes/in-parallel';
import { troubleIn } from '../placement/trouble-in.ts';
import { wantedPlacements, type WantedPlacement } from '../placement/wanted-placements.ts';
import type { RequestContext } from './request-context.ts';

export interface DryRunContext extends RequestContext {
  places: PlacementStore;
  secrets: SecretBox;
  policy: NamespacePolicy;
}

/** Clusters that one request asks at once. */
const AT_ONCE = 8;
/** Where the first application of a user is tried out, who has no namespace in the cluster yet. Nothing is ever kept in it. */
const TRIAL: NamespaceOwner = { namespace: 'cetus-trial', projectId: 'cetus', userId: 'trial' };

/** What an application would be in each of its clusters, and what their own admission says of that. Nothing of it is kept. */
export async function dryRun(
  context: DryRunContext,
  request: DryRunRequest,
  signal: AbortSignal,
): Promise<DryRunAnswer> {
  const { id, project_id, spec } = request;
  const wanted = await wantedPlacements(context.places, project_id, spec.placements);
  const values = openValues(context.secrets, id, spec.sealed);
  const placements = await inParallel(wanted, AT_ONCE, (placement) =>
    dryRunIn(context, request, placement, values, signal),
  );
  return { placements };
}

async function dryRunIn(
  { connections, policy }: DryRunContext,
  request: DryRunRequest,
  { clusterId, cluster, overrides }: WantedPlacement,
  values: SecretValues | null,
  signal: AbortSignal,
): Promise<DryRunPlacement> {
  const owner = {
    namespace: namespaceOf(request.project_id, request.user_id),
    projectId: request.project_id,
    userId: request.user_id,
  };
  const about = {
    cluster_id: clusterId,
    cluster_name: cluster?.name ?? clusterId,
    namespace: owner.namespace,
  };
  const none = (code: string, message: string): DryRunPlacement => ({
    ...about,
    admitted: false,
    problem: { code, message },
    objects: [],
  });
  if (cluster === undefined) return none('cluster_not_found', 'The cluster does not exist any more');
  if (cluster.status.kubeconfig === null)
    return none('back_end_unavailable', `The cluster ${cluster.name} is ${stateOf(cluster)}`);
  try {
    const objects = await connections.use(cluster, signal, (api) =>
      admission(api, request, withOverrides(request.spec, overrides), values, owner, policy, signal),
    );
    return { ...about, admitted: objects.every(({ refusal }) => refusal === null), problem: null, objects };
  } catch (error) {
    signal.throwIfAborted();
    const { failure, message } = troubleIn(error, cluster);
    return none(failure?.code ?? 'back_end_unavailable', message);
  }
}

async function admission(
  api: ClusterApi,
  { id, project_id, user_id, name, generation }: DryRunRequest,
  spec: ApplicationSpec,
  values: SecretValues | null,
  owner: NamespaceOwner,
  policy: NamespacePolicy,
  signal: AbortSignal,
): Promise<DryRunObject[]> {
  const application = { _id: id, project_id, user_id, name, generation };
  const { namespace } = owner;
  const reference = { apiVersion: 'v1', kind: 'Namespace', name: namespace };
  const isThere = (await readObject(api.connection, reference, { signal })) !== undefined;
  if (!isThere) await ensureNamespace(api.connection, TRIAL, policy, { signal });
  const apis = await readClusterApis(api.apis, { signal });
  const manifests = manifestsOf({ application, spec, namespace, values, apis });
  return inParallel(manifests, AT_ONCE, (manifest) =>
    verdict(api, manifest, { applicationId: id, namespace: isThere ? namespace : TRIAL.namespace }, signal),
  );
}

async function verdict(
  { connection }: ClusterApi,
  manifest: Manifest,
  { applicationId, namespace }: { applicationId: string; namespace: string },
  signal: AbortSignal,
): Promise<DryRunObject> {
  const { apiVersion, kind, metadata } = manifest;
  const shown = {
    api_version: apiVersion,
    kind,
    name: metadata.name,
    manifest: redactManifest(manifest),
  };
  const tried = { ...manifest, metadata: { ...metadata, namespace } };
  try {
    const live = await readObject(
      connection,
      { apiVersion, kind, namespace, name: metadata.name },
      { signal },
    );
    if (live !== undefined) requireOwned(live, tried, applicationId);
    await requireHostsFree(connection, [manifest], signal);
    const { warnings } = await applyObject(connection, tried, { force: true, dryRun: true, signal });
    return { ...shown, refusal: null, warnings };
  } catch (error) {
    const refusal = refusalOf(error, tried);
    if (!(refusal instanceof CetusError) || refusal.retryable) throw refusal;
    const { code, message } = refusal;
    return { ...shown, refusal: { code, message, fields: fieldsOf(refusal.cause) }, warnings: [] };
  }
}

/** The fields that a cluster names in a refusal. */
function fieldsOf(error: unknown): string[] {
  const { details } = (error ?? {}) as { details?: { causes?: { field?: string }[] } };
  return (details?.causes ?? []).flatMap(({ field }) => (field === undefined ? [] : [field]));
}
