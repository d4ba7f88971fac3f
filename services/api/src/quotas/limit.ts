import { CetusError } from '@cetus/shared/errors';
import type { QuotaResource } from '@cetus/shared/schemas';
import { scopeOf } from '@cetus/shared/store';
import type { ApiDeps } from '../deps.ts';

/** A limit that is none. */
const ANY_NUMBER = -1;

/** How many clusters a project may have: its quota, or the default of the installation. */
async function limitOf(
  { quotas, config }: Pick<ApiDeps, 'quotas' | 'config'>,
  projectId: string,
): Promise<number> {
  const resource: QuotaResource = 'Cluster';
  try {
    const quota = await quotas.get(scopeOf({ projectId }), resource);
    return quota.spec.hard_limit;
  } catch (error) {
    if (error instanceof CetusError && error.code === 'not_found') return config.CETUS_QUOTA_CLUSTERS;
    throw error;
  }
}

/**
 * Takes a place in the quota of a project for a cluster that is about to be written.
 * @throws CetusError `quota_exceeded`
 */
export async function takePlace(deps: ApiDeps, projectId: string, cluster: string): Promise<void> {
  const limit = await limitOf(deps, projectId);
  if (limit === ANY_NUMBER) return;
  const used = await deps.ledger.take(projectId, cluster, limit);
  if (used === null) return;
  throw new CetusError(
    'quota_exceeded',
    `The project has ${String(used)} clusters, and may have ${String(limit)}`,
  );
}
