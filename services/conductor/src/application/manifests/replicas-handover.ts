import { FIELD_MANAGER, type Manifest } from '@cetus/kubernetes/apply';
import type { KubernetesObject } from '@cetus/kubernetes/objects';
import type { Autoscaling } from '@cetus/shared/schemas';
import type { Fields } from './input.ts';

/** Holds the number of instances between the one who no longer says it and the autoscaler. */
export const SCALE_MANAGER = 'cetus-scale';

/**
 * What has to be applied as {@link SCALE_MANAGER} before a workload that an autoscaler is to scale from now on: a number that its only
 * owner no longer applies is taken out, and would be 1 until the autoscaler has looked.
 * @param live the workload as it is; undefined: not there
 * @param desired the workload as it shall be
 * @returns undefined: nothing has to be handed over
 */
export function replicasHandover(
  live: KubernetesObject | undefined,
  desired: Manifest,
  autoscaling: Autoscaling | undefined,
): Manifest | undefined {
  if (live === undefined || autoscaling === undefined || 'replicas' in fields(desired['spec']))
    return undefined;
  const owned = (live.metadata.managedFields ?? []).some(
    ({ manager, operation, fieldsV1 }) =>
      manager === FIELD_MANAGER &&
      operation === 'Apply' &&
      'f:replicas' in fields(fields(fieldsV1)['f:spec']),
  );
  if (!owned) return undefined;
  const is = Number(fields((live as object as Fields)['spec'])['replicas'] ?? 1);
  const { name, namespace } = desired.metadata;
  const replicas = Math.min(autoscaling.max_replicas, Math.max(autoscaling.min_replicas, is));
  return {
    apiVersion: desired.apiVersion,
    kind: desired.kind,
    metadata: { name, namespace, uid: live.metadata.uid },
    spec: { replicas },
  };
}

function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}
