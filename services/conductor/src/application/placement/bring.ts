import type { ReconcileContext } from '@cetus/shared/reconcile';
import {
  DEFAULT_PROGRESS_DEADLINE_SECONDS,
  stateOf,
  type ApplicationSpec,
  type Failure,
  type Observation,
  type PlacementStatus,
  type SecretValues,
  type StoredApplication,
  type StoredCluster,
} from '@cetus/shared/schemas';
import type { ClusterApi, ClusterConnections } from '../cluster-connections.ts';
import type { NamespacePolicy } from '../namespace/policy.ts';
import { judge } from '../observe/judge.ts';
import { failureOfCause } from '../observe/failures.ts';
import { lookAt } from '../observe/look-at.ts';
import { nextLookMs } from './next-look.ts';
import { place } from './place.ts';
import type { PlacementRound } from './placement-round.ts';
import { troubleIn } from './trouble-in.ts';

export interface BringOptions {
  connections: Pick<ClusterConnections, 'use'>;
  policy: NamespacePolicy;
}

export interface BringInput {
  application: StoredApplication;
  /** With what is different in this cluster. */
  spec: ApplicationSpec;
  values: SecretValues | null;
  placement: PlacementStatus;
  /** Undefined: it is gone. */
  cluster: StoredCluster | undefined;
  /** Nothing was asked, and it is there as it was asked for: it is applied again, so that what others changed is put back. */
  settled?: boolean;
}

/** Where somebody follows the cluster, who tells of each change, a look of our own is in case that is not so. */
const SHORTEST_WAIT_MS = 1_000;
const SHORTEST_FOLLOWED_MS = 40_000;
const LONGEST_WAIT_MS = 60_000;
/** How soon a cluster that is not there yet, or does not answer, is asked again, in milliseconds. */
const NOT_THERE_MS = 10_000;

/** One round of bringing an application into one cluster: applies what has changed, and judges how far it has come. */
export async function bring(
  options: BringOptions,
  input: BringInput,
  context: ReconcileContext,
): Promise<PlacementRound> {
  const { application, placement, cluster } = input;
  if (cluster === undefined) return withoutCluster(placement);
  if (cluster.status.kubeconfig === null) return notYet(placement, cluster);
  try {
    return await options.connections.use(cluster, context.signal, (api) =>
      bringThere(api, options, { ...input, cluster }, context),
    );
  } catch (error) {
    if (context.signal.aborted) throw error;
    const trouble = troubleIn(error, cluster);
    if (trouble.failure !== null)
      return { phase: 'failed', status: failed(placement, trouble.failure), failure: trouble.failure };
    return {
      phase: 'working',
      status: { ...waiting(placement, application), progress: trouble.message },
      progress: trouble.message,
      wakeUpAfterMs: Math.max(trouble.retryAfterMs, waitMs(cluster, application.updated_at)),
    };
  }
}

async function bringThere(
  api: ClusterApi,
  options: BringOptions,
  input: BringInput & { cluster: StoredCluster },
  context: ReconcileContext,
): Promise<PlacementRound> {
  const { application, spec, placement, cluster } = input;
  const now = new Date();
  const isThere = placement.applied_generation === application.generation && input.settled !== true;
  if (!isThere) {
    const placed = await place(api, { ...input, policy: options.policy }, context.signal);
    if (!('objects' in placed)) return noted({ ...placement, ...placed });
    const status = { ...placement, ...placed, cluster_name: cluster.name, failure: null, drift: [] };
    // How it does is told by whoever follows the cluster; it is no part of what was asked.
    if (input.settled === true) return complete(status);
    // To look at once would be too early.
    const progress = `${cluster.name}: it is applied`;
    return {
      phase: 'working',
      status: { ...status, state: 'ROLLING_OUT', progress, progressed: { at: now, counts: '' } },
      progress,
      wakeUpAfterMs: Math.min(waitMs(cluster, now, now), deadlineMs(spec)),
    };
  }
  const told = application.observed[cluster._id];
  if (told !== undefined && suffices(told, placement, application.generation))
    return judged({ ...placement, failure: null }, told, input, now);
  const target = {
    applicationId: application._id,
    name: application.name,
    namespace: placement.namespace,
    spec,
    objects: placement.objects,
  };
  const observation = await lookAt(api, target, context.signal);
  return judged({ ...placement, failure: null }, observation, input, now);
}

