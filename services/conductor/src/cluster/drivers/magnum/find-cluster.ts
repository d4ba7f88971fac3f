import type { ClusterSpec } from '@cetus/shared/schemas';
import { hasStatus } from '@cetus/openstack/errors';
import type { MagnumClient, MagnumCluster, MagnumNodeGroup } from '@cetus/openstack/magnum';
import { stackName } from '../openstack/stack-name.ts';
import type { Memory } from './memory.ts';

/** Clusters in a page of a list, which Magnum is slow at. */
const PAGE = 20;

/** What Magnum has of a cluster. */
export interface FoundCluster {
  cluster: MagnumCluster;
  groups: MagnumNodeGroup[];
}

/** The name of a cluster in Magnum; Heat's stack of it begins with the same word. */
export const clusterName = stackName;

/**
 * The cluster by its uuid in Magnum; by its name when that is not known or leads to nothing. Magnum takes a name twice: after a create
 * whose answer was lost there may be two, of which the oldest one is kept and the others are deleted.
 */
export async function findCluster(
  magnum: MagnumClient,
  clusterId: string,
  { uuid }: Memory,
  signal: AbortSignal,
): Promise<MagnumCluster | null> {
  const known = uuid === null ? null : await magnum.getCluster(uuid, { signal });
  if (known !== null) return known;
  const name = clusterName(clusterId);
  try {
    return await magnum.getCluster(name, { signal });
  } catch (error) {
    if (!hasStatus(error, 409)) throw error;
  }
  const [oldest] = await namesakes(magnum, name, signal);
  if (oldest === undefined) return null;
  await dropNamesakes(magnum, clusterId, oldest, signal);
  return magnum.getCluster(oldest, { signal });
}

/** Deletes the clusters that have the name of this one and are not it. */
export async function dropNamesakes(
  magnum: MagnumClient,
  clusterId: string,
  uuid: string,
  signal: AbortSignal,
): Promise<void> {
  const name = clusterName(clusterId);
  try {
    await magnum.getCluster(name, { signal });
  } catch (error) {
    if (!hasStatus(error, 409)) throw error;
    const all = await namesakes(magnum, name, signal);
    for (const other of all.filter((one) => one !== uuid)) await magnum.deleteCluster(other, { signal });
  }
}

/** Uuids, the oldest one first. */
async function namesakes(magnum: MagnumClient, name: string, signal: AbortSignal): Promise<string[]> {
  const found: string[] = [];
  for await (const page of magnum.listClusters({ limit: PAGE, signal })) {
    found.push(...page.filter((cluster) => cluster.name === name).map(({ uuid }) => uuid));
  }
  return found;
}

/**
 * All node groups of a cluster, in full. Magnum's list tells neither labels nor addresses, so each is asked for: those that are expected by
 * their names, while the list is made. A group that goes away meanwhile is left out.
 */
export async function findGroups(
  magnum: MagnumClient,
  uuid: string,
  { node_groups }: Pick<ClusterSpec, 'node_groups'>,
  signal: AbortSignal,
): Promise<MagnumNodeGroup[]> {
  const get = (ident: string): Promise<MagnumNodeGroup | null> =>
    magnum.getNodeGroup(uuid, ident, { signal });
  const expected = node_groups.filter(({ deleted }) => !deleted).map(({ name }) => get(name));
  const [known, listed] = await Promise.all([Promise.all(expected), listGroups(magnum, uuid, signal)]);
  const found = listed.map(async (group) => known.find((one) => one?.uuid === group) ?? (await get(group)));
  return (await Promise.all(found)).filter((group) => group !== null);
}

/** Uuids. */
async function listGroups(magnum: MagnumClient, cluster: string, signal: AbortSignal): Promise<string[]> {
  const found: string[] = [];
  for await (const page of magnum.listNodeGroups(cluster, { signal }))
    found.push(...page.map(({ uuid }) => uuid));
  return found;
}
