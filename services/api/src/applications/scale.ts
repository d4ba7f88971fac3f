import { CetusError } from '@cetus/shared/errors';
import {
  applicationSpecOf,
  type ApplicationSpec,
  type StoredApplication,
  type StoredCluster,
} from '@cetus/shared/schemas';
import { scopeOf, type ScopedStore } from '@cetus/shared/store';
import { clusterNamed } from './placements.ts';

/** What has instances by a number that is asked for. */
const SCALABLE: ReadonlySet<ApplicationSpec['kind']> = new Set(['stateless', 'stateful']);

/**
 * Another number of instances: in one cluster, or wherever its placement says nothing else.
 * @param clusterId null: of the application
 * @throws CetusError `conflict` where the number is not asked for but found, `invalid_field`
 */
export function scaled(
  application: StoredApplication,
  replicas: number,
  clusterId: string | null,
): ApplicationSpec {
  const spec = applicationSpecOf(application);
  if (!SCALABLE.has(spec.kind)) {
    throw new CetusError(
      'conflict',
      `An application of the kind ${spec.kind} has no number of instances to be set`,
    );
  }
  if (clusterId === null) {
    refuseAutoscaled(spec.autoscaling);
    return { ...spec, replicas };
  }
  const at = spec.placements.findIndex(({ cluster_id }) => cluster_id === clusterId);
  const placement = spec.placements[at];
  if (placement === undefined) {
    const how = 'it is chosen by its labels, or not at all; name it in a placement of its own';
    throw new CetusError('invalid_field', `cluster is in no placement by itself: ${how}`, {
      field: 'cluster',
    });
  }
  refuseAutoscaled(placement.overrides.autoscaling ?? spec.autoscaling);
  const overrides = { ...placement.overrides, replicas };
  return { ...spec, placements: spec.placements.with(at, { ...placement, overrides }) };
}

/**
 * The id of a cluster that a request names as one that an application is in.
 * @throws CetusError `cluster_not_found`, `ambiguous_reference`
 */
export async function clusterIdNamed(
  clusters: ScopedStore<StoredCluster>,
  { project_id, status }: Pick<StoredApplication, 'project_id' | 'status'>,
  ref: string,
): Promise<string> {
  const known = status.placements.find(({ cluster_id }) => cluster_id === ref.toLowerCase());
  if (known !== undefined) return known.cluster_id;
  return (await clusterNamed(clusters, scopeOf({ projectId: project_id }), ref, 'cluster'))._id;
}

function refuseAutoscaled(autoscaling: ApplicationSpec['autoscaling']): void {
  if (autoscaling === undefined) return;
  throw new CetusError(
    'conflict',
    'The number of instances follows their load; change `autoscaling`, or take it away',
    { field: 'replicas' },
  );
}
