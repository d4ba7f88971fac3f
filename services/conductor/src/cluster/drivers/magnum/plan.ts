import {
  isMaster,
  masterCountOf,
  type ClusterSpec,
  type Failure,
  type NodeGroupSpec,
} from '@cetus/shared/schemas';
import type { MagnumNodeGroup } from '@cetus/openstack/magnum';
import type { FoundCluster } from './find-cluster.ts';
import { groupDifference, isBusy, isFailed, pairGroups, wantedVersion, type GroupPair } from './groups.ts';
import { mayBeOld, type Memory } from './memory.ts';
import { versionOf } from './templates.ts';

/** One request to Magnum that brings a cluster nearer to its spec. `about` is what it is remembered by. */
export type Step =
  | { kind: 'resize'; about: string; have: MagnumNodeGroup; want: NodeGroupSpec }
  | { kind: 'create-group'; about: string; want: NodeGroupSpec }
  | { kind: 'delete-group'; about: string; have: MagnumNodeGroup }
  | { kind: 'upgrade'; about: string; have: MagnumNodeGroup; ownTemplate: boolean }
  | { kind: 'rotate-ca'; about: string };

/** What is to be done about a cluster that is there. */
export type Plan =
  | { kind: 'step'; step: Step }
  /** What is read may be of before the last request, or Magnum is at work. */
  | { kind: 'wait' }
  /** Magnum cannot do what is asked for. */
  | { kind: 'refuse'; failure: Failure }
  /** What was told for this operation failed. */
  | { kind: 'failed' }
  | { kind: 'done' };

const step = (one: Step): Plan => ({ kind: 'step', step: one });
const refuse = (field: string, message: string): Plan => ({
  kind: 'refuse',
  failure: { code: 'unsupported', message: `${field}: ${message}` },
});

/** By what a request is remembered: one that concerns the whole cluster, and one that concerns a group. */
export const CLUSTER = 'cluster';
const aboutGroup = (name: string): string => `group ${name}`;

/**
 * Compares a cluster with its spec and says what to do next: one thing at a time, as Magnum does one at a time.
 *
 * What is failed from before this operation is mended first, because Magnum upgrades and rotates only what is whole: a resize, to the number
 * that is wanted, is legal after a failed update and makes Heat try again; a group that was not made is removed and made anew.
 */
export function planNext(
  spec: ClusterSpec,
  { cluster, groups }: FoundCluster,
  memory: Memory,
  now = Date.now(),
): Plan {
  const pairs = pairGroups(spec, groups);
  const refused = refusal(spec, { cluster, groups });
  if (refused !== null) return refused;
  const busy = isBusy(cluster) || groups.some((have) => isBusy(have) && !isForgotten(have, now));
  const toldNothing = Object.keys(memory.told).length === 0;
  if (busy) {
    // What an earlier operation began, and does not end: of all requests only a resize is legal now, and takes over from it.
    const resize = toldNothing && cluster.status === 'UPDATE_IN_PROGRESS' ? firstOf(pairs, resizeOf) : null;
    return resize === null ? { kind: 'wait' } : step(resize);
  }
  const old = (about: string, mark: string | null): boolean => mayBeOld(memory.told[about], mark, now);
  if (groups.some((have) => old(aboutGroup(have.name), have.updated_at))) return { kind: 'wait' };
  const failed = groups.filter(isFailed);
  const broken = isFailed(cluster);
  if (
    failed.some(
      ({ name, is_default }) => aboutGroup(name) in memory.told || (is_default && CLUSTER in memory.told),
    )
  )
    return { kind: 'failed' };
  // The cluster itself, when a request failed before it came to a group.
  if (broken && failed.length === 0 && CLUSTER in memory.told) return { kind: 'failed' };

  const removal = firstOf(pairs, ({ want, have }) => {
    const again =
      have !== null &&
      !have.is_default &&
      (want === null || /^(CREATE|DELETE)_FAILED$/.test(have.status ?? ''));
    return again ? { kind: 'delete-group', about: aboutGroup(have.name), have } : null;
  });
  if (removal !== null) return step(removal);
  const mending = firstOf(pairs, (pair) =>
    pair.have !== null && isFailed(pair.have) ? resizeAnyway(pair) : null,
  );
  if (mending !== null) return step(mending);
  if (broken || groups.some(isBusy)) {
    const whole = firstOf(pairs, (pair) => (pair.have?.is_default === true ? resizeAnyway(pair) : null));
    return whole === null ? { kind: 'failed' } : step(whole);
  }

  const upgrade = firstOf(pairs, (pair) => upgradeOf(pair, cluster.labels['kube_tag'], spec));
  if (upgrade !== null) return step(upgrade);
  const change =
    firstOf(pairs, resizeOf) ??
    firstOf(pairs, ({ want, have }): Step | null =>
      want === null || have !== null || want.is_default
        ? null
        : { kind: 'create-group', about: aboutGroup(want.name), want },
    );
  // The same is not told again so soon, whatever else has changed meanwhile.
  if (change !== null)
    return old(change.about, memory.told[change.about]?.mark ?? null) ? { kind: 'wait' } : step(change);
  return { kind: 'done' };
}

