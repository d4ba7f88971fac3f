import type { Observation, Phase } from '@cetus/shared/schemas';

/** How far a rollout is. */
export interface Judgement {
  state: 'complete' | 'progressing' | 'failed';
  /** What it waits for or has failed with, a sentence for people. */
  message: string;
}

type Judged = Pick<Observation, 'phase' | 'generation' | 'settled' | 'replicas' | 'cause'>;

/** Phases in which there is nothing to wait for. */
const DONE: ReadonlySet<Phase> = new Set(['Running', 'Succeeded', 'Stopped', 'Paused', 'Suspended']);

/**
 * Whether a generation of an application is rolled out in a cluster. Complete only when what was looked at is of that generation, and the
 * workload's own controller has seen it; a job when it has begun, as it may take days. It has failed when Kubernetes has given up; how long a StatefulSet
 * or a DaemonSet may make no progress, Kubernetes does not judge.
 * @param observation as it was written, or as it is now; null: nothing was seen yet
 */
export function judge(observation: Judged | null | undefined, generation: number): Judgement {
  if (observation == null) return { state: 'progressing', message: 'Nothing of it was seen yet' };
  const { phase, settled, replicas, cause } = observation;
  const { desired, updated, available } = replicas;
  const because = cause === null ? '' : `: ${cause.message}`;
  if (phase === 'Missing') return { state: 'progressing', message: 'It is not there yet' };
  // A workload that is stopped by being taken away is of no generation.
  const isGone = phase === 'Stopped' && observation.generation === null;
  if (observation.generation !== generation && !isGone)
    return { state: 'progressing', message: 'What was asked for last was not seen there yet' };
  if (phase === 'Failed') return { state: 'failed', message: `It does not come up${because}` };
  if (!settled && !isGone)
    return { state: 'progressing', message: `The cluster has not taken it up yet${because}` };
  // A cronjob is there, however its last run ended.
  if (phase === 'Degraded' && desired === 0) return { state: 'complete', message: MESSAGES.Running ?? '' };
  if (DONE.has(phase)) return { state: 'complete', message: MESSAGES[phase] ?? '' };
  const progress =
    updated < desired
      ? `${count(updated, desired)} are up to date`
      : `${count(available, desired)} are available`;
  return { state: 'progressing', message: `${progress}${because}` };
}

const MESSAGES: Partial<Record<Phase, string>> = {
  Running: 'It is there, with all its instances',
  Succeeded: 'The job has succeeded',
  Stopped: 'No instance runs',
  Paused: 'The rollout is paused, as was asked',
  Suspended: 'Nothing is begun, as was asked',
};

function count(some: number, all: number): string {
  return `${String(some)} of ${String(all)} instances`;
}
