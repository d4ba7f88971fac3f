import { qosOf } from '@cetus/shared/applications';
import {
  applicationSpecOf,
  failureOf,
  stateOf,
  stateReasonOf,
  type ApplicationBrief,
  type ApplicationClusterView,
  type ApplicationFormView,
  type ApplicationSpec,
  type ApplicationView,
  type EndpointView,
  type StoredApplication,
  type StoredCluster,
} from '@cetus/shared/schemas';
import type { Scope, ScopedStore } from '@cetus/shared/store';
import type { LinkBuilder } from '../http/index.ts';
import { magnumTime, magnumUpdated } from '../time.ts';
import { endpointsOf } from './endpoints.ts';
import { formOf } from './form.ts';
import { clusterIdsOf, overall, placementsSeen, type PlacementSeen } from './placements-seen.ts';

/** What is shown of the clusters that applications are in. */
export type ClusterFacts = ReadonlyMap<string, StoredCluster>;

const CLUSTER_FIELDS = ['name', 'status.node_addresses', 'health.conditions', 'health.last_contact'];

/** What is known of the clusters that some applications are in, and of those that some specifications name, in one query. */
export async function clustersOf(
  clusters: ScopedStore<StoredCluster>,
  scope: Scope,
  applications: readonly StoredApplication[],
  specs: readonly ApplicationSpec[] = [],
): Promise<ClusterFacts> {
  const named = specs.flatMap(({ placements }) => placements.flatMap(({ cluster_id }) => cluster_id ?? []));
  const ids = new Set([...applications.flatMap(clusterIdsOf), ...named]);
  return clusters.getMany(scope, [...ids], CLUSTER_FIELDS);
}

/** The applications of an answer. Only what is named here ever leaves. */
export class ApplicationPresenter {
  private readonly links: LinkBuilder;
  private readonly base: string;

  /** @param base see {@link LinkBuilder.base} */
  constructor(links: LinkBuilder, base: string) {
    this.links = links;
    this.base = base;
  }

  brief(application: StoredApplication): ApplicationBrief {
    const { phase, instances } = overall(placementsSeen(application));
    return {
      uuid: application._id,
      name: application.name,
      kind: application.spec.kind,
      status: stateOf(application),
      phase,
      instances,
      cluster_ids: clusterIdsOf(application),
      links: this.links.object(this.base, 'applications', application._id),
    };
  }

  /** @param revision the number of the revision that counts now; null when that one is not kept */
  full(application: StoredApplication, clusters: ClusterFacts, revision: number | null): ApplicationView {
    const spec = applicationSpecOf(application);
    const seen = placementsSeen(application);
    const inClusters = seen.map((one) => clusterView(application, spec, one, clusters.get(one.cluster_id)));
    return {
      ...this.brief(application),
      status_reason: stateReasonOf(application),
      cause: overall(seen).cause,
      failure: failureOf(application),
      conditions: [...application.status.conditions, ...(application.health_conditions ?? [])],
      ...formShown(spec, namesOf(application, clusters)),
      clusters: inClusters,
      endpoints: inClusters.flatMap(({ endpoints }) => endpoints),
      qos: qosOf(spec),
      revision,
      stopped: spec.stopped,
      paused: spec.paused,
      restarted_at: spec.restarted_at,
      runs: spec.runs,
      operation_id: application.operation?.uuid ?? null,
      project_id: application.project_id,
      user_id: application.user_id,
      created_at: magnumTime(application.created_at),
      updated_at: magnumUpdated(application),
    };
  }
}

/** Where an application can be reached, in all its clusters. */
export function endpointViews(application: StoredApplication, clusters: ClusterFacts): EndpointView[] {
  const spec = applicationSpecOf(application);
  return placementsSeen(application).flatMap(
    (one) => clusterView(application, spec, one, clusters.get(one.cluster_id)).endpoints,
  );
}

/** The names of the clusters of an application, by id, as far as they are known. */
export function namesOf(application: StoredApplication, clusters: ClusterFacts): ReadonlyMap<string, string> {
  const before = application.status.placements.map((one) => [one.cluster_id, one.cluster_name] as const);
  return new Map([...before, ...[...clusters].map(([id, { name }]) => [id, name] as const)]);
}

/** A form as it is read. */
export function formShown(
  spec: ApplicationSpec,
  names: ReadonlyMap<string, string>,
): ApplicationFormView & Pick<ApplicationSpec, 'kind'> {
  const { placements, secrets: _secrets, image_pull_secret, ...form } = formOf(spec);
  return {
    ...form,
    placements: placements.map(({ cluster, ...more }) =>
      cluster === undefined ? more : { cluster, cluster_name: names.get(cluster) ?? null, ...more },
    ),
    secrets: spec.secrets,
    ...(image_pull_secret === undefined ? {} : { image_pull_secret }),
  };
}

function clusterView(
  { name }: StoredApplication,
  spec: ApplicationSpec,
  seen: PlacementSeen,
  cluster: StoredCluster | undefined,
): ApplicationClusterView {
  const { cluster_id, namespace, state, progress, failure, phase, observed, drift } = seen;
  const cluster_name = cluster?.name ?? seen.cluster_name;
  const health = cluster?.health;
  const endpoints = endpointsOf({
    name,
    spec,
    placement: seen,
    service: observed?.service ?? null,
    nodeAddresses: cluster?.status.node_addresses ?? [],
  });
  return {
    cluster_id,
    cluster_name,
    namespace,
    state,
    progress,
    failure,
    phase,
    since: observed?.since.toISOString() ?? null,
    instances: observed?.replicas ?? null,
    cause: observed?.cause ?? null,
    autoscaler: observed?.autoscaler ?? null,
    endpoints: endpoints.map((one) => ({ cluster_id, cluster_name, ...one })),
    drift,
    reachable: reachable(health),
    last_contact: health?.last_contact?.toISOString() ?? null,
  };
}

/** Whether a cluster answers; null when it is not known. */
export function reachable(health: StoredCluster['health'] | undefined): boolean | null {
  const status = health?.conditions.find(({ type }) => type === 'Reachable')?.status;
  return status === undefined || status === 'Unknown' ? null : status === 'True';
}
