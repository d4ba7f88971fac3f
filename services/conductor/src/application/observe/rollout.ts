import type { WorkloadFacts } from './workload-facts.ts';

/**
 * Whether the newest specification of a Deployment, a StatefulSet or a DaemonSet has reached all its instances, as `kubectl rollout status`
 * judges it. Where instances are replaced only as they are deleted, it has as soon as it is applied.
 * Source: https://github.com/kubernetes/kubectl/blob/release-1.33/pkg/polymorphichelpers/rollout_status.go
 */
export function isRolledOut({
  kind,
  settled,
  counts,
  total,
  onDelete,
  partition,
  mixed,
}: WorkloadFacts): boolean {
  if (!settled) return false;
  const { desired, updated, ready, available } = counts;
  if (kind === 'Deployment') return updated >= desired && total <= updated && available >= updated;
  if (onDelete) return true;
  if (kind === 'DaemonSet') return updated >= desired && available >= desired;
  if (ready < desired) return false;
  return partition > 0 ? updated >= desired - partition : !mixed;
}
