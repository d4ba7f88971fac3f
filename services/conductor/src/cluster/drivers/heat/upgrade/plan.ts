import type { Failure } from '@cetus/shared/schemas';
import { compareVersions, minorsBetween } from './kube-version.ts';
import type { UpgradeGroup, UpgradeNode } from './upgrade-node.ts';

/** How long the parts of an upgrade may take on one node, in milliseconds. */
export interface UpgradeLimits {
  /** Until its pods have gone elsewhere. */
  drainMs: number;
  /** Until it says that it has begun. */
  beginMs: number;
  /** Until it is ready in the version asked for. */
  upgradeMs: number;
}

/** What is done to a node. */
export type Step =
  /** Keeps new pods off, and marks it as the operation's. */
  | { kind: 'cordon'; node: UpgradeNode }
  /** Sends its pods away, and when none is left asks it for the version. `overdue`: its time for that is over. */
  | { kind: 'drain'; node: UpgradeNode; group: UpgradeGroup; version: string; overdue: boolean }
  /** Lets pods on it again, and takes all marks away. */
  | { kind: 'release'; node: UpgradeNode };

export type UpgradePlan =
  /** `othersWork`: whether something still goes on that is waited for before the upgrade fails. */
  | { kind: 'work'; steps: Step[]; progress: string; othersWork: boolean }
  | { kind: 'failed'; failure: Failure; failedGroups: Record<string, Failure> }
  /** It cannot be done, and nothing is touched. */
  | { kind: 'refuse'; failure: Failure }
  | { kind: 'done' };

export interface UpgradeState {
  /** The uuid of the operation that asks. */
  operation: string;
  /** In the order in which they are upgraded. */
  groups: readonly UpgradeGroup[];
  /** Workers of a group that are changed at once. */
  batch: number;
  /** The version of the API server. */
  controlPlane: string;
  now: number;
}

/** Where a node is on its way. */
type Stage =
  /** `idle`: the operation has not come to it. */
  | 'idle'
  | 'draining'
  | 'overdue'
  | 'upgrading'
  /** It is as asked, and can be let go. */
  | 'ready'
  | 'done'
  | 'failed';

/** Says what to do next, from nothing but what is asked for and what the cluster itself says. */
export function planUpgrade(state: UpgradeState, limits: UpgradeLimits): UpgradePlan {
  const { groups } = state;
  const refused = refusal(state);
  if (refused !== null) return { kind: 'refuse', failure: { code: 'unsupported', message: refused } };
  const stages = new Map(
    groups.flatMap((group) =>
      group.nodes.map((node): [UpgradeNode, Stage] => [node, stageOf(node, group, state, limits)]),
    ),
  );
  const are = (group: UpgradeGroup, ...wanted: Stage[]): UpgradeNode[] =>
    group.nodes.filter((node) => wanted.includes(stages.get(node) ?? 'done'));
  const steps: Step[] = groups.flatMap((group) =>
    are(group, 'ready').map((node): Step => ({ kind: 'release', node })),
  );
  const group = groups.find((one) => are(one, 'done').length < one.nodes.length);
  if (group === undefined) return { kind: 'done' };
  const version = group.wanted ?? '';
  for (const node of are(group, 'draining', 'overdue'))
    steps.push({ kind: 'drain', node, group, version, overdue: stages.get(node) === 'overdue' });
  const failed = are(group, 'failed');
  const goesOn = are(group, 'draining', 'upgrading');
  // Pods are kept off these already: they come before others, and count.
  const idle = are(group, 'idle').toSorted((a, b) => Number(isMarked(b)) - Number(isMarked(a)));
  if (failed.length === 0 && are(group, 'overdue').length === 0) {
    const room = (group.isMaster ? 1 : state.batch) - goesOn.length - are(group, 'ready').length;
    const next = idle.slice(0, Math.max(0, room));
    const other = group.isMaster ? otherNotReady(group, next) : undefined;
    if (other !== undefined && goesOn.length + steps.length === 0)
      return work([], `Waiting for the master ${other} to be ready before another one is upgraded`, false);
    if (other === undefined) steps.push(...next.map((node): Step => ({ kind: 'cordon', node })));
  } else if (failed.length > 0 && goesOn.length + steps.length === 0) {
    return failedPlan(failed, group, groups, state);
  }
  const at = group.nodes.filter((node) => node.version === version).length;
  const names = [...goesOn, ...are(group, 'overdue')].map(({ name }) => name).join(', ');
  const progress = `${group.name}: ${String(at)} of ${String(group.nodes.length)} nodes are ${version}${names === '' ? '' : `; at work on ${names}`}`;
  return work(steps, progress, goesOn.length > 0);
}

