import { at, fieldsOf, isFields, listOf, type Fields, type KubeObject } from '../objects.ts';

/** Stored in the form of autoscaling/v2. v1 knows only a target for the processor. */
export function autoscalerFromV1(object: KubeObject): KubeObject {
  const { targetCPUUtilizationPercentage: target, ...spec } = fieldsOf(object.spec);
  const { currentCPUUtilizationPercentage: current, ...status } = fieldsOf(object.status);
  return {
    ...object,
    spec: target === undefined ? spec : { ...spec, metrics: [cpuTarget('target', target)] },
    ...(object.status === undefined
      ? {}
      : {
          status:
            current === undefined ? status : { ...status, currentMetrics: [cpuTarget('current', current)] },
        }),
  };
}

export function autoscalerToV1(object: KubeObject): KubeObject {
  const { metrics, behavior: _behavior, ...spec } = fieldsOf(object.spec);
  const { currentMetrics, conditions: _conditions, ...status } = fieldsOf(object.status);
  const target = cpuValue(metrics, 'target');
  const current = cpuValue(currentMetrics, 'current');
  return {
    ...object,
    spec: { ...spec, ...(target === undefined ? {} : { targetCPUUtilizationPercentage: target }) },
    status: { ...status, ...(current === undefined ? {} : { currentCPUUtilizationPercentage: current }) },
  };
}

function cpuTarget(field: 'target' | 'current', value: unknown): Fields {
  const type = field === 'target' ? { type: 'Utilization' } : {};
  return { type: 'Resource', resource: { name: 'cpu', [field]: { ...type, averageUtilization: value } } };
}

function cpuValue(metrics: unknown, field: string): unknown {
  const cpu = listOf(metrics).find((metric) => isFields(metric) && at(metric, 'resource', 'name') === 'cpu');
  return at(cpu, 'resource', field, 'averageUtilization');
}
