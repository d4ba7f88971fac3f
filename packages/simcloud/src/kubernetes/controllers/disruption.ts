import type { ClusterContext } from '../cluster-context.ts';
import { ApiError } from '../api/status-error.ts';
import { labelSelectorTest, labelsOf } from '../api/selectors.ts';
import { at, fieldsOf, type Fields, type KubeObject } from '../objects.ts';
import type { ObjectStore } from '../store.ts';
import type { ResourceType } from '../types/resource-type.ts';
import { deleteObject, type DeleteOptions } from '../writes.ts';
import { isReady } from './pod-state.ts';

const BUDGETS = 'poddisruptionbudgets.policy';

/** The status a budget has for the pods that are there. */
export function budgetStatus(store: ObjectStore, budget: KubeObject): Fields {
  const { namespace, generation } = budget.metadata;
  const matches = labelSelectorTest(at(budget.spec, 'selector'));
  const pods = store
    .list('pods', namespace)
    .map(([, pod]) => pod)
    .filter((pod) => matches(labelsOf(pod)));
  const healthy = pods.filter((pod) => pod.metadata.deletionTimestamp === undefined && isReady(pod)).length;
  const { minAvailable, maxUnavailable } = fieldsOf(budget.spec);
  const expected = pods.filter(
    (pod) => pod.metadata.ownerReferences !== undefined || minAvailable !== undefined,
  ).length;
  const desired =
    minAvailable === undefined
      ? Math.max(0, expected - amount(maxUnavailable ?? 0, expected))
      : amount(minAvailable, expected);
  return {
    observedGeneration: generation ?? 1,
    disruptionsAllowed: Math.max(0, healthy - desired),
    currentHealthy: healthy,
    desiredHealthy: desired,
    expectedPods: expected,
  };
}

/** A number, or a percentage of one, rounded up. */
function amount(value: unknown, of: number): number {
  return typeof value === 'string' && value.endsWith('%')
    ? Math.ceil((Number.parseFloat(value) / 100) * of)
    : Number(value);
}

/** Deletes a pod, unless a budget forbids it. @throws ApiError 429, or 500 when two budgets hold for it */
export function evict(
  cluster: ClusterContext,
  type: ResourceType,
  pod: KubeObject,
  options: DeleteOptions,
): void {
  const { store, registry } = cluster;
  const phase = at(pod.status, 'phase');
  const budgets = store
    .list(BUDGETS, pod.metadata.namespace)
    .map(([, budget]) => budget)
    .filter((budget) => labelSelectorTest(at(budget.spec, 'selector'))(labelsOf(pod)));
  const isFree =
    phase === 'Succeeded' ||
    phase === 'Failed' ||
    phase === 'Pending' ||
    pod.metadata.deletionTimestamp !== undefined;
  const [budget] = budgets;
  if (budgets.length > 1 && !isFree) {
    const message =
      'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.';
    throw new ApiError(500, 'InternalError', message, {});
  }
  if (budget !== undefined && !isFree) {
    const status = budgetStatus(store, budget);
    if (status['disruptionsAllowed'] === 0) {
      const { name } = budget.metadata;
      throw new ApiError(
        429,
        'TooManyRequests',
        "Cannot evict pod as it would violate the pod's disruption budget.",
        {
          causes: [
            {
              reason: 'DisruptionBudget',
              message: `The disruption budget ${name} needs ${String(status['desiredHealthy'])} healthy pods and has ${String(status['currentHealthy'])} currently`,
            },
          ],
        },
      );
    }
  }
  deleteObject(cluster, registry.preferred('pods') ?? type, pod, options);
}
