export { withOverrides } from '@cetus/shared/applications';
export { cronJobRun } from './cron-job-run.ts';
export { immutableChanges } from './immutable.ts';
export { readClusterApis, type ClusterApis, type ManifestInput } from './input.ts';
export { manifestsOf } from './manifests.ts';
export { redactManifest } from './redact.ts';
export { replicasHandover, SCALE_MANAGER } from './replicas-handover.ts';
export { transition } from './transition.ts';
export { WORKLOAD_KINDS } from './workloads.ts';
