import type { ApplicationKind, Cause, Observation, Phase } from '@cetus/shared/schemas';
import { assessAutoscaler, type AutoscalerFacts } from './autoscaler-facts.ts';
import { explain, explainPod, worstOf, type Explanation, type Findings } from './causes.ts';
import { serviceOf, type IngressFacts, type ServiceFacts } from './network-facts.ts';
import type { PodFacts } from './pod-facts.ts';
import { isRolledOut } from './rollout.ts';
import type { Suspect } from './suspects.ts';
import type { WorkloadFacts } from './workload-facts.ts';

/** What is asked of an application, as far as its instances show it. */
export interface Asked {
  kind: ApplicationKind;
  stopped: boolean;
  paused: boolean;
}

/** What is known of one application in one cluster. */
export interface ObservedFacts {
  /** Null: it is not there. */
  workload: WorkloadFacts | null;
  pods: readonly PodFacts[];
  services: readonly ServiceFacts[];
  ingresses: readonly IngressFacts[];
  /** Of a cronjob: its jobs. */
  runs: readonly WorkloadFacts[];
  /** Absent: it has none. */
  autoscaler?: AutoscalerFacts;
}

export interface ObserveInput extends ObservedFacts {
  asked: Asked;
  /** What was found by asking the cluster, by the key of what was asked. Default: nothing. */
  findings?: Findings;
  /** In milliseconds. */
  now: number;
}

/** How an application is, without what only its document knows. */
export type Observed = Omit<Observation, 'since' | 'token'>;

export interface Assessed {
  observation: Observed;
  /** What the cluster can be asked, so that more can be said. */
  suspect: Suspect | null;
  /** When it is something else though nothing has happened, in milliseconds; null: never. */
  lookAgainAt: number | null;
}

/** The phase with its cause. */
type Verdict = Explanation & { phase: Phase };

const NO_COUNTS = { desired: 0, updated: 0, ready: 0, available: 0 };

/** How an application is in one cluster. See {@link assess}. */
export function observationOf(input: ObserveInput): Observed {
  return assess(input).observation;
}

/**
 * How an application is in one cluster, from its objects there:
 *
 * - `Missing`: the workload is not there, and the application was not asked to stop.
 * - `Stopped`: no instance is wanted, and the workload counts none any more.
 * - `Running`: what was asked for last is everywhere ({@link isRolledOut}), and as many are available as are wanted. A job: it goes on. A
 *   cronjob: its last run did not fail.
 * - `Paused`: the rollout does not go on because it was asked not to, and nothing is wrong.
 * - `Failed`: a Deployment says that it makes no progress any more; a job has failed.
 * - `Degraded`: a cause is known, and fewer are available than are wanted. A cronjob: its last run has failed.
 * - `Progressing`: it is on its way there. With a cause: the new instances do not come up, while the old ones still do all the work.
 * - `Pending`: it is on its way there, and none of its instances has been started yet.
 * - `Succeeded`: a job has. `Suspended`: a job or a cronjob begins nothing, as was asked.
 *
 * There is a cause only where something is not as it shall be.
 */
export function assess(input: ObserveInput): Assessed {
  const { workload, pods, services, ingresses, now } = input;
  const scaling = input.autoscaler === undefined ? undefined : assessAutoscaler(input.autoscaler, now);
  const { phase, cause, suspect } = verdictOf(input);
  const observation: Observed = {
    phase,
    generation: workload?.applicationGeneration ?? null,
    settled: workload?.settled ?? false,
    replicas: workload?.counts ?? NO_COUNTS,
    cause,
    service: serviceOf(services, ingresses),
    ...(scaling === undefined ? {} : { autoscaler: scaling.status }),
  };
  const turns = [nextTurn(pods, now), scaling?.lookAgainAt ?? null].filter((at) => at !== null);
  return { observation, suspect, lookAgainAt: turns.length === 0 ? null : Math.min(...turns) };
}

function verdictOf(input: ObserveInput): Verdict {
  const { workload, asked } = input;
  if (workload === null) return fine(asked.stopped ? 'Stopped' : 'Missing');
  if (workload.kind === 'Job') return jobVerdict(workload, input);
  if (workload.kind === 'CronJob') return cronVerdict(workload, input);
  return rollingVerdict(workload, input);
}

function fine(phase: Phase): Verdict {
  return { phase, cause: null, suspect: null };
}

