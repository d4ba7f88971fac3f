import { applyObject } from '@cetus/kubernetes/apply';
import type { KubernetesObject } from '@cetus/kubernetes/objects';
import type { ClusterApi } from '../cluster-connections.ts';
import { cronJobRun, type ManifestInput } from '../manifests/index.ts';
import { refusalOf } from './apply-manifests.ts';

export interface RunsInput {
  input: ManifestInput;
  /** How many have begun in the cluster. */
  begun: number;
  workload: KubernetesObject | undefined;
}

/**
 * Begins the job of a cronjob that was asked for besides its schedule and has not begun here: one, however many were asked for while
 * the cluster could not be reached. Its name tells which, so that it is not made twice.
 * @returns how many have begun, for `placement.runs`
 * @throws CetusError, KubernetesUnreachableError
 */
export async function startRuns(
  { connection }: ClusterApi,
  { input, begun, workload }: RunsInput,
  signal: AbortSignal,
): Promise<number> {
  const { kind, runs } = input.spec;
  if (runs <= begun) return begun;
  const apiVersion = input.apis.versions.CronJob;
  if (kind !== 'cronjob' || workload === undefined || apiVersion === undefined) return runs;
  const job = cronJobRun(input, runs, { apiVersion, uid: workload.metadata.uid });
  try {
    await applyObject(connection, job, { force: true, signal });
  } catch (error) {
    throw refusalOf(error, job);
  }
  return runs;
}
