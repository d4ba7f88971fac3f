import { ApiError } from '../api/status-error.ts';
import { at, isSame, timestamp, keyOfObject, type Fields, type KubeObject, textOf } from '../objects.ts';
import { newMetadata } from '../seed.ts';
import type { ControllerContext } from './controller-context.ts';
import { nextTime } from './cron.ts';
import { createPod } from './pod-creation.ts';
import { podOf } from './pod-template.ts';
import { conditionOf, hasEnded, isReady } from './pod-state.ts';

const JOBS = 'jobs.batch';
const CRON_JOBS = 'cronjobs.batch';
const JOB = { kind: 'Job', apiVersion: 'batch/v1' };
const CRON_JOB = { kind: 'CronJob', apiVersion: 'batch/v1' };

/** True for a job that has come to an end, well or not. */
export function isFinished(job: KubeObject): boolean {
  return ['Complete', 'Failed'].some((type) => conditionOf(job, type)?.['status'] === 'True');
}

/** Runs a Job's pods until enough have succeeded or too many have failed. */
export function reconcileJob(context: ControllerContext, job: KubeObject): void {
  if (job.metadata.deletionTimestamp !== undefined) return;
  if (isFinished(job)) {
    expire(context, job);
    return;
  }
  const pods = context.controlledBy('pods', job);
  const succeeded = pods.filter((pod) => at(pod.status, 'phase') === 'Succeeded').length;
  const failed = pods.filter((pod) => at(pod.status, 'phase') === 'Failed').length;
  const active = pods.filter((pod) => !hasEnded(pod) && pod.metadata.deletionTimestamp === undefined);
  const { completions, parallelism, backoffLimit, suspend } = (job.spec ?? {}) as {
    completions?: number;
    parallelism?: number;
    backoffLimit?: number;
    suspend?: boolean;
  };
  const wanted = completions ?? 1;
  const failure = failureOf(context, job, pods, failed, backoffLimit ?? 6);
  const status: Fields = {
    startTime: at(job.status, 'startTime') ?? timestamp(),
    active: active.length,
    succeeded,
    failed,
    ready: active.filter(isReady).length,
  };
  if (suspend === true) {
    for (const pod of active) context.delete('pods', pod);
    delete status['startTime'];
    write(context, job, {
      ...status,
      active: 0,
      ready: 0,
      conditions: [ended('Suspended', 'JobSuspended', 'Job suspended')],
    });
    return;
  }
  if (succeeded >= wanted) {
    context.events.record(job, JOB, 'Normal', 'Completed', 'Job completed', 'job-controller');
    write(context, job, {
      ...status,
      active: 0,
      ready: 0,
      completionTime: timestamp(),
      conditions: [ended('Complete', 'CompletionsReached', 'Reached expected number of succeeded pods')],
    });
    return;
  }
  if (failure !== undefined) {
    for (const pod of active) context.delete('pods', pod);
    context.events.record(job, JOB, 'Warning', failure.reason, failure.message, 'job-controller');
    write(context, job, {
      ...status,
      active: 0,
      ready: 0,
      conditions: [ended('Failed', failure.reason, failure.message)],
    });
    return;
  }
  const missing = Math.min(parallelism ?? 1, wanted - succeeded) - active.length;
  // A pod after a failed one has to wait, longer each time.
  const wait = failed === 0 ? 0 : context.cluster.seconds.crashBackOff * 2 ** Math.min(5, failed - 1);
  const lastFailed = Math.max(0, ...pods.filter((pod) => at(pod.status, 'phase') === 'Failed').map(endOf));
  if (missing > 0 && Date.now() < lastFailed + wait * 1000) {
    context.wishLater(JOBS, keyOfObject(job), wait);
  } else {
    for (let made = 0; made < missing; made += 1) if (!add(context, job)) break;
  }
  write(context, job, { ...status, active: Math.max(active.length, active.length + Math.max(0, missing)) });
}

