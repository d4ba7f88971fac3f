import { at, isSame, listOf, timestamp, type Fields, type KubeObject } from '../objects.ts';
import type { ControllerContext } from './controller-context.ts';
import { conditionOf } from './pod-state.ts';

const AUTOSCALERS = 'horizontalpodautoscalers.autoscaling';

/**
 * Keeps the number of replicas of what an autoscaler is for within its limits. No metrics API is served here, so within
 * them the number stays as it is, and the autoscaler says why.
 */
export function reconcileAutoscaler(context: ControllerContext, scaler: KubeObject): void {
  if (scaler.metadata.deletionTimestamp !== undefined) return;
  const { namespace } = scaler.metadata;
  const [apiVersion, kind, name] = ['apiVersion', 'kind', 'name'].map((field) =>
    String(at(scaler.spec, 'scaleTargetRef', field)),
  );
  const type = context.cluster.registry.ofKind(apiVersion ?? '', kind ?? '');
  const target = type === undefined ? undefined : context.store.get(type.storage, namespace, name ?? '');
  if (type === undefined || target === undefined) {
    const message = `the HPA controller was unable to get the target's current scale: ${String(type?.plural ?? kind)}.${String(type?.group ?? '')} "${String(name)}" not found`;
    write(context, scaler, { currentReplicas: 0, desiredReplicas: 0 }, [
      condition(scaler, 'AbleToScale', 'False', 'FailedGetScale', message),
    ]);
    return;
  }
  const current = Number(at(target.spec, 'replicas') ?? 1);
  const least = Number(at(scaler.spec, 'minReplicas') ?? 1);
  const most = Number(at(scaler.spec, 'maxReplicas'));
  // A target that is scaled to nothing is switched off.
  const desired = current === 0 ? 0 : Math.min(most, Math.max(least, current));
  if (desired !== current) {
    context.update(type.storage, target, { ...target, spec: { ...target.spec, replicas: desired } });
    const why =
      desired > current
        ? 'Current number of replicas below Spec.MinReplicas'
        : 'Current number of replicas above Spec.MaxReplicas';
    const message = `New size: ${String(desired)}; reason: ${why}`;
    context.events.record(
      scaler,
      { kind: 'HorizontalPodAutoscaler', apiVersion: 'autoscaling/v2' },
      'Normal',
      'SuccessfulRescale',
      message,
      'horizontal-pod-autoscaler',
    );
  }
  const replicas = Number(at(target.status, 'replicas') ?? 0);
  const isActive = current > 0;
  const [first] = listOf(at(scaler.spec, 'metrics'));
  const metric = (at(first, 'resource', 'name') as string | undefined) ?? 'cpu';
  write(
    context,
    scaler,
    {
      currentReplicas: replicas,
      // What it would want within its limits, it does not work out.
      desiredReplicas: desired === current ? Number(at(scaler.status, 'desiredReplicas') ?? 0) : desired,
      ...(desired === current ? {} : { lastScaleTime: timestamp() }),
    },
    [
      condition(scaler, 'AbleToScale', 'True', 'ReadyForNewScale', 'recommended size matches current size'),
      condition(
        scaler,
        'ScalingActive',
        'False',
        isActive ? 'FailedGetResourceMetric' : 'ScalingDisabled',
        isActive
          ? `the HPA was unable to compute the replica count: failed to get ${metric} utilization: unable to get metrics for resource ${metric}: unable to fetch metrics from resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)`
          : 'scaling is disabled since the replica count of the target is zero',
      ),
      condition(
        scaler,
        'ScalingLimited',
        'False',
        'DesiredWithinRange',
        'the desired count is within the acceptable range',
      ),
    ],
  );
}

function condition(
  scaler: KubeObject,
  type: string,
  status: string,
  reason: string,
  message: string,
): Fields {
  const before = conditionOf(scaler, type);
  const lastTransitionTime = before?.['status'] === status ? before?.['lastTransitionTime'] : timestamp();
  return { type, status, lastTransitionTime, reason, message };
}

function write(context: ControllerContext, scaler: KubeObject, status: Fields, conditions: Fields[]): void {
  const next: Fields = { ...scaler.status, ...status, conditions };
  if (!isSame(next, scaler.status ?? {})) context.store.put(AUTOSCALERS, { ...scaler, status: next });
}
