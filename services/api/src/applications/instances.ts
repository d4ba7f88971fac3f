import { CetusError } from '@cetus/shared/errors';
import type { Instance, InstanceAnswer, ProblemView, StoredApplication } from '@cetus/shared/schemas';
import type { ApiDeps } from '../deps.ts';
import { ask } from './ask.ts';

/** What is read of an application to ask its clusters. */
export const TARGET_FIELDS = ['name', 'project_id', 'status.placements'];

/** Which clusters of an application a request is about, and what they are called. */
export interface Target {
  application: StoredApplication;
  /** The one that the request names; undefined: all. */
  clusterId: string | undefined;
  names: ReadonlyMap<string, string>;
}

/**
 * The clusters of an application that a request is about.
 * @param ref a cluster by id or name; undefined: all
 * @throws CetusError `cluster_not_found` when the application is not in that cluster
 */
export function targetOf(application: StoredApplication, ref: string | undefined): Target {
  const { placements } = application.status;
  const names = new Map(placements.map((one) => [one.cluster_id, one.cluster_name]));
  if (ref === undefined) return { application, clusterId: undefined, names };
  const found =
    placements.find(({ cluster_id }) => cluster_id === ref.toLowerCase()) ??
    placements.find(({ cluster_name }) => cluster_name === ref);
  if (found === undefined) {
    throw new CetusError('cluster_not_found', `${application.name} is not in a cluster ${ref}`, {
      field: 'cluster',
    });
  }
  return { application, clusterId: found.cluster_id, names };
}

/** What a question to the clusters of a target carries. */
export function paramsOf({ application, clusterId }: Target): { id: string; cluster_id?: string } {
  return { id: application._id, ...(clusterId === undefined ? {} : { cluster_id: clusterId }) };
}

/**
 * The cluster of an instance. Pods in two clusters may have one name.
 * @throws CetusError `not_found`, `ambiguous_name`; `back_end_unavailable` when the cluster that may have it could not be asked
 */
export async function instanceNamed(
  deps: Pick<ApiDeps, 'bus'>,
  target: Target,
  name: string,
): Promise<Instance> {
  const { instances, problems } = await ask(deps, 'instances', paramsOf(target));
  const found = instances.filter((one) => one.name === name);
  const [first] = found;
  if (found.length > 1) {
    throw new CetusError(
      'ambiguous_name',
      `Instances in several clusters are named ${name}; name the cluster`,
      {
        field: 'cluster',
      },
    );
  }
  if (first !== undefined) return first;
  const [problem] = problems;
  if (problem === undefined) throw new CetusError('not_found', `There is no instance ${name}`);
  const cluster = target.names.get(problem.cluster_id) ?? problem.cluster_id;
  throw new CetusError(
    'back_end_unavailable',
    `The cluster ${cluster} could not be asked: ${problem.message}`,
  );
}

/**
 * The one cluster that a request about an instance goes to: without a question when there is only one.
 * @throws CetusError as {@link instanceNamed}
 */
export async function clusterOfInstance(
  deps: Pick<ApiDeps, 'bus'>,
  target: Target,
  name: string,
): Promise<string> {
  if (target.clusterId !== undefined) return target.clusterId;
  const [only, ...others] = target.names.keys();
  if (only !== undefined && others.length === 0) return only;
  return (await instanceNamed(deps, target, name)).cluster_id;
}

/** One page of instances, by name; they are found by asking, and sorted here. A page begins after its marker, whether that is still there or not. */
export function pageOfInstances(
  instances: readonly Instance[],
  { limit, marker = '' }: { limit: number; marker?: string },
): { items: Instance[]; nextMarker: string | null } {
  const sorted = instances
    .map((instance) => ({ instance, key: keyOf(instance) }))
    .filter(({ key }) => key > marker)
    .sort((a, b) => (a.key < b.key ? -1 : 1));
  const items = sorted.slice(0, limit);
  return {
    items: items.map(({ instance }) => instance),
    nextMarker: sorted.length > limit ? (items.at(-1)?.key ?? null) : null,
  };
}

/** The clusters that could not be asked. */
export function problemViews({ names }: Target, problems: InstanceAnswer['problems']): ProblemView[] {
  return problems.map(({ cluster_id, code, message }) => ({
    cluster_id,
    cluster_name: names.get(cluster_id) ?? null,
    code,
    message,
  }));
}

function keyOf({ name, cluster_id }: Instance): string {
  return `${name}/${cluster_id}`;
}
