import { CetusError } from '@cetus/shared/errors';
import type { Scope } from '@cetus/shared/store';
import type { ApiDeps } from '../deps.ts';

/** Applications that a refusal names. */
const NAMED = 3;

/**
 * Refuses to forget a cluster that others made while applications are in it: the cluster goes on without Cetus, and so would they. What is
 * in any other cluster goes with it.
 * @throws CetusError `in_use`, `not_found`, `ambiguous_name`
 */
export async function refuseWithApplications(
  { clusters, applications }: Pick<ApiDeps, 'clusters' | 'applications'>,
  scope: Scope,
  ref: string,
): Promise<void> {
  const { _id, project_id, spec } = await clusters.get(scope, ref, ['project_id', 'spec.imported.server']);
  if (spec.imported == null) return;
  const { items } = await applications.list(
    { kind: 'project', projectId: project_id },
    { limit: NAMED, sortKey: 'uuid', sortDir: 'asc' },
    ['name'],
    { 'status.placements.cluster_id': _id },
  );
  if (items.length === 0) return;
  throw new CetusError(
    'in_use',
    `Applications are in the cluster, such as ${items.map(({ name }) => name).join(', ')}; delete them before, or force it and leave them there`,
  );
}
