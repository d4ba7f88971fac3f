import assert from 'node:assert/strict';
import type { Pod } from '@cetus/kubernetes/objects';
import { real, THEN, type Looked, type RealApplication } from './real-objects.ts';

/** What is found out about an application from its objects. */
export interface Case {
  /** What the row is there for. */
  why: string;
  /** Of the real objects. */
  of: string;
  change?: (application: RealApplication) => void;
  looked?: Looked;
  phase: string;
  reason?: string;
  message?: RegExp;
  judged: 'complete' | 'progressing' | 'failed';
  code?: string;
}

function status(pod: Pod | undefined) {
  const found = pod?.status?.containerStatuses?.[0];
  assert.ok(found !== undefined);
  return found;
}

const ago = (seconds: number): string => new Date(THEN - seconds * 1_000).toISOString();
const first = <T>(list: readonly T[]): T => {
  assert.ok(list[0] !== undefined);
  return list[0];
};
/** A Deployment whose one instance has been running again for some seconds. */
const runsAgain =
  (seconds: number) =>
  ({ workload, pods }: RealApplication): void => {
    Object.assign(workload.status ?? {}, { availableReplicas: 1, readyReplicas: 1 });
    Object.assign(status(pods[0]), { ready: true, state: { running: { startedAt: ago(seconds) } } });
  };
/** A Deployment that has not been tried for as long as it may take. */
const young = ({ workload }: RealApplication): void => {
  for (const condition of workload.status?.conditions ?? [])
    if (condition.type === 'Progressing')
      Object.assign(condition, { status: 'True', reason: 'ReplicaSetUpdated' });
};

