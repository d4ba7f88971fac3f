import type { KubernetesObject } from '@cetus/kubernetes/objects';
import { APPLICATION_LABEL, type AutoscalerStatus } from '@cetus/shared/schemas';
import { word } from '../../health/brief.ts';
import type { WorkloadCondition } from './objects.ts';
import { sentence } from './text.ts';

/** As much of a HorizontalPodAutoscaler as is looked at, as autoscaling/v2 and v2beta2 have it. */
export interface AutoscalerObject extends KubernetesObject {
  status?: {
    currentReplicas?: number;
    desiredReplicas?: number;
    lastScaleTime?: string;
    currentMetrics?:
      ({ resource?: { name: string; current?: { averageUtilization?: number } } } | null)[] | null;
    conditions?: (WorkloadCondition & { lastTransitionTime?: string })[] | null;
  };
}

/** As much of it as is needed to say how it does. */
export interface AutoscalerFacts {
  name: string;
  namespace: string;
  application: string;
  /** As it says itself, whether that may be only for a moment or not. */
  says: AutoscalerStatus;
  /** Since when it says that it cannot act, in milliseconds; null: it does not. */
  failingSince: number | null;
}

/**
 * How long an autoscaler may say that it cannot act until it is believed, in milliseconds: of instances that have just been started there
 * are no figures yet, and metrics-server takes them four times a minute.
 */
const LATE_MS = 60_000;

/** What keeps it from what its load asks for. Source: pkg/controller/podautoscaler/horizontal.go of Kubernetes */
const LIMITS: Readonly<Record<string, AutoscalerStatus['limited_by']>> = {
  TooManyReplicas: 'max_replicas',
  TooFewReplicas: 'min_replicas',
};

/** Keeps of an autoscaler what is needed. Undefined for what has no application's label. */
export function autoscalerFacts({ metadata, status }: AutoscalerObject): AutoscalerFacts | undefined {
  const application = metadata.labels?.[APPLICATION_LABEL];
  if (application === undefined) return undefined;
  const conditionOf = (type: string) => status?.conditions?.find((one) => one.type === type);
  const [able, active, limited] = [
    conditionOf('AbleToScale'),
    conditionOf('ScalingActive'),
    conditionOf('ScalingLimited'),
  ];
  // What cannot be scaled is not looked at any further: what is said of its figures is older.
  const telling = able?.status === 'False' ? able : active;
  const isFailing = telling?.status === 'False';
  const utilization = (name: string): number | null =>
    status?.currentMetrics?.find((one) => one?.resource?.name === name)?.resource?.current
      ?.averageUtilization ?? null;
  return {
    name: metadata.name,
    namespace: metadata.namespace ?? '',
    application,
    says: {
      current_replicas: status?.currentReplicas ?? 0,
      // It wants one at least: what is switched off, or was not measured yet, has none that it wants.
      desired_replicas: status?.desiredReplicas || null,
      cpu_percent: utilization('cpu'),
      memory_percent: utilization('memory'),
      active: isFailing ? false : telling?.status === 'True' ? true : null,
      reason: telling?.reason === undefined ? null : word(telling.reason),
      message: telling?.message === undefined ? null : sentence(telling.message),
      limited_by: (limited?.status === 'True' && LIMITS[limited.reason ?? '']) || null,
      last_scaled_at: status?.lastScaleTime ?? null,
    },
    failingSince: isFailing ? Date.parse(telling.lastTransitionTime ?? metadata.creationTimestamp) : null,
  };
}

/** How an autoscaler does, and when that is something else though nothing has happened, in milliseconds; null: never. */
export function assessAutoscaler(
  { says, failingSince }: AutoscalerFacts,
  now: number,
): { status: AutoscalerStatus; lookAgainAt: number | null } {
  const believedAt = failingSince === null ? 0 : failingSince + LATE_MS;
  if (now >= believedAt) return { status: says, lookAgainAt: null };
  return { status: { ...says, active: null }, lookAgainAt: believedAt };
}
