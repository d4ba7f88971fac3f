import type { ApplicationKind } from '@cetus/shared/schemas';

/** The kinds of Kubernetes that applications are made of. */
export type WorkloadKind = 'Deployment' | 'StatefulSet' | 'DaemonSet' | 'Job' | 'CronJob';

const WORKLOAD_KINDS: Readonly<Record<ApplicationKind, WorkloadKind>> = {
  stateless: 'Deployment',
  stateful: 'StatefulSet',
  daemon: 'DaemonSet',
  job: 'Job',
  cronjob: 'CronJob',
};

/** What an application of a kind is made of. */
export function workloadKindOf(kind: ApplicationKind): WorkloadKind {
  return WORKLOAD_KINDS[kind];
}
