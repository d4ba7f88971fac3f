import type { Manifest } from '@cetus/kubernetes/apply';
import { CetusError } from '@cetus/shared/errors';
import { given, isSince, type Fields, type ManifestInput } from './input.ts';
import { instanceLabels, metadataOf } from './metadata.ts';
import { WORKLOAD_KINDS } from './workloads.ts';

/**
 * The autoscaler; none while the application is stopped.
 * @throws CetusError `api_not_served` when the cluster can not scale by what is asked
 */
export function autoscalers(input: ManifestInput): Manifest[] {
  const { application, apis, spec } = input;
  const { kind, autoscaling, stopped } = spec;
  if (autoscaling === undefined || stopped || (kind !== 'stateless' && kind !== 'stateful')) return [];
  const apiVersion = apis.versions.HorizontalPodAutoscaler;
  if (apiVersion === undefined)
    throw new CetusError('api_not_served', 'The cluster serves no autoscalers', { field: 'autoscaling' });
  const { min_replicas, max_replicas, cpu_percent, memory_percent } = autoscaling;
  if (apiVersion === 'autoscaling/v1' && memory_percent !== undefined)
    throw new CetusError(
      'api_not_served',
      'autoscaling/memory_percent needs autoscaling/v2 or autoscaling/v2beta2; the cluster serves autoscaling/v1, which scales by cpu_percent alone',
      { field: 'autoscaling/memory_percent' },
    );
  // Servers that store version 1 put the processor last, and the list is one value: in another order it would be written each time.
  const metrics =
    apiVersion === 'autoscaling/v1'
      ? { targetCPUUtilizationPercentage: cpu_percent }
      : { metrics: [...utilization('memory', memory_percent), ...utilization('cpu', cpu_percent)] };
  return [
    {
      apiVersion,
      kind: 'HorizontalPodAutoscaler',
      metadata: metadataOf(input, application.name),
      spec: given({
        scaleTargetRef: { apiVersion: 'apps/v1', kind: WORKLOAD_KINDS[kind], name: application.name },
        minReplicas: min_replicas,
        maxReplicas: max_replicas,
        ...metrics,
      }),
    },
  ];
}

/**
 * One instance at a time may be taken away on purpose, where there are several. Said as what may be missing, not as what must be there,
 * it lets a node be emptied whatever the number of instances is. Where it can be said (since 1.27), instances that are not ready never
 * count: those of an application that fails for ever would hold their nodes for ever.
 */
export function disruptionBudgets(input: ManifestInput): Manifest[] {
  const { application, apis, spec } = input;
  const apiVersion = apis.versions.PodDisruptionBudget;
  // It is a help, not something that anybody asked for: a cluster that serves none does without.
  if (apiVersion === undefined || spec.stopped || mostReplicas(input) < 2) return [];
  const always = apiVersion === 'policy/v1' && isSince(apis, 27);
  return [
    {
      apiVersion,
      kind: 'PodDisruptionBudget',
      metadata: metadataOf(input, application.name),
      spec: given({
        maxUnavailable: 1,
        selector: { matchLabels: instanceLabels(input) },
        unhealthyPodEvictionPolicy: always ? 'AlwaysAllow' : undefined,
      }),
    },
  ];
}

function mostReplicas({ spec: { kind, autoscaling, replicas } }: ManifestInput): number {
  if (kind !== 'stateless' && kind !== 'stateful') return 0;
  return autoscaling?.max_replicas ?? replicas ?? 1;
}

function utilization(name: 'cpu' | 'memory', percent: number | undefined): Fields[] {
  if (percent === undefined) return [];
  return [
    { type: 'Resource', resource: { name, target: { type: 'Utilization', averageUtilization: percent } } },
  ];
}
