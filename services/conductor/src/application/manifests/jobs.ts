import type { Manifest } from '@cetus/kubernetes/apply';
import { CetusError } from '@cetus/shared/errors';
import { GENERATION_ANNOTATION } from '@cetus/shared/schemas';
import { canonicalJson } from './canonical-json.ts';
import { given, isSince, type Fields, type ManifestInput } from './input.ts';
import { labelsOf, metadataOf } from './metadata.ts';
import { shortHash } from './names.ts';
import { podTemplate } from './pod-template.ts';

/**
 * The Job of a `job`. What it runs cannot change, so its name says what that is, and how often it was asked for: whatever is different
 * makes another one.
 */
export function job(input: ManifestInput): Manifest {
  const { application, spec, apis } = input;
  const fields = jobSpec(input);
  const identity = { template: fields['template'], completions: fields['completions'], runs: spec.runs };
  // Suspended since 1.22; before that none of its instances runs at once.
  const stopped = isSince(apis, 22) ? { suspend: true } : { parallelism: 0 };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: metadataOf(input, `${application.name}-${shortHash(canonicalJson(identity))}`, {
      [GENERATION_ANNOTATION]: String(application.generation),
    }),
    spec: { ...fields, ...(spec.stopped ? stopped : {}) },
  };
}

/** @throws CetusError `api_not_served`, `internal_error` */
export function cronJob(input: ManifestInput): Manifest {
  const { application, spec, apis } = input;
  const { cron } = spec;
  if (cron === undefined) throw new TypeError('A cronjob without a schedule');
  const apiVersion = apis.versions.CronJob;
  if (apiVersion === undefined)
    throw new CetusError('api_not_served', 'The cluster serves no CronJobs', { field: 'kind' });
  return {
    apiVersion,
    kind: 'CronJob',
    metadata: metadataOf(input, application.name, {
      [GENERATION_ANNOTATION]: String(application.generation),
    }),
    spec: given({
      schedule: cron.schedule,
      concurrencyPolicy: cron.concurrency,
      startingDeadlineSeconds: cron.starting_deadline_seconds,
      successfulJobsHistoryLimit: cron.successful_history,
      failedJobsHistoryLimit: cron.failed_history,
      suspend: spec.stopped ? true : undefined,
      jobTemplate: { metadata: { labels: labelsOf(input) }, spec: jobSpec(input) },
    }),
  };
}

export function jobSpec(input: ManifestInput): Fields {
  const { job: form = {} } = input.spec;
  return given({
    // Left out beside a number of those at once, it would mean that one that succeeds is enough.
    completions: form.completions ?? 1,
    parallelism: form.parallelism,
    backoffLimit: form.backoff_limit,
    activeDeadlineSeconds: form.active_deadline_seconds,
    template: podTemplate(input),
  });
}