function rollingVerdict(workload: WorkloadFacts, input: ObserveInput): Verdict {
  const { asked, pods, findings = none, now } = input;
  const { kind, settled, counts, total, held, stalled } = workload;
  const { desired, available } = counts;
  const isStopped = settled && desired === 0 && total === 0;
  // A DaemonSet for which there is no node is no stopped one.
  if (isStopped && (kind !== 'DaemonSet' || asked.stopped)) return fine('Stopped');
  const rolledOut = isRolledOut(workload);
  const enough = settled && available >= desired;
  const isHeld = held || asked.paused;
  const worst = worstOf(pods, now);
  // What has just been started again counts as available before it is known whether it stays.
  if (rolledOut && enough && worst?.trouble.until === undefined) return fine(isHeld ? 'Paused' : 'Running');
  const explanation = explain(workload, pods, findings, now);
  if (stalled !== null && settled) return { phase: 'Failed', ...explanation };
  if (explanation.cause !== null) {
    const isRestarting = worst?.trouble.until !== undefined;
    return { phase: enough && !isRestarting ? 'Progressing' : 'Degraded', ...explanation };
  }
  if (isHeld && enough) return { phase: 'Paused', ...explanation };
  return { phase: isBegun(pods) ? 'Progressing' : 'Pending', ...explanation };
}

function jobVerdict(job: WorkloadFacts, input: ObserveInput): Verdict {
  const { asked, findings = none, now } = input;
  // Those of the job before may still be there.
  const pods = input.pods.filter(({ owner }) => owner === job.uid);
  if (job.ended !== null) {
    if (job.ended.failure === null) return fine('Succeeded');
    return { phase: 'Failed', ...jobFailure(job, pods, findings, now) };
  }
  if (job.held) return fine(asked.stopped ? 'Stopped' : 'Suspended');
  const explanation = explain(job, pods, findings, now);
  const isRunning = pods.some(({ leaving, started, trouble }) => !leaving && started && trouble === null);
  if (isRunning) return { phase: 'Running', ...explanation };
  if (explanation.cause !== null) return { phase: 'Degraded', ...explanation };
  return { phase: isBegun(pods) ? 'Progressing' : 'Pending', ...explanation };
}

/** Why a job has failed: what its last instance ended with, where there still is one. */
function jobFailure(
  job: WorkloadFacts,
  pods: readonly PodFacts[],
  findings: Findings,
  now: number,
): Explanation {
  const { reason, message } = job.ended?.failure ?? { reason: 'Failed', message: '' };
  const worst = worstOf(pods, now);
  const why = worst === undefined ? undefined : explainPod(worst, findings);
  const said = `${message} (${reason})`;
  const cause: Cause = {
    ...why?.cause,
    reason: 'JobFailed',
    message: why?.cause === null || why === undefined ? said : `${said}: ${why.cause.message}`,
  };
  return { cause, suspect: why?.suspect ?? null };
}

function cronVerdict(cronJob: WorkloadFacts, input: ObserveInput): Verdict {
  const { asked, pods, findings = none, now } = input;
  if (cronJob.held) return fine(asked.stopped ? 'Stopped' : 'Suspended');
  const runs = input.runs
    .filter(({ owner }) => owner === cronJob.uid)
    .sort((a, b) => b.createdAt - a.createdAt || (a.name < b.name ? 1 : -1));
  const podsOf = (run: WorkloadFacts): PodFacts[] => pods.filter(({ owner }) => owner === run.uid);
  const last = runs.find(({ ended }) => ended !== null);
  if (last?.ended?.failure != null) {
    const { cause, suspect } = jobFailure(last, podsOf(last), findings, now);
    const message = `The last run, ${last.name}, has failed: ${cause?.message ?? ''}`;
    return { phase: 'Degraded', cause: { ...cause, reason: 'JobFailed', message }, suspect };
  }
  // One that does not come to its end.
  let asking: Suspect | null = null;
  for (const run of runs.filter(({ ended }) => ended === null)) {
    const explanation = explain(run, podsOf(run), findings, now);
    if (explanation.cause !== null) return { phase: 'Degraded', ...explanation };
    asking ??= explanation.suspect;
  }
  return { phase: 'Running', cause: null, suspect: asking };
}

function isBegun(pods: readonly PodFacts[]): boolean {
  return pods.some(({ leaving, started }) => !leaving && started);
}

/** When a trouble begins or ends to count next. */
function nextTurn(pods: readonly PodFacts[], now: number): number | null {
  let next = Infinity;
  for (const { trouble } of pods) {
    if (trouble === null) continue;
    for (const turn of [trouble.from, trouble.until])
      if (turn !== undefined && turn > now) next = Math.min(next, turn);
  }
  return next === Infinity ? null : next;
}

const none: Findings = () => undefined;
