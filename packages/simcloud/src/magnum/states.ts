import { notSupported } from './errors.ts';
import { isComplete, isFailed, isInProgress, type ClusterFamily, type NodeGroupRecord } from './records.ts';

/** What a change may begin from; of the complete states DELETE_COMPLETE is never met. */
const RESIZABLE = ['UPDATE_FAILED', 'UPDATE_IN_PROGRESS'];

/** True when the number of nodes may be changed by PATCH, versions or the authority by what they are changed with. */
export function mayChange(status: string): boolean {
  return isComplete(status);
}

/** True when a resize may begin: also after a failed update and during one. */
export function mayResize(status: string): boolean {
  return isComplete(status) || RESIZABLE.includes(status);
}

/** @throws MagnumError 400 */
export function requireComplete(what: 'Updating' | 'Upgrading', status: string): void {
  if (!mayChange(status)) throw notSupported(`${what} a cluster when status is "${status}"`);
}

/**
 * The state of a cluster from those of its groups: anything under way comes before a failure, a failure before
 * success. With groups beside the default ones every action but a deletion is called an update.
 */
export function summarize(
  { cluster }: ClusterFamily,
  groups: readonly NodeGroupRecord[],
): { status: string; reason: string | null } {
  const master = groups.find((group) => group.is_default && group.role === 'master');
  const own = master?.status ?? cluster.status;
  const action = own.startsWith('DELETE') ? 'DELETE' : 'UPDATE';
  const hasMore = groups.some((group) => !group.is_default);
  const ends: [string, (status: string) => boolean][] = [
    ['IN_PROGRESS', isInProgress],
    ['FAILED', isFailed],
    ['COMPLETE', isComplete],
  ];
  const end = ends.find(([, is]) => groups.some((group) => is(group.status)))?.[0];
  let status = end === undefined ? cluster.status : hasMore ? `${action}_${end}` : own;
  // A group that came and went leaves a default stack that was never updated.
  if (status === 'CREATE_COMPLETE' && !cluster.status.startsWith('CREATE')) status = 'UPDATE_COMPLETE';
  const failed = groups.filter((group) => isFailed(group.status)).map(({ name }) => `${name} failed`);
  return { status, reason: isFailed(status) ? failed.join(', ') : null };
}