function endOf(pod: KubeObject): number {
  return Date.parse(
    textOf(conditionOf(pod, 'Ready')?.['lastTransitionTime'] ?? pod.metadata.creationTimestamp),
  );
}

function failureOf(
  context: ControllerContext,
  job: KubeObject,
  pods: readonly KubeObject[],
  failed: number,
  limit: number,
): { reason: string; message: string } | undefined {
  const deadline = at(job.spec, 'activeDeadlineSeconds');
  const started = at(job.status, 'startTime');
  if (typeof deadline === 'number' && typeof started === 'string') {
    const left = Date.parse(started) + deadline * 1000 - Date.now();
    if (left <= 0)
      return { reason: 'DeadlineExceeded', message: 'Job was active longer than specified deadline' };
    context.wishLater('jobs-deadline', keyOfObject(job), left / 1000 + 0.05);
  }
  // With OnFailure the containers are started again in their pod.
  const restarts = pods.reduce((sum, pod) => {
    const statuses = at(pod.status, 'containerStatuses');
    return (
      sum +
      (Array.isArray(statuses)
        ? statuses.reduce<number>((inner, one: Fields) => inner + Number(one['restartCount'] ?? 0), 0)
        : 0)
    );
  }, 0);
  return failed > limit || restarts > limit
    ? { reason: 'BackoffLimitExceeded', message: 'Job has reached the specified backoff limit' }
    : undefined;
}

function ended(type: string, reason: string, message: string): Fields {
  return {
    type,
    status: 'True',
    lastProbeTime: timestamp(),
    lastTransitionTime: timestamp(),
    reason,
    message,
  };
}

function add(context: ControllerContext, job: KubeObject): boolean {
  const pod = podOf(job, context.ownerReference(JOBS, job), at(job.spec, 'template'));
  return createPod(context, { storage: JOBS, object: job, kind: JOB, component: 'job-controller' }, pod);
}

function write(context: ControllerContext, job: KubeObject, status: Fields): void {
  const next = Object.fromEntries(
    Object.entries({ ...job.status, ...status }).filter(([, value]) => value !== 0),
  );
  if (isSame(next, job.status)) return;
  const stored = context.store.put(JOBS, { ...job, status: next });
  if (isFinished(stored)) expire(context, stored);
}

/** Takes a finished job away when it says for how long it is to be kept. */
function expire(context: ControllerContext, job: KubeObject): void {
  const seconds = at(job.spec, 'ttlSecondsAfterFinished');
  if (typeof seconds !== 'number') return;
  const condition = conditionOf(job, 'Complete') ?? conditionOf(job, 'Failed');
  const left = Date.parse(String(condition?.['lastTransitionTime'])) + seconds * 1000 - Date.now();
  if (left <= 0) context.delete(JOBS, job, { propagationPolicy: 'Background' });
  else context.wishLater(JOBS, keyOfObject(job), left / 1000 + 0.05);
}