/** How long a group may be at work in a cluster that rests, in milliseconds: by then Magnum has noted that the cluster works too. */
const FORGOTTEN_MS = 60_000;

/**
 * A group that Magnum no longer looks after: it looks only at clusters that are at work, and may have noted the cluster's rest over a group's
 * work. A resize makes it look at all groups again.
 */
function isForgotten({ updated_at, created_at }: MagnumNodeGroup, now: number): boolean {
  return now - Date.parse(updated_at ?? created_at) > FORGOTTEN_MS;
}

function firstOf(pairs: readonly GroupPair[], look: (pair: GroupPair) => Step | null): Step | null {
  for (const pair of pairs) {
    const found = look(pair);
    if (found !== null) return found;
  }
  return null;
}

function resizeAnyway({ want, have }: GroupPair): Step | null {
  return want === null || have === null || isMaster(want)
    ? null
    : { kind: 'resize', about: aboutGroup(have.name), have, want };
}

function resizeOf(pair: GroupPair): Step | null {
  return pair.want?.node_count === pair.have?.node_count ? null : resizeAnyway(pair);
}

/** The default groups are upgraded together, by their cluster's template; others then take it over. */
function upgradeOf(
  { want, have }: GroupPair,
  clusterVersion: string | undefined,
  spec: ClusterSpec,
): Step | null {
  if (want === null || have === null || isMaster(want)) return null;
  const version = want.is_default ? versionOf(spec) : wantedVersion(want);
  const has = want.is_default ? clusterVersion : have.labels['kube_tag'];
  if (version === null || has === undefined || version === has) return null;
  const about = want.is_default ? CLUSTER : aboutGroup(have.name);
  return { kind: 'upgrade', about, have, ownTemplate: !want.is_default };
}

/** What Magnum could be told and would not do; some of it would leave the cluster failed. */
function refusal(spec: ClusterSpec, { cluster, groups }: FoundCluster): Plan | null {
  if (cluster.status === 'ROLLBACK_FAILED') {
    const message = 'Magnum failed to roll the cluster back, after which it allows nothing but its deletion';
    return { kind: 'refuse', failure: { code: 'back_end_refused', message } };
  }
  const masters = masterCountOf(spec);
  if (masters !== cluster.master_count) {
    const change = `from ${String(cluster.master_count)} to ${String(masters)}`;
    return refuse('master_count', `Magnum cannot change the number of masters ${change}`);
  }
  for (const { want, have } of pairGroups(spec, groups)) {
    if (want === null || have === null) continue;
    const version = want.is_default ? versionOf(spec) : wantedVersion(want);
    const has = have.labels['kube_tag'];
    if (version === null || has === undefined) continue;
    if (isLower(version, has))
      return refuse('labels/kube_tag', `Magnum cannot go back from ${has} to ${version} (${want.name})`);
  }
  return null;
}

/** Compares `v1.24.16` and the like; false for what is not such a version. */
function isLower(version: string, than: string): boolean {
  const parts = (text: string): number[] => (/^v?(\d+)\.(\d+)\.(\d+)/.exec(text)?.slice(1) ?? []).map(Number);
  const [a, b] = [parts(version), parts(than)];
  if (a.length === 0 || b.length === 0) return false;
  const at = a.findIndex((part, index) => part !== b[index]);
  return at >= 0 && (a[at] ?? 0) < (b[at] ?? 0);
}

/** The node groups that are not as asked, by uuid. */
export function unmetGroups(spec: ClusterSpec, { groups }: FoundCluster): string[] {
  return pairGroups(spec, groups).flatMap((pair) =>
    pair.want === null || groupDifference(pair) === null ? [] : [pair.want.uuid],
  );
}
