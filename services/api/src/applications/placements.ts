import { CetusError } from '@cetus/shared/errors';
import { stateOf, type Placement, type StoredCluster, type StoredPlacement } from '@cetus/shared/schemas';
import type { Scope, ScopedStore } from '@cetus/shared/store';

/** What is read of a cluster that a request names. */
const FIELDS = ['name', 'operation.action', 'operation.state', 'status.state'];

/** Where an application shall run. */
export interface ResolvedPlacements {
  placements: StoredPlacement[];
  /** The names of the clusters that were looked up, by id. */
  names: ReadonlyMap<string, string>;
}

/**
 * The placements of a form, with clusters by id. Clusters that the application has already are not judged again: a change of something
 * else is not refused because one of them is on its way out.
 * @param kept the ids of the clusters that the application has
 * @throws CetusError naming the field: `cluster_not_found`, `ambiguous_reference`, `conflict`, `invalid_field`
 */
export async function resolvePlacements(
  clusters: ScopedStore<StoredCluster>,
  scope: Scope,
  asked: readonly Placement[],
  kept: ReadonlySet<string> = new Set(),
): Promise<ResolvedPlacements> {
  const placements: StoredPlacement[] = [];
  const names = new Map<string, string>();
  const seen = new Set<string>();
  for (const [index, { cluster: ref, selector, overrides = {} }] of asked.entries()) {
    if (ref === undefined) {
      placements.push({ cluster_id: null, selector: selector ?? null, overrides });
      continue;
    }
    const field = `placements/${String(index)}/cluster`;
    const id = kept.has(ref.toLowerCase()) ? ref.toLowerCase() : await lookUp(ref, field);
    if (seen.has(id))
      throw new CetusError('invalid_field', `${field} is a cluster that is named before`, { field });
    seen.add(id);
    placements.push({ cluster_id: id, selector: null, overrides });
  }
  return { placements, names };

  async function lookUp(ref: string, field: string): Promise<string> {
    const cluster = await clusterNamed(clusters, scope, ref, field);
    if (stateOf(cluster).startsWith('DELETE_') && !kept.has(cluster._id)) {
      throw new CetusError('conflict', `The cluster ${ref} is being deleted`, { field });
    }
    names.set(cluster._id, cluster.name);
    return cluster._id;
  }
}

/**
 * A cluster that a request names elsewhere than in its address.
 * @throws CetusError `cluster_not_found`, `ambiguous_reference`
 */
export async function clusterNamed(
  clusters: ScopedStore<StoredCluster>,
  scope: Scope,
  ref: string,
  field: string,
): Promise<StoredCluster> {
  try {
    return await clusters.get(scope, ref, FIELDS);
  } catch (cause) {
    if (!(cause instanceof CetusError) || !['not_found', 'ambiguous_name'].includes(cause.code)) throw cause;
    const code = cause.code === 'not_found' ? 'cluster_not_found' : 'ambiguous_reference';
    throw new CetusError(code, cause.message, { cause, field });
  }
}
