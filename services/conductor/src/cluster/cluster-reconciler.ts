import type { Outcome, ReconcileContext, Reconciler } from '@cetus/shared/reconcile';
import type { StoredCluster } from '@cetus/shared/schemas';
import { inSync, reachable, ready, reasonOf, unreachable } from './cluster-conditions.ts';
import type { DriverResult } from './cluster-driver.ts';
import type { DriverRegistry } from './driver-registry.ts';

/** Brings clusters to what is asked for, through the driver that each one names. */
export class ClusterReconciler implements Reconciler<StoredCluster> {
  private readonly drivers: DriverRegistry;

  constructor(drivers: DriverRegistry) {
    this.drivers = drivers;
  }

  async reconcile(cluster: StoredCluster, context: ReconcileContext): Promise<Outcome<StoredCluster>> {
    const driver = this.drivers.get(cluster.spec.driver);
    if (cluster.operation?.state !== 'IN_PROGRESS') return this.resync(cluster, context);
    const result =
      cluster.operation.action === 'delete'
        ? await driver.remove(cluster, context)
        : await driver.apply(cluster, context);
    return outcomeOf(cluster, result);
  }

  conditionsOnError(error: unknown): Outcome<StoredCluster>['conditions'] {
    const condition = unreachable(error);
    return condition === null ? [] : [condition];
  }

  /** Nothing was asked: notice what happened behind our back. */
  private async resync(cluster: StoredCluster, context: ReconcileContext): Promise<Outcome<StoredCluster>> {
    const { failure, drift, facts, gone } = await this.drivers
      .get(cluster.spec.driver)
      .inspect(cluster, context);
    const status = withContact(facts);
    const { state } = cluster.status;
    if (gone === true) {
      const conditions = [reachable(), ready(false, 'Deleted', 'The cluster is deleted')];
      return { status, conditions, drifted: { state: 'DELETE_COMPLETE', failure: null } };
    }
    if (failure !== null) {
      const conditions = [reachable(), inSync(drift), ready(false, reasonOf(failure.code), failure.message)];
      // A create that failed stays failed; what was complete is so no longer.
      return {
        status,
        conditions,
        ...(state.endsWith('_COMPLETE') ? { drifted: { state: 'UPDATE_FAILED', failure } } : {}),
      };
    }
    const conditions = [reachable(), inSync(drift)];
    // Drift made it fail without an operation, and it is gone: the cluster is as it was.
    const healed = state === 'UPDATE_FAILED' && cluster.operation?.state === 'COMPLETE';
    if (!healed) return { status, conditions };
    return {
      status,
      conditions: [...conditions, ready(true, 'UpdateComplete', 'The cluster can be used')],
      drifted: { state: 'UPDATE_COMPLETE', failure: null },
    };
  }
}

function outcomeOf(cluster: StoredCluster, result: DriverResult): Outcome<StoredCluster> {
  const action = cluster.operation?.action ?? 'update';
  const status = withContact(result.facts);
  switch (result.phase) {
    case 'working':
      return {
        status,
        conditions: [
          reachable(),
          ...(action === 'update' ? [] : [ready(false, `${reasonOf(action)}InProgress`, result.progress)]),
        ],
        progress: result.progress,
        wakeUpAfterMs: result.wakeUpAfterMs,
      };
    case 'done':
      return {
        status,
        conditions: [
          reachable(),
          inSync(null),
          action === 'delete'
            ? ready(false, 'Deleted', 'The cluster is deleted')
            : ready(true, `${reasonOf(action)}Complete`, 'The cluster can be used'),
        ],
        ended: { state: 'COMPLETE' },
      };
    case 'failed':
      return {
        status,
        conditions: [reachable(), ready(false, reasonOf(result.failure.code), result.failure.message)],
        ended: { state: 'FAILED', failure: result.failure },
      };
  }
}

function withContact(facts: DriverResult['facts']): DriverResult['facts'] {
  return { ...facts, last_contact: new Date() };
}
