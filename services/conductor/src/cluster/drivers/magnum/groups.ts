import type { ClusterSpec, NodeGroupSpec } from '@cetus/shared/schemas';
import type { MagnumNodeGroup } from '@cetus/openstack/magnum';

/** The label that says whose a group of ours is: its name may be given again to another one. */
export const GROUP_LABEL = 'cetus_node_group';

/** A group as it is asked for and as Magnum has it. */
export interface GroupPair {
  want: NodeGroupSpec | null;
  have: MagnumNodeGroup | null;
}

/**
 * Puts the groups of a spec beside Magnum's. Default groups are known by their name, others by their label. What Magnum has and nobody
 * asked for is left out unless it is ours.
 */
export function pairGroups(spec: ClusterSpec, found: readonly MagnumNodeGroup[]): GroupPair[] {
  const is = (want: NodeGroupSpec, have: MagnumNodeGroup): boolean =>
    want.is_default
      ? have.is_default && have.name === want.name
      : !have.is_default && have.labels[GROUP_LABEL] === want.uuid;
  const wanted = spec.node_groups.map((want) => ({
    want: want.deleted ? null : want,
    have: found.find((have) => is(want, have)) ?? null,
  }));
  const known = new Set(wanted.map(({ have }) => have?.uuid));
  const ours = found.filter((have) => GROUP_LABEL in have.labels && !known.has(have.uuid));
  return [...wanted, ...ours.map((have) => ({ want: null, have }))];
}

/** The uuid that a group of Magnum's has here; undefined for one that others made. */
export function uuidOfGroup(spec: ClusterSpec, have: MagnumNodeGroup): string | undefined {
  return have.is_default
    ? spec.node_groups.find(({ is_default, name }) => is_default && name === have.name)?.uuid
    : have.labels[GROUP_LABEL];
}

export const isFailed = ({ status }: { status: string | null }): boolean =>
  status?.endsWith('_FAILED') === true;
export const isBusy = ({ status }: { status: string | null }): boolean =>
  status === null || status.endsWith('_IN_PROGRESS');

/** The version that a group shall have; null: none in particular. */
export const wantedVersion = ({ labels }: NodeGroupSpec): string | null => labels['kube_tag'] ?? null;

/** How a group differs from what was asked for, for people; null when it does not. */
export function groupDifference({ want, have }: GroupPair): string | null {
  if (want === null) return have === null ? null : `there is a node group ${have.name} that shall not be`;
  if (have === null) return `there is no node group ${want.name}`;
  if (want.node_count !== have.node_count)
    return `${want.name} has ${String(have.node_count)} nodes instead of ${String(want.node_count)}`;
  const version = wantedVersion(want);
  const has = have.labels['kube_tag'];
  if (version !== null && has !== undefined && version !== has)
    return `${want.name} has the version ${has} instead of ${version}`;
  return null;
}

/** How a cluster differs from its spec; null when it does not. */
export function describeDrift(spec: ClusterSpec, found: readonly MagnumNodeGroup[]): string | null {
  const foreign = found
    .filter((have) => uuidOfGroup(spec, have) === undefined)
    .map(({ name }) => `there is a node group ${name} that nobody asked for`);
  const differences = pairGroups(spec, found).map(groupDifference);
  const all = [...differences, ...foreign].filter((one) => one !== null);
  return all.length === 0 ? null : `In Magnum ${all.join('; ')}`;
}
