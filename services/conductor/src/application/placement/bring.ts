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

/** Something that tells of itself is looked at all the same: after a share of the time since it last moved, within these bounds. */
const SHORTEST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;
const SHARE = 0.25;
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
      wakeUpAfterMs: Math.max(trouble.retryAfterMs, waitMs(application.updated_at)),
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
    const status = { ...placement, ...placed, cluster_name: cluster.name, failure: null, drift: [] };
    // How it does is told by whoever follows the cluster; it is no part of what was asked.
    if (input.settled === true) return complete(status);
    // To look at once would be too early.
    const progress = `${cluster.name}: it is applied`;
    return {
      phase: 'working',
      status: { ...status, state: 'ROLLING_OUT', progress, progressed: { at: now, counts: '' } },
      progress,
      wakeUpAfterMs: SHORTEST_WAIT_MS,
    };
  }
  const seen = application.observed[cluster._id];
  if (seen !== undefined && judge(seen, application.generation).state === 'complete')
    return judged(placement, seen, input, now);
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
  const { updated, ready, available } = observation.replicas;
  const counts = [updated, ready, available].join('/');
  const before = status.progressed;
  const progressed = before?.counts === counts ? before : { at: now, counts };
  const deadlineMs = (spec.progress_deadline_seconds ?? DEFAULT_PROGRESS_DEADLINE_SECONDS) * 1_000;
  const isStalled = now.getTime() - progressed.at.getTime() >= deadlineMs;
  if (state === 'failed' || isStalled) {
    const failure = failureOfCause(observation.cause, { cluster: cluster.name, message });
    return { phase: 'failed', status: failed({ ...status, progressed }, failure), failure };
  }
  const progress = `${cluster.name}: ${observation.cause?.message ?? message}`;
  return {
    phase: 'working',
    status: { ...status, state: 'ROLLING_OUT', progress, progressed },
    progress,
    wakeUpAfterMs: waitMs(progressed.at, now),
  };
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

/** @param since when it last moved */
function waitMs(since: Date, now = new Date()): number {
  const share = (now.getTime() - since.getTime()) * SHARE;
  return Math.min(LONGEST_WAIT_MS, Math.max(SHORTEST_WAIT_MS, share));
}
