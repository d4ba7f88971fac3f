import { CetusError } from '@cetus/shared/errors';
import {
  defaultMasterOf,
  isMaster,
  nodeGroupsOf,
  type ClusterSpec,
  type NodeGroupSpec,
  type StoredCluster,
  type StoredClusterTemplate,
} from '@cetus/shared/schemas';
import { changed, nodeGroupNamed, partOf } from '../node-groups/node-groups.ts';
import { currentSpec, type ClusterPlan } from './accept.ts';

const FIELD = 'cluster_template';

export interface Upgrade {
  template: StoredClusterTemplate;
  /** How many nodes of a group are changed at once. */
  maxBatchSize: number;
  /** A node group; the default ones when undefined. */
  nodegroup: string | undefined;
}

/**
 * What a cluster is asked for by an upgrade: the image and the version of another template. Without a node group, the masters and the
 * default workers; the driver changes the masters first. Of workers alone the masters must be there already, and groups that were
 * added follow the cluster, as in Magnum.
 * @throws CetusError `invalid_field`, `conflict`, `node_group_not_found`
 */
export function planOfUpgrade(
  cluster: StoredCluster,
  { template, maxBatchSize, nodegroup }: Upgrade,
): ClusterPlan {
  const spec = currentSpec(cluster);
  checkTemplate(spec, template);
  const group = nodegroup === undefined ? undefined : nodeGroupNamed(cluster, nodegroup);
  if (group !== undefined) checkOrder(spec, group, template);
  const groups = group === undefined ? nodeGroupsOf(spec).filter(({ is_default }) => is_default) : [group];
  for (const one of groups) refuseDowngrade(cluster, one, template);
  const chosen = new Set(groups.map(({ uuid }) => uuid));
  const node_groups = spec.node_groups.map((one) => (chosen.has(one.uuid) ? upgraded(one, template) : one));
  const next = { ...spec, node_groups, max_batch_size: maxBatchSize };
  return {
    // The cluster is of the template of its masters.
    spec: groups.some(isMaster)
      ? {
          ...next,
          cluster_template_id: template._id,
          image_id: template.spec.image_id,
          labels: withTag(spec.labels, template),
          template_labels: template.spec.labels,
        }
      : next,
    parts: groups.map((one) => partOf(one, 'update')),
    batches: groups.reduce((sum, one) => sum + Math.max(1, Math.ceil(one.node_count / maxBatchSize)), 0),
  };
}

function checkTemplate(spec: ClusterSpec, { spec: { driver, coe } }: StoredClusterTemplate): void {
  if (driver === spec.driver && coe === spec.coe) return;
  throw new CetusError(
    'invalid_field',
    `The template is for ${coe} by the driver ${driver}, the cluster is ${spec.coe} by ${spec.driver}`,
    { field: FIELD },
  );
}

function checkOrder(spec: ClusterSpec, group: NodeGroupSpec, template: StoredClusterTemplate): void {
  if (isMaster(group)) return;
  if (!group.is_default && template._id !== spec.cluster_template_id) {
    throw new CetusError(
      'invalid_field',
      `The node group ${group.name} can only be upgraded to the template of the cluster, ${spec.cluster_template_id}`,
      { field: FIELD },
    );
  }
  const masters = defaultMasterOf(spec);
  if (masters !== undefined && masters.cluster_template_id !== template._id) {
    throw new CetusError(
      'conflict',
      `The masters are upgraded before ${group.name}: name ${masters.name}, or no node group`,
      { field: 'nodegroup' },
    );
  }
}

/** What failed half-way may be followed by any version from the one that was there before. */
function refuseDowngrade(
  { status }: StoredCluster,
  group: NodeGroupSpec,
  template: StoredClusterTemplate,
): void {
  const applied = status.applied_spec?.node_groups.find(({ uuid }) => uuid === group.uuid) ?? group;
  const before = versionOf(applied.labels);
  const after = versionOf(template.spec.labels);
  // Versions of another form cannot be compared, as in Magnum.
  if (before === null || after === null) return;
  const at = before.findIndex((number, index) => number !== after[index]);
  if (at === -1 || (after[at] ?? 0) > (before[at] ?? 0)) return;
  throw new CetusError(
    'invalid_field',
    `${group.name} has ${applied.labels['kube_tag']}; it cannot go back to ${template.spec.labels['kube_tag']}`,
    { field: FIELD },
  );
}

function versionOf({ kube_tag }: Record<string, string>): [number, number, number] | null {
  const match = /^v?(\d{1,4})\.(\d{1,4})\.(\d{1,4})/.exec(kube_tag ?? '');
  return match === null ? null : [Number(match[1]), Number(match[2]), Number(match[3])];
}

function upgraded(group: NodeGroupSpec, template: StoredClusterTemplate): NodeGroupSpec {
  return changed(group, {
    cluster_template_id: template._id,
    image_id: template.spec.image_id,
    labels: withTag(group.labels, template),
  });
}

function withTag(labels: Record<string, string>, { spec }: StoredClusterTemplate): Record<string, string> {
  const tag = spec.labels['kube_tag'];
  return tag === undefined ? labels : { ...labels, kube_tag: tag };
}
