import { MAX_REPLICAS, type Autoscaling } from '@cetus/shared/schemas';
import { Mapping } from '../mapping.ts';
import { given } from '../values.ts';
import type { ManifestContext } from './context.ts';
import { specOf, textAt, type KubernetesObject } from './objects.ts';

/** What Kubernetes keeps to when nothing is said, in percent. */
const DEFAULT_CPU_PERCENT = 80;

/** What an autoscaler says of a workload. Source: https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/ */
export function autoscalingOf(workload: KubernetesObject, context: ManifestContext): Autoscaling | undefined {
  const [scaler, ...others] = context.objects
    .of('HorizontalPodAutoscaler')
    .filter(
      ({ fields, namespace }) =>
        namespace === workload.namespace &&
        textAt(fields, 'spec', 'scaleTargetRef', 'kind') === workload.kind &&
        textAt(fields, 'spec', 'scaleTargetRef', 'name') === workload.name,
    );
  for (const other of others) {
    context.mark(other, workload);
    other.at.lost('An application is scaled by one.');
  }
  if (scaler === undefined) return undefined;
  context.mark(scaler, workload);
  const spec = specOf(new Mapping(scaler.fields, scaler.at));
  const most = spec.integer('maxReplicas', 1, MAX_REPLICAS);
  const least = spec.integer('minReplicas', 1, MAX_REPLICAS) ?? 1;
  const shares = sharesOf(spec);
  spec.silent('scaleTargetRef');
  spec.tell({ behavior: ['lost', 'How fast it scales is for Kubernetes to say.'] });
  spec.rest();
  if (most !== undefined && Object.keys(shares).length > 0)
    return { min_replicas: least, max_replicas: most, ...shares };
  scaler.at.lost(
    'Applications are scaled by the use of processors and memory, in percent, up to maxReplicas.',
  );
  return undefined;
}

function sharesOf(spec: Mapping): Pick<Autoscaling, 'cpu_percent' | 'memory_percent'> {
  const isVersion1 = !spec.has('metrics');
  const simple = spec.integer('targetCPUUtilizationPercentage', 1, 1000);
  const found = new Map<string, number>();
  for (const metric of spec.mappings('metrics')) {
    const resource = metric.mapping('resource');
    const name = resource?.text('name');
    const target = resource?.mapping('target');
    const percent =
      target?.integer('averageUtilization', 1, 1000) ??
      resource?.integer('targetAverageUtilization', 1, 1000);
    if ((name === 'cpu' || name === 'memory') && percent !== undefined) found.set(name, percent);
    else metric.at.lost('Applications are scaled by the use of processors and memory, in percent.');
  }
  return given({
    cpu_percent: simple ?? found.get('cpu') ?? (isVersion1 ? DEFAULT_CPU_PERCENT : undefined),
    memory_percent: found.get('memory'),
  });
}
