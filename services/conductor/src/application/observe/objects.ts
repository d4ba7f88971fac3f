import type { KubernetesObject } from '@cetus/kubernetes/objects';

/** A statement that a workload makes about itself. */
export interface WorkloadCondition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
}

/** As much of a Deployment, a StatefulSet, a DaemonSet, a Job or a CronJob as is looked at; which fields there are depends on the kind. */
export interface WorkloadObject extends KubernetesObject {
  spec?: {
    replicas?: number;
    paused?: boolean;
    suspend?: boolean;
    completions?: number;
    parallelism?: number;
    updateStrategy?: { type?: string; rollingUpdate?: { partition?: number } };
  };
  status?: {
    observedGeneration?: number;
    conditions?: WorkloadCondition[];
    replicas?: number;
    updatedReplicas?: number;
    readyReplicas?: number;
    availableReplicas?: number;
    currentRevision?: string;
    updateRevision?: string;
    desiredNumberScheduled?: number;
    currentNumberScheduled?: number;
    updatedNumberScheduled?: number;
    numberReady?: number;
    numberAvailable?: number;
    active?: number;
    ready?: number;
    succeeded?: number;
    failed?: number;
    startTime?: string;
    completionTime?: string;
  };
}
