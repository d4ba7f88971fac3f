import type { Cause } from '@cetus/shared/schemas';
import { isAcute, TROUBLES, type PodTrouble } from './pod-trouble.ts';
import type { PodFacts } from './pod-facts.ts';
import { creationSuspect, suspectOf, type Finding, type Suspect } from './suspects.ts';
import type { WorkloadFacts } from './workload-facts.ts';

/** A cause, if there is one, and what the cluster can be asked about it. */
export interface Explanation {
  cause: Cause | null;
  suspect: Suspect | null;
}

/** What was found already, by the key of what was asked. */
export type Findings = (key: string) => Finding | undefined;

const NOTHING: Explanation = { cause: null, suspect: null };

/** A pod with a trouble that counts now. */
type Troubled = PodFacts & { trouble: PodTrouble };

/** The pod that explains best what is wrong: by the kind of its trouble, then the newest, which a rollout fails with. */
export function worstOf(pods: readonly PodFacts[], now: number): Troubled | undefined {
  let worst: Troubled | undefined;
  for (const pod of pods) {
    const { trouble, leaving } = pod;
    // One that is ending is as good as gone, unless its node is the trouble: then it does not end.
    if (trouble === null || (leaving && trouble.kind !== 'lost') || !isAcute(trouble, now)) continue;
    if (worst === undefined || comesBefore(pod as Troubled, worst)) worst = pod as Troubled;
  }
  return worst;
}

function comesBefore(a: Troubled, b: Troubled): boolean {
  const order = TROUBLES.indexOf(a.trouble.kind) - TROUBLES.indexOf(b.trouble.kind);
  if (order !== 0) return order < 0;
  return a.createdAt === b.createdAt ? a.name < b.name : a.createdAt > b.createdAt;
}

/** Why a pod is in trouble. That nothing of it has been started is a cause only when it was found why. */
export function explainPod(pod: Troubled, findings: Findings): Explanation {
  const { name, trouble } = pod;
  const suspect = suspectOf(pod);
  const finding = suspect === null ? undefined : findings(suspect.key);
  if (trouble.kind === 'starting' && finding?.reason === undefined) return { cause: null, suspect };
  const { reason, message, container, image, exitCode, restarts } = trouble;
  const cause: Cause = {
    reason: finding?.reason ?? reason,
    message: finding?.message ?? message,
    instance: name,
    ...(container === undefined ? {} : { container }),
    ...(image === undefined ? {} : { image }),
    ...(exitCode === undefined ? {} : { exit_code: exitCode }),
    ...(restarts === undefined ? {} : { restarts }),
    ...(finding?.log === undefined ? {} : { log: finding.log }),
  };
  return { cause, suspect };
}

/** What an API server says when a quota refuses a pod; nothing else tells it from another refusal. Source: plugin/pkg/admission/resourcequota of Kubernetes */
const QUOTA = /\b(exceeded quota: |failed quota: )/;

/** Why pods are not even made, from what the controller was answered. */
function refusalCause(message: string): Cause {
  return { reason: QUOTA.test(message) ? 'QuotaExceeded' : 'AdmissionRefused', message };
}

/** Why a workload has fewer instances than it should, in the order of what explains it best. */
export function explain(
  workload: WorkloadFacts,
  pods: readonly PodFacts[],
  findings: Findings,
  now: number,
): Explanation {
  const worst = worstOf(pods, now);
  const ofPod = worst === undefined ? NOTHING : explainPod(worst, findings);
  if (ofPod.cause !== null && worst?.trouble.kind !== 'evicted' && worst?.trouble.kind !== 'lost')
    return ofPod;
  const ofCreation = explainCreation(workload, pods, findings);
  if (ofCreation.cause !== null) return ofCreation;
  if (workload.stalled !== null && ofPod.cause === null)
    return {
      cause: { reason: 'ProgressDeadlineExceeded', message: workload.stalled },
      suspect: ofPod.suspect ?? ofCreation.suspect,
    };
  return { cause: ofPod.cause, suspect: ofPod.suspect ?? ofCreation.suspect };
}

function explainCreation(
  workload: WorkloadFacts,
  pods: readonly PodFacts[],
  findings: Findings,
): Explanation {
  if (workload.refused !== null) return { cause: refusalCause(workload.refused), suspect: null };
  // A Deployment says it itself.
  if (workload.kind === 'Deployment' || workload.leaving) return NOTHING;
  const there = pods.filter(({ leaving }) => !leaving).length;
  const { desired } = workload.counts;
  // Before the first ones are made, a DaemonSet does not even say how many there shall be.
  if (there > 0 && there >= desired) return NOTHING;
  const suspect = creationSuspect(workload);
  const message = findings(suspect.key)?.message;
  return { cause: message === undefined ? null : refusalCause(message), suspect };
}