/** Of each trouble there is, and of each way to be well; by objects of a real cluster, changed where it says so. */
export const CASES: readonly Case[] = [
  { why: 'all is well', of: 'good', phase: 'Running', judged: 'complete' },
  { why: 'all is well', of: 'sgood', phase: 'Running', judged: 'complete' },
  { why: 'all is well', of: 'dgood', phase: 'Running', judged: 'complete' },
  {
    why: 'there is no node for it, which nobody asked to be otherwise',
    of: 'dnone',
    phase: 'Running',
    judged: 'complete',
  },
  {
    why: 'the registry has said why, and the kubelet tries again',
    of: 'badimage',
    phase: 'Failed',
    reason: 'ImagePullBackOff',
    message: /^The image registry\.invalid\/missing:1 of container web cannot be had: .*no such host$/,
    judged: 'failed',
    code: 'image_pull_failed',
  },
  {
    why: 'it still has time: that it does not come up is not final',
    of: 'badimage',
    change: young,
    phase: 'Degraded',
    reason: 'ImagePullBackOff',
    judged: 'progressing',
    code: 'image_pull_failed',
  },
  {
    why: 'the kubelet waits and says nothing of the registry, whose answer was found',
    of: 'sbad',
    looked: { finding: { message: 'Container web: Failed to pull image: no such host' } },
    phase: 'Degraded',
    reason: 'ImagePullBackOff',
    message: /no such host/,
    judged: 'progressing',
    code: 'image_pull_failed',
  },
  {
    why: 'a name that no registry has',
    of: 'invalidname',
    phase: 'Failed',
    reason: 'InvalidImageName',
    message: /must be lowercase/,
    judged: 'failed',
    code: 'image_pull_failed',
  },
  {
    why: 'it ends again and again',
    of: 'crash',
    change: young,
    looked: { finding: { log: 'one\ntwo\nboom' } },
    phase: 'Degraded',
    reason: 'CrashLoopBackOff',
    message: /^Container web ended with exit code 3, after 4 restarts$/,
    judged: 'progressing',
    code: 'container_crashed',
  },
  {
    why: 'it could not even be started: the runtime says why',
    of: 'badcmd',
    phase: 'Failed',
    reason: 'CrashLoopBackOff',
    message: /exit code 128.*no such file or directory/,
    judged: 'failed',
    code: 'container_crashed',
  },
  {
    why: 'an init container is a container too',
    of: 'initfail',
    phase: 'Failed',
    reason: 'CrashLoopBackOff',
    message: /^Container prep ended with exit code 4/,
    judged: 'failed',
    code: 'container_crashed',
  },
  {
    why: 'it was ended by the kernel, and has not been said to wait yet',
    of: 'oom',
    phase: 'Failed',
    reason: 'OutOfMemory',
    message: /more memory than its limit/,
    judged: 'failed',
    code: 'container_crashed',
  },
  {
    why: 'it was rolled out once and fails now: the rollout is over, and Kubernetes does not give up',
    of: 'liveness',
    phase: 'Degraded',
    reason: 'CrashLoopBackOff',
    judged: 'progressing',
    code: 'container_crashed',
  },
  {
    why: 'it runs again, not for long yet: what is available now is not believed',
    of: 'liveness',
    change: runsAgain(3),
    phase: 'Degraded',
    reason: 'CrashLoopBackOff',
    judged: 'progressing',
  },
  {
    why: 'it runs again for long enough',
    of: 'liveness',
    change: runsAgain(30),
    phase: 'Running',
    judged: 'complete',
  },
  {
    why: 'nobody looked whether the secret is there',
    of: 'nosecret',
    change: young,
    phase: 'Degraded',
    reason: 'CreateContainerConfigError',
    message: /secret "absent" not found/,
    judged: 'progressing',
    code: 'container_config_error',
  },
  {
    why: 'somebody looked, and it is not',
    of: 'nosecret',
    looked: { finding: { reason: 'SecretMissing', message: 'The Secret absent is not there' } },
    phase: 'Failed',
    reason: 'SecretMissing',
    judged: 'failed',
    code: 'container_config_error',
  },
  {
    why: 'the pod says nothing of what it mounts, and nobody asked: only that it makes no progress is known',
    of: 'nomount',
    phase: 'Failed',
    reason: 'ProgressDeadlineExceeded',
    judged: 'failed',
    code: 'rollout_stalled',
  },
  {
    why: 'its events were asked for',
    of: 'nomount',
    change: young,
    looked: { finding: { reason: 'VolumeNotReady', message: 'MountVolume.SetUp failed' } },
    phase: 'Degraded',
    reason: 'VolumeNotReady',
    judged: 'progressing',
    code: 'volume_not_ready',
  },
  {
    why: 'it is only just being started',
    of: 'nomount',
    change: (application) => {
      young(application);
      Object.assign(first(application.pods).status ?? {}, { startTime: ago(2) });
    },
    looked: { finding: { reason: 'VolumeNotReady', message: 'too early' } },
    phase: 'Pending',
    judged: 'progressing',
  },
  {
    why: 'no node has room, as the scheduler says',
    of: 'unsched',
    change: young,
    phase: 'Degraded',
    reason: 'Unschedulable',
    message: /1 Insufficient cpu/,
    judged: 'progressing',
    code: 'unschedulable',
  },
  {
    why: 'it runs and its readiness probe has failed more often than it may',
    of: 'probe',
    phase: 'Failed',
    reason: 'ProbeFailing',
    judged: 'failed',
    code: 'probe_failed',
  },
  {
    why: 'its readiness probe may still succeed',
    of: 'probe',
    change: (application) => {
      young(application);
      Object.assign(status(application.pods[0]), { state: { running: { startedAt: ago(4) } } });
    },
    phase: 'Progressing',
    judged: 'progressing',
  },
  {
    why: 'its startup probe has more time than its readiness probe',
    of: 'probe',
    change: (application) => {
      young(application);
      const pod = first(application.pods);
      Object.assign(status(pod), { started: false, state: { running: { startedAt: ago(60) } } });
      Object.assign(first(pod.spec?.containers ?? []), {
        startupProbe: { periodSeconds: 10, failureThreshold: 30 },
      });
    },
    phase: 'Progressing',
    judged: 'progressing',
  },
  {
    why: 'a quota: the Deployment says it itself',
    of: 'qdeployment',
    phase: 'Failed',
    reason: 'QuotaExceeded',
    message: /exceeded quota: one/,
    judged: 'failed',
    code: 'namespace_quota_exceeded',
  },
  {
    why: 'a limit range, which has no word of its own',
    of: 'ldeployment',
    phase: 'Failed',
    reason: 'AdmissionRefused',
    message: /maximum cpu usage/,
    judged: 'failed',
    code: 'admission_refused',
  },
  {
    why: 'a quota: a StatefulSet says nothing, not even that it has seen its specification',
    of: 'qstatefulset',
    looked: { finding: { message: 'create Pod x failed error: pods "x" is forbidden: exceeded quota: one' } },
    phase: 'Degraded',
    reason: 'QuotaExceeded',
    judged: 'progressing',
    code: 'namespace_quota_exceeded',
  },
  {
    why: 'a quota: a DaemonSet does not even say how many it wants',
    of: 'qdaemonset',
    looked: {
      finding: { message: 'Error creating: pods "x" is forbidden: violates PodSecurity "baseline:latest"' },
    },
    phase: 'Degraded',
    reason: 'AdmissionRefused',
    judged: 'progressing',
    code: 'admission_refused',
  },
  {
    why: 'it was evicted, and no other has come in its place',
    of: 'good',
    change: ({ workload, pods }) => {
      Object.assign(workload.status ?? {}, { availableReplicas: 1, readyReplicas: 1 });
      const pod = first(pods);
      pod.status = { phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: memory.' };
    },
    phase: 'Degraded',
    reason: 'Evicted',
    message: /low on resource/,
    judged: 'progressing',
    code: 'rollout_stalled',
  },
  {
    why: 'its node is not heard of: the pod is not ready, though its containers were when they were last heard of',
    of: 'good',
    change: ({ workload, pods }) => {
      Object.assign(workload.status ?? {}, { availableReplicas: 1, readyReplicas: 1 });
      for (const condition of first(pods).status?.conditions ?? [])
        if (condition.type === 'Ready') condition.status = 'False';
    },
    phase: 'Degraded',
    reason: 'NodeUnreachable',
    message: /node-1/,
    judged: 'progressing',
  },
  {
    why: 'what ends well is not told of: another has taken its place',
    of: 'good',
    change: ({ pods }) => {
      const [pod] = real('crash').pods;
      assert.ok(pod !== undefined);
      pods.push({ ...pod, metadata: { ...pod.metadata, deletionTimestamp: ago(1) } });
    },
    phase: 'Running',
    judged: 'complete',
  },
  {
    why: 'a rollout that the new instances do not come up in, while the old ones do all the work',
    of: 'good',
    change: ({ workload, pods }) => {
      Object.assign(workload.status ?? {}, { replicas: 3, updatedReplicas: 1, availableReplicas: 2 });
      pods.push(...real('badimage').pods);
    },
    phase: 'Progressing',
    reason: 'ImagePullBackOff',
    judged: 'progressing',
  },
  {
    why: 'its controller has not seen the newest specification: what it counts is of the one before',
    of: 'good',
    change: ({ workload }) => void (workload.metadata.generation = 2),
    phase: 'Progressing',
    judged: 'progressing',
  },
  {
    why: 'old instances are still there',
    of: 'good',
    change: ({ workload }) => void Object.assign(workload.status ?? {}, { replicas: 3 }),
    phase: 'Progressing',
    judged: 'progressing',
  },
  {
    why: 'an update that is not there yet: what was seen is of another generation',
    of: 'good',
    change: ({ workload }) =>
      void Object.assign(workload.metadata.annotations ?? {}, { 'cetus.io/generation': '2' }),
    phase: 'Running',
    judged: 'progressing',
  },
  {
    why: 'not all are of the newest revision',
    of: 'sgood',
    change: ({ workload }) =>
      void Object.assign(workload.status ?? {}, { updateRevision: 'next', updatedReplicas: 1 }),
    phase: 'Progressing',
    judged: 'progressing',
  },
  {
    why: 'those below the partition stay as they are',
    of: 'sgood',
    change: ({ workload }) => {
      Object.assign(workload.status ?? {}, { updateRevision: 'next', updatedReplicas: 1 });
      Object.assign(workload.spec ?? {}, {
        updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 1 } },
      });
    },
    phase: 'Running',
    judged: 'complete',
  },
  {
    why: 'they are replaced as they are deleted: it is applied, and that is all',
    of: 'sgood',
    change: ({ workload }) => {
      Object.assign(workload.status ?? {}, { updateRevision: 'next', updatedReplicas: 0 });
      Object.assign(workload.spec ?? {}, { updateStrategy: { type: 'OnDelete' } });
    },
    phase: 'Running',
    judged: 'complete',
  },
  {
    why: 'some nodes have not got the newest one yet',
    of: 'dgood',
    change: ({ workload }) =>
      void Object.assign(workload.status ?? {}, { desiredNumberScheduled: 2, numberAvailable: 2 }),
    phase: 'Progressing',
    judged: 'progressing',
  },
  {
    why: 'a rollout that was paused, and harms nobody',
    of: 'good',
    change: ({ workload }) => {
      Object.assign(workload.spec ?? {}, { paused: true });
      Object.assign(workload.status ?? {}, { replicas: 3, updatedReplicas: 1, availableReplicas: 3 });
    },
    looked: { asked: { paused: true } },
    phase: 'Paused',
    judged: 'complete',
  },
  {
    why: 'no instance is wanted, and there is none',
    of: 'good',
    change: (application) => {
      application.pods = [];
      application.workload.spec = { replicas: 0 };
      application.workload.status = { observedGeneration: 1 };
    },
    looked: { asked: { stopped: true } },
    phase: 'Stopped',
    judged: 'complete',
  },
  {
    why: 'no instance is wanted, and the last still counts',
    of: 'good',
    change: ({ workload }) => {
      workload.spec = { replicas: 0 };
      workload.status = { observedGeneration: 1, replicas: 1 };
    },
    looked: { asked: { stopped: true } },
    phase: 'Progressing',
    judged: 'progressing',
  },
  {
    why: 'nothing of it was started yet',
    of: 'good',
    change: (application) => {
      application.pods = [];
      application.workload.status = { observedGeneration: 1, conditions: [] };
    },
    phase: 'Pending',
    judged: 'progressing',
  },
  { why: 'it has done its work', of: 'jgood', phase: 'Succeeded', judged: 'complete' },
  { why: 'it does its work', of: 'jrun', phase: 'Running', judged: 'complete' },
  {
    why: 'its instances have failed too often: the last says with what',
    of: 'jfail',
    looked: { finding: { log: 'nope' } },
    phase: 'Failed',
    reason: 'JobFailed',
    message: /backoff limit \(BackoffLimitExceeded\): Container web ended with exit code 5$/,
    judged: 'failed',
    code: 'job_failed',
  },
  {
    why: 'it took too long: its instances are gone with what they could say',
    of: 'jdead',
    phase: 'Failed',
    reason: 'JobFailed',
    message: /\(DeadlineExceeded\)$/,
    judged: 'failed',
    code: 'job_failed',
  },
  {
    why: 'an instance has failed, and it may have another',
    of: 'jfail',
    change: ({ workload }) => void (workload.status = { failed: 1, active: 0 }),
    phase: 'Degraded',
    reason: 'ContainerFailed',
    judged: 'progressing',
    code: 'container_crashed',
  },
  {
    why: 'it does nothing, as was asked',
    of: 'jrun',
    change: ({ workload }) => void Object.assign(workload.spec ?? {}, { suspend: true }),
    phase: 'Suspended',
    judged: 'complete',
  },
  { why: 'its last run went well', of: 'cgood', phase: 'Running', judged: 'complete' },
  {
    why: 'its last run has failed, which does not keep a change of it from being complete',
    of: 'cfail',
    phase: 'Degraded',
    reason: 'JobFailed',
    message: /^The last run, cfail-\d+, has failed: /,
    judged: 'complete',
    code: 'job_failed',
  },
  {
    why: 'jobs that others have made with its label are none of its runs',
    of: 'cfail',
    change: ({ runs = [] }) => {
      for (const { metadata } of runs) metadata.ownerReferences = [];
    },
    phase: 'Running',
    judged: 'complete',
  },
  { why: 'it begins nothing, as was asked', of: 'csusp', phase: 'Suspended', judged: 'complete' },
  {
    why: 'it begins nothing, as it was stopped',
    of: 'csusp',
    looked: { asked: { stopped: true } },
    phase: 'Stopped',
    judged: 'complete',
  },
];
