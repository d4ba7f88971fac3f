import type { ErrorCode } from '@cetus/shared/errors';
import type { Cause, Failure } from '@cetus/shared/schemas';

/** The codes of causes by their reasons. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  ImagePullBackOff: 'image_pull_failed',
  ErrImageNeverPull: 'image_pull_failed',
  InvalidImageName: 'image_pull_failed',
  ImageInspectError: 'image_pull_failed',
  RegistryUnavailable: 'image_pull_failed',
  SignatureValidationFailed: 'image_pull_failed',
  CrashLoopBackOff: 'container_crashed',
  OutOfMemory: 'container_crashed',
  ContainerFailed: 'container_crashed',
  RunContainerError: 'container_crashed',
  PostStartHookError: 'container_crashed',
  CreateContainerConfigError: 'container_config_error',
  CreateContainerError: 'container_config_error',
  SecretMissing: 'container_config_error',
  ConfigMapMissing: 'container_config_error',
  ProbeFailing: 'probe_failed',
  Unschedulable: 'unschedulable',
  QuotaExceeded: 'namespace_quota_exceeded',
  AdmissionRefused: 'admission_refused',
  VolumeNotReady: 'volume_not_ready',
  JobFailed: 'job_failed',
  ProgressDeadlineExceeded: 'rollout_stalled',
};

/** The code of a cause; where Kubernetes says something that is not known here, that there is no progress. */
function codeOf({ reason }: Pick<Cause, 'reason'>): ErrorCode {
  return Object.hasOwn(CODES, reason) ? (CODES[reason] as ErrorCode) : 'rollout_stalled';
}

/**
 * What an operation fails with.
 * @param cause null: none is known
 * @param about the name of the cluster, and what is said when there is no cause
 */
export function failureOfCause(
  cause: Cause | null,
  { cluster, message }: { cluster: string; message: string },
): Failure {
  if (cause === null) return { code: 'rollout_stalled', message: `In cluster ${cluster}: ${message}` };
  const said = `In cluster ${cluster}: ${cause.message}`;
  return {
    code: codeOf(cause),
    // What a container wrote is in the cause alone: a failure is told in notifications, and nobody knows what is in a log.
    message: said,
    ...(cause.instance === undefined ? {} : { resource: { type: 'Pod', name: cause.instance } }),
  };
}
