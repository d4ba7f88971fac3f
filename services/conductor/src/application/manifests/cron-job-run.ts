import type { Manifest } from '@cetus/kubernetes/apply';
import type { ManifestInput } from './input.ts';
import { jobSpec } from './jobs.ts';
import { metadataOf } from './metadata.ts';
import { runName } from './names.ts';

/** Tells a job that somebody asked for from one whose time has come, as kubectl does. */
const INSTANTIATE_ANNOTATION = 'cronjob.kubernetes.io/instantiate';

/** The CronJob that a run is of. */
export interface RunOwner {
  apiVersion: string;
  uid: string;
}

/**
 * The Job of a run of a `cronjob` that was asked for. The CronJob controls it: it counts to those that are kept, and goes with it.
 * @param run from 1
 * @throws CetusError `internal_error` when values of secrets are missing
 */
export function cronJobRun(input: ManifestInput, run: number, owner: RunOwner): Manifest {
  const { name } = input.application;
  const { apiVersion, uid } = owner;
  const metadata = metadataOf(input, runName(name, run), { [INSTANTIATE_ANNOTATION]: 'manual' });
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      ...metadata,
      ownerReferences: [{ apiVersion, kind: 'CronJob', name, uid, controller: true }],
    },
    spec: jobSpec(input),
  };
}
