import { CetusError } from '@cetus/shared/errors';
import type { StoredCluster, StoredClusterTemplate } from '@cetus/shared/schemas';
import type { ScopedStore } from '@cetus/shared/store';

/**
 * Clusters that refer to a template: as theirs or as that of one of their node groups, in what they are asked to be or in what a rollback
 * goes back to. None of them reads it, as its values were copied when they were accepted; but readers are shown its uuid, and an upgrade of
 * one node group names the template of the cluster.
 */
function refersTo(uuid: string) {
  const group = { $elemMatch: { cluster_template_id: uuid, deleted: false } };
  // Said because the indexes are partial.
  const applied = { 'status.applied_spec.cluster_template_id': { $type: 'string' as const } };
  return {
    $or: [
      { 'spec.cluster_template_id': uuid },
      { 'spec.node_groups': group },
      { $and: [applied, { 'status.applied_spec.cluster_template_id': uuid }] },
      { $and: [applied, { 'status.applied_spec.node_groups': group }] },
    ],
  };
}

/**
 * Refuses what may not be done to a template that is in use. A cluster that is accepted between this and the write that follows refers to
 * a template that is gone or changed then: it lacks nothing, as it has the values of the one that it was accepted with.
 * @throws CetusError `in_use`
 */
export async function refuseInUse(
  clusters: ScopedStore<StoredCluster>,
  template: StoredClusterTemplate,
): Promise<void> {
  // Of all projects: a public template is used by others too.
  if (!(await clusters.exists({ kind: 'all' }, refersTo(template._id)))) return;
  throw new CetusError(
    'in_use',
    `The cluster template ${template._id} is referenced by one or more clusters or node groups`,
  );
}