function work(steps: Step[], progress: string, othersWork: boolean): UpgradePlan {
  return { kind: 'work', steps, progress, othersWork };
}

function stageOf(
  node: UpgradeNode,
  { wanted }: UpgradeGroup,
  { operation, now }: UpgradeState,
  limits: UpgradeLimits,
): Stage {
  const isMine = node.operation === operation;
  const waited = now - node.since;
  if (wanted === null || node.version === wanted) {
    if (!isMarked(node)) return 'done';
    // What an earlier operation asked for and is still being done must end before anything is known.
    if (node.asked !== undefined && node.asked !== node.version && node.state === 'running')
      return 'upgrading';
    if (node.ready || node.asked !== node.version) return 'ready';
    return isMine && waited > limits.upgradeMs ? 'failed' : 'upgrading';
  }
  if (!isMine) return 'idle';
  if (node.asked !== wanted) return waited > limits.drainMs ? 'overdue' : 'draining';
  if (node.state === 'failed') return 'failed';
  const limit = node.state === undefined ? limits.beginMs : limits.upgradeMs;
  return waited > limit ? 'failed' : 'upgrading';
}

function isMarked({ operation, cordoned, asked }: UpgradeNode): boolean {
  return operation !== undefined || cordoned || asked !== undefined;
}

/** etcd loses a member while a master is upgraded, and can spare only one. */
function otherNotReady({ nodes }: UpgradeGroup, next: readonly UpgradeNode[]): string | undefined {
  return next.length === 0 ? undefined : nodes.find((node) => !node.ready && !next.includes(node))?.name;
}

/** Why what is asked for cannot be; null when it can. */
function refusal({ groups, controlPlane }: UpgradeState): string | null {
  const masters = groups.find(({ isMaster }) => isMaster);
  const highest = masters?.wanted ?? controlPlane;
  for (const { name, wanted, isMaster, nodes } of groups) {
    if (wanted === null) continue;
    const versions = [
      ...nodes.map((node) => ({ what: `node ${node.name}`, version: node.version })),
      ...(isMaster ? [{ what: 'the control plane', version: controlPlane }] : []),
    ];
    for (const { what, version } of versions) {
      if (compareVersions(wanted, version) < 0)
        return `Kubernetes cannot go back from ${version}, which ${what} has, to ${wanted} (${name})`;
      if (isMaster && minorsBetween(version, wanted) > 1)
        return `Masters are upgraded by one minor version at a time: ${what} has ${version}, and ${wanted} is asked for`;
    }
    const changes = nodes.some((node) => node.version !== wanted);
    if (!isMaster && changes && compareVersions(wanted, highest) > 0)
      return `The node group ${name} cannot be ${wanted}, newer than the masters, which are ${highest}`;
  }
  return null;
}

function failedPlan(
  failed: readonly UpgradeNode[],
  group: UpgradeGroup,
  groups: readonly UpgradeGroup[],
  { now }: UpgradeState,
): UpgradePlan {
  const [first] = failed;
  const reasons = failed.map((node) => `${node.name} (${reasonOf(node, group, now)})`).join(', ');
  return {
    kind: 'failed',
    ...failureOf(groups, {
      code: 'upgrade_failed',
      message: `Of the node group ${group.name} could not be upgraded to ${group.wanted ?? ''}: ${reasons}. They are left cordoned; a retry goes on with them`,
      ...(first === undefined ? {} : { resource: { type: 'Node', name: first.name } }),
    }),
  };
}

/** A failure, and the groups that it leaves other than asked. */
export function failureOf(
  groups: readonly UpgradeGroup[],
  failure: Failure,
): { failure: Failure; failedGroups: Record<string, Failure> } {
  const unmet = groups.filter(
    ({ wanted, nodes }) => wanted !== null && nodes.some((node) => node.version !== wanted || isMarked(node)),
  );
  return { failure, failedGroups: Object.fromEntries(unmet.map(({ uuid }) => [uuid, failure])) };
}

function reasonOf(node: UpgradeNode, { wanted }: UpgradeGroup, now: number): string {
  if (node.state === 'failed') return node.message;
  const minutes = Math.round((now - node.since) / 60_000);
  if (node.version === wanted) return `it is not ready after ${String(minutes)} minutes`;
  if (node.state === undefined)
    return 'it does not do what is asked of it: machines that were made before there were upgrades have to be replaced';
  return `it has not ended after ${String(minutes)} minutes, and says: ${node.message}`;
}
