import type { CronForm, JobForm } from '@cetus/shared/schemas';
import { Mapping, type Told } from '../mapping.ts';
import { given, nonEmpty } from '../values.ts';

const JOB: Told = {
  backoffLimitPerIndex: ['lost', 'Instances of a job are all alike.'],
  completionMode: ['lost', 'Instances of a job are all alike: they have no index.'],
  managedBy: ['lost', 'It is not carried over.'],
  manualSelector: ['lost', 'Cetus says what it selects.'],
  maxFailedIndexes: ['lost', 'Instances of a job are all alike.'],
  podFailurePolicy: ['lost', 'It is not carried over.'],
  podReplacementPolicy: ['lost', 'It is not carried over.'],
  successPolicy: ['lost', 'It is not carried over.'],
  suspend: ['lost', 'It begins as soon as it is made; stop the application.'],
  ttlSecondsAfterFinished: ['lost', 'A job stays until its application is deleted.'],
};

/** How a Job is carried out. */
export function jobOf(spec: Mapping, restartPolicy: string): JobForm | undefined {
  const made = given<JobForm>({
    completions: spec.integer('completions', 1, 10_000),
    parallelism: spec.integer('parallelism', 1, 1_000),
    backoff_limit: spec.integer('backoffLimit', 0, 1_000),
    active_deadline_seconds: spec.integer('activeDeadlineSeconds', 1, 31_536_000),
    restart: restartPolicy === 'OnFailure' ? 'on_failure' : undefined,
  });
  spec.silent('selector', 'template');
  spec.usual({ completionMode: 'NonIndexed' });
  spec.tell(JOB);
  spec.rest();
  return nonEmpty(made);
}

/** When the jobs of a CronJob begin, and what they are. */
export function cronOf(spec: Mapping): { cron: CronForm; job: Mapping } {
  const concurrency = spec.text('concurrencyPolicy');
  const cron = given<CronForm>({
    // Fields may be set apart by any white space, at the ends, too.
    schedule: (spec.text('schedule') ?? '').trim().replace(/\s+/g, ' '),
    concurrency: concurrency === 'Forbid' || concurrency === 'Replace' ? concurrency : undefined,
    starting_deadline_seconds: spec.integer('startingDeadlineSeconds', 10, 86_400),
    successful_history: spec.integer('successfulJobsHistoryLimit', 0, 100),
    failed_history: spec.integer('failedJobsHistoryLimit', 0, 100),
  });
  const template = spec.mapping('jobTemplate');
  template?.tell({ metadata: ['note', 'Jobs have the labels of their application.'] });
  const job = template?.mapping('spec') ?? new Mapping({}, spec.at.in('jobTemplate', 'spec'));
  template?.rest();
  spec.tell({
    suspend: ['lost', 'Its jobs begin as the schedule says; stop the application.'],
    timeZone: ['lost', 'The schedule is in the time zone of the cluster, which is UTC as a rule.'],
  });
  spec.rest();
  return { cron, job };
}
