import { APPLICATION_LABEL, GENERATION_ANNOTATION, type ReplicaCounts } from '@cetus/shared/schemas';
import { word } from '../../health/brief.ts';
import type { WorkloadCondition, WorkloadObject } from './objects.ts';
import { sentence } from './text.ts';
import type { WorkloadKind } from './workload-kinds.ts';

/** As much of a workload as is needed to say how its application is: thousands of them are kept. */
export interface WorkloadFacts {
  kind: WorkloadKind;
  name: string;
  namespace: string;
  uid: string;
  /** The id of the application, as its label says. */
  application: string;
  /** The uid of its controller: of a job the cronjob that has made it. */
  owner: string | null;
  /** In milliseconds. */
  createdAt: number;
  /** It is being deleted. */
  leaving: boolean;
  /** `metadata.generation`; null where the kind does not count (a Job before 1.21, a CronJob before 1.21). */
  resourceGeneration: number | null;
  /** The generation of the application, of the annotation. */
  applicationGeneration: number | null;
  /** Whether its own controller has seen its newest specification. */
  settled: boolean;
  /**
   * Of a job: how many must succeed, how many run, how many of these are ready, how many have succeeded. Of a cronjob all are 0: its
   * instances are those of its runs.
   */
  counts: ReplicaCounts;
  /** Pods that it has, of whatever revision. */
  total: number;
  /** A Deployment's `paused`, a Job's or CronJob's `suspend`. */
  held: boolean;
  /** Instances below this number stay as they are. */
  partition: number;
  /** Instances are replaced only as they are deleted. */
  onDelete: boolean;
  /** A StatefulSet whose instances are not yet all of the newest revision. */
  mixed: boolean;
  /** Why it makes no progress, as it says itself. */
  stalled: string | null;
  /** Why no pod can be made, as it says itself. */
  refused: string | null;
  /** A Job that has ended: whether well, and why not. */
  ended: { failure: { reason: string; message: string } | null } | null;
}

/** Keeps of a workload what is needed. Undefined for what has no application's label. */
export function workloadFacts(kind: WorkloadKind, object: WorkloadObject): WorkloadFacts | undefined {
  const { metadata, spec, status } = object;
  const application = metadata.labels?.[APPLICATION_LABEL];
  if (application === undefined) return undefined;
  const seen = status?.observedGeneration;
  const counted = metadata.generation ?? null;
  const generation = Number(metadata.annotations?.[GENERATION_ANNOTATION]);
  const strategy = spec?.updateStrategy;
  return {
    kind,
    name: metadata.name,
    namespace: metadata.namespace ?? '',
    uid: metadata.uid,
    application,
    owner: metadata.ownerReferences?.find(({ controller }) => controller === true)?.uid ?? null,
    createdAt: Date.parse(metadata.creationTimestamp),
    leaving: metadata.deletionTimestamp !== undefined,
    resourceGeneration: counted,
    applicationGeneration: Number.isSafeInteger(generation) ? generation : null,
    settled: kind === 'Job' || kind === 'CronJob' || (seen !== undefined && seen >= (counted ?? 0)),
    counts: countsOf(kind, object),
    total: kind === 'DaemonSet' ? (status?.currentNumberScheduled ?? 0) : (status?.replicas ?? 0),
    held: spec?.paused ?? spec?.suspend ?? false,
    partition: strategy?.rollingUpdate?.partition ?? 0,
    onDelete: strategy?.type === 'OnDelete',
    mixed: kind === 'StatefulSet' && status?.updateRevision !== status?.currentRevision,
    stalled: messageOf(object, 'Progressing', 'False', 'ProgressDeadlineExceeded'),
    refused: messageOf(object, 'ReplicaFailure', 'True'),
    ended: kind === 'Job' ? endOf(object) : null,
  };
}

function countsOf(kind: WorkloadKind, { spec, status }: WorkloadObject): ReplicaCounts {
  if (kind === 'CronJob') return { desired: 0, updated: 0, ready: 0, available: 0 };
  if (kind === 'Job') {
    return {
      desired: spec?.completions ?? spec?.parallelism ?? 1,
      updated: status?.active ?? 0,
      ready: status?.ready ?? 0,
      available: status?.succeeded ?? 0,
    };
  }
  if (kind === 'DaemonSet') {
    return {
      desired: status?.desiredNumberScheduled ?? 0,
      updated: status?.updatedNumberScheduled ?? 0,
      ready: status?.numberReady ?? 0,
      available: status?.numberAvailable ?? 0,
    };
  }
  const ready = status?.readyReplicas ?? 0;
  return {
    desired: spec?.replicas ?? 1,
    updated: status?.updatedReplicas ?? 0,
    ready,
    // Before 1.22 a StatefulSet counts no available ones: whoever is ready is.
    available: status?.availableReplicas ?? (kind === 'StatefulSet' ? ready : 0),
  };
}

function conditionOf({ status }: WorkloadObject, type: string): WorkloadCondition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

/** What a condition says, when it is of that status and, where one is given, for that reason. */
function messageOf(object: WorkloadObject, type: string, status: string, reason?: string): string | null {
  const found = conditionOf(object, type);
  if (found?.status !== status || (reason !== undefined && found.reason !== reason)) return null;
  return sentence(found.message ?? found.reason ?? type);
}

function endOf(object: WorkloadObject): WorkloadFacts['ended'] {
  if (conditionOf(object, 'Complete')?.status === 'True') return { failure: null };
  const failed = conditionOf(object, 'Failed');
  if (failed?.status !== 'True') return null;
  const { reason = 'Failed', message = 'The job has failed' } = failed;
  return { failure: { reason: word(reason), message: sentence(message) } };
}

/**
 * The Job that a `job` is now: each change and each run makes another one, called after it and what is run, and the one before goes.
 * Those of a CronJob are not meant.
 */
export function currentJob(workloads: readonly WorkloadFacts[]): WorkloadFacts | null {
  const jobs = workloads.filter(({ kind, owner }) => kind === 'Job' && owner === null);
  const order = (one: WorkloadFacts): number[] => [
    one.leaving ? 0 : 1,
    one.applicationGeneration ?? 0,
    one.createdAt,
  ];
  return (
    jobs.sort((a, b) => {
      const [left, right] = [order(a), order(b)];
      const at = left.findIndex((value, index) => value !== right[index]);
      return at === -1 ? 0 : (right[at] ?? 0) - (left[at] ?? 0);
    })[0] ?? null
  );
}
