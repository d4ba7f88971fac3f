import { CetusError } from '@cetus/shared/errors';
import {
  defaultWorkerOf,
  withNodeGroup,
  type ClusterResize,
  type StoredCluster,
} from '@cetus/shared/schemas';
import type { Drivers } from '../drivers/drivers.ts';
import { checkTotal, nodeGroupNamed, partOf, resized } from '../node-groups/node-groups.ts';
import { currentSpec, type ClusterPlan } from './accept.ts';

/**
 * Another number of nodes of a group: of the default workers when none is named.
 * @throws CetusError `unsupported`, `node_group_not_found`, `invalid_field`
 */
export function planOfResize(
  drivers: Drivers,
  cluster: StoredCluster,
  { node_count, nodes_to_remove, nodegroup }: ClusterResize,
): ClusterPlan {
  const spec = currentSpec(cluster);
  drivers.require(spec.driver, 'resize', 'node_count');
  if (nodes_to_remove !== undefined && nodes_to_remove.length > 0)
    drivers.require(spec.driver, 'nodes-to-remove', 'nodes_to_remove');
  const group = nodegroup == null ? defaultWorkerOf(spec) : nodeGroupNamed(cluster, nodegroup);
  if (group === undefined) throw new CetusError('unsupported', 'The cluster has no default workers');
  const next = resized(group, node_count, nodes_to_remove);
  return {
    spec: checkTotal(withNodeGroup(spec, group.uuid, () => next)),
    parts: [partOf(group, 'update')],
  };
}