function judged(
  status: PlacementStatus,
  observation: Omit<Observation, 'since' | 'token'>,
  { application, spec, cluster }: BringInput & { cluster: StoredCluster },
  now: Date,
): PlacementRound {
  const { state, message } = judge(observation, application.generation);
  if (state === 'complete') return complete(status);
  const counts = countsOf(observation);
  const before = status.progressed;
  const told = application.observed[cluster._id];
  const progressed = {
    ...(before?.counts === counts ? before : { at: now, counts }),
    ...(told === undefined ? {} : { told: wordsOf(told) }),
  };
  const left = progressed.at.getTime() + deadlineMs(spec) - now.getTime();
  if (state === 'failed' || left <= 0) {
    const failure = failureOfCause(observation.cause, { cluster: cluster.name, message });
    return { phase: 'failed', status: failed({ ...status, progressed }, failure), failure };
  }
  const progress = `${cluster.name}: ${observation.cause?.message ?? message}`;
  return {
    phase: 'working',
    status: { ...status, state: 'ROLLING_OUT', progress, progressed },
    progress,
    wakeUpAfterMs: Math.min(waitMs(cluster, progressed.at, now), left),
  };
}

/**
 * Whether what was told of an application need not be looked at: all is well, or it goes on and this was not told before. Whoever tells may
 * have stopped to: what was told once, and that something fails, is looked at.
 */
function suffices(told: Observation, { progressed }: PlacementStatus, generation: number): boolean {
  const { state } = judge(told, generation);
  if (state === 'complete') return true;
  return state === 'progressing' && told.generation === generation && progressed?.told !== wordsOf(told);
}

function countsOf({ replicas: { updated, ready, available } }: Pick<Observation, 'replicas'>): string {
  return [updated, ready, available].join('/');
}

function wordsOf(told: Observation): string {
  return [countsOf(told), told.phase, String(told.settled), told.cause?.reason ?? ''].join('/');
}

function complete(status: PlacementStatus): PlacementRound {
  return { phase: 'complete', status: { ...status, state: 'COMPLETE', progress: null, progressed: null } };
}

/** What was there is no more, and comes back only under another id. */
function withoutCluster(placement: PlacementStatus): PlacementRound {
  const failure: Failure = {
    code: 'cluster_not_found',
    message: `The cluster ${placement.cluster_name} does not exist any more`,
    resource: { type: 'Cluster', name: placement.cluster_name, id: placement.cluster_id },
  };
  return { phase: 'failed', status: failed(placement, failure), failure };
}

/** Before anything of a kind is made it is noted that there may be such; then it is made at once. */
function noted(status: PlacementStatus): PlacementRound {
  const progress = `${status.cluster_name}: it is noted what it will be made of`;
  return { phase: 'working', status, progress, wakeUpAfterMs: 0 };
}

function notYet(placement: PlacementStatus, cluster: StoredCluster): PlacementRound {
  const progress = `The cluster ${cluster.name} is ${stateOf(cluster)}`;
  return {
    phase: 'working',
    status: { ...placement, progress },
    progress,
    wakeUpAfterMs: NOT_THERE_MS,
  };
}

function failed(placement: PlacementStatus, failure: Failure): PlacementStatus {
  return { ...placement, state: 'FAILED', progress: null, failure };
}

/** What is there as it shall be stays so while nobody can look. */
function waiting(placement: PlacementStatus, application: StoredApplication): PlacementStatus {
  const isThere = placement.applied_generation === application.generation;
  if (isThere) return placement;
  return { ...placement, state: placement.applied_generation === null ? 'PENDING' : 'ROLLING_OUT' };
}

/** How long it may make no progress, in milliseconds. */
function deadlineMs({
  progress_deadline_seconds = DEFAULT_PROGRESS_DEADLINE_SECONDS,
}: ApplicationSpec): number {
  return progress_deadline_seconds * 1_000;
}

/** @param since when it last moved */
function waitMs(cluster: StoredCluster, since: Date, now = new Date()): number {
  const shortest = isFollowed(cluster, now) ? SHORTEST_FOLLOWED_MS : SHORTEST_WAIT_MS;
  return nextLookMs(now.getTime() - since.getTime(), shortest, LONGEST_WAIT_MS);
}

/** Whether somebody tells of each change as it comes. */
function isFollowed({ follow, health }: StoredCluster, now: Date): boolean {
  return follow != null && follow.until > now && health != null && health.status !== 'UNKNOWN';
}