/** Makes the Jobs of a CronJob when their time has come. */
export function reconcileCronJob(context: ControllerContext, cron: KubeObject): void {
  if (cron.metadata.deletionTimestamp !== undefined) return;
  const jobs = context.controlledBy(JOBS, cron);
  const active = jobs.filter((job) => !isFinished(job));
  const succeeded = jobs.filter((job) => conditionOf(job, 'Complete')?.['status'] === 'True');
  const failed = jobs.filter((job) => conditionOf(job, 'Failed')?.['status'] === 'True');
  trim(context, succeeded, Number(at(cron.spec, 'successfulJobsHistoryLimit') ?? 3));
  trim(context, failed, Number(at(cron.spec, 'failedJobsHistoryLimit') ?? 1));
  const last = at(cron.status, 'lastScheduleTime');
  const since = Date.parse(typeof last === 'string' ? last : cron.metadata.creationTimestamp);
  const status: Fields = {};
  if (at(cron.spec, 'suspend') !== true) {
    const schedule = String(at(cron.spec, 'schedule'));
    const due = latestDue(schedule, since);
    if (due !== undefined && launch(context, cron, active, due)) status['lastScheduleTime'] = timestamp(due);
    const next = nextTime(schedule, Date.now());
    if (next !== undefined)
      context.wishLater(CRON_JOBS, keyOfObject(cron), (next - Date.now()) / 1000 + 0.05);
  }
  const now = context.store.get(CRON_JOBS, cron.metadata.namespace, cron.metadata.name);
  if (now === undefined) return;
  const running = context.controlledBy(JOBS, now).filter((job) => !isFinished(job));
  const references = running.map(({ metadata }) => ({
    ...JOB,
    name: metadata.name,
    namespace: metadata.namespace,
    uid: metadata.uid,
    resourceVersion: metadata.resourceVersion,
  }));
  const names = (value: unknown): unknown =>
    Array.isArray(value) ? value.map((one: Fields) => one['uid']) : [];
  const isSameActive = isSame(
    names(at(now.status, 'active')),
    references.map((one) => one.uid),
  );
  const finished = succeeded
    .map((job) => String(at(job.status, 'completionTime')))
    .sort()
    .pop();
  if (finished !== undefined) status['lastSuccessfulTime'] = finished;
  const next: Fields = { ...now.status, ...status };
  if (!isSameActive) {
    if (references.length === 0) delete next['active'];
    else next['active'] = references;
  }
  if (!isSame(next, now.status ?? {})) context.store.put(CRON_JOBS, { ...now, status: next });
}

/** The last time that is due since a time; those missed before it are passed over. */
function latestDue(schedule: string, since: number): number | undefined {
  let due: number | undefined;
  let time = nextTime(schedule, Math.max(since, Date.now() - 3_600_000));
  while (time !== undefined && time <= Date.now()) {
    due = time;
    time = nextTime(schedule, time);
  }
  return due;
}

/** @returns true when the time has been dealt with */
function launch(
  context: ControllerContext,
  cron: KubeObject,
  active: readonly KubeObject[],
  due: number,
): boolean {
  const policy = at(cron.spec, 'concurrencyPolicy');
  if (policy === 'Forbid' && active.length > 0) return true;
  if (policy === 'Replace')
    for (const job of active) context.delete(JOBS, job, { propagationPolicy: 'Background' });
  const name = `${cron.metadata.name}-${String(Math.floor(due / 60_000))}`;
  const template = at(cron.spec, 'jobTemplate');
  try {
    context.create(JOBS, {
      metadata: newMetadata(name, cron.metadata.namespace, {
        labels: (at(template, 'metadata', 'labels') ?? {}) as Record<string, string>,
        annotations: {
          ...(at(template, 'metadata', 'annotations') as Record<string, string>),
          'batch.kubernetes.io/cronjob-scheduled-timestamp': timestamp(due),
        },
        ownerReferences: [context.ownerReference(CRON_JOBS, cron)],
      }),
      spec: (at(template, 'spec') ?? {}) as Fields,
    });
    context.events.record(
      cron,
      CRON_JOB,
      'Normal',
      'SuccessfulCreate',
      `Created job ${name}`,
      'cronjob-controller',
    );
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.reason !== 'AlreadyExists') {
      context.events.record(
        cron,
        CRON_JOB,
        'Warning',
        'FailedCreate',
        `Error creating job: ${error.message}`,
        'cronjob-controller',
      );
      return false;
    }
  }
  return true;
}

function trim(context: ControllerContext, jobs: readonly KubeObject[], limit: number): void {
  const oldest = [...jobs].sort((a, b) =>
    a.metadata.creationTimestamp < b.metadata.creationTimestamp ? -1 : 1,
  );
  for (const job of oldest.slice(0, Math.max(0, jobs.length - limit)))
    context.delete(JOBS, job, { propagationPolicy: 'Background' });
}
