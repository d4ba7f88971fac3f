import type { Outcome, ReconcileContext, Reconciler } from '@cetus/shared/reconcile';
import { specOf, stateFor, type Blocker, type ClusterSpec, type StoredCluster } from '@cetus/shared/schemas';
import { certificateConditions, keepCertificates } from './certificate-expiry.ts';
import { inSync, reachable, ready, reasonOf, unreachable } from '../conditions.ts';
import type { ClusterFacts, DriverResult } from './cluster-driver.ts';
import type { DriverRegistry } from './driver-registry.ts';
import type { ClusterDrain } from './drain/cluster-drain.ts';
import { leftByForce } from './drain/left-by-force.ts';
import { nodeGroupStatuses } from './node-group-statuses.ts';

/** How long to wait for a conductor that has the driver of a cluster, in milliseconds. */
const NO_DRIVER_MS = 10_000;

/** Brings clusters to what is asked for, through the driver that each one names. */
export class ClusterReconciler implements Reconciler<StoredCluster> {
  private readonly drivers: DriverRegistry;
  private readonly drain: Pick<ClusterDrain, 'run'> | undefined;

  /** @param drain what comes before a cluster is removed */
  constructor(drivers: DriverRegistry, drain?: Pick<ClusterDrain, 'run'>) {
    this.drivers = drivers;
    this.drain = drain;
  }

  async reconcile(stored: StoredCluster, context: ReconcileContext): Promise<Outcome<StoredCluster>> {
    const cluster = { ...stored, spec: specOf(stored) };
    if (!this.drivers.has(cluster.spec.driver)) return withoutDriver(cluster);
    const driver = this.drivers.get(cluster.spec.driver);
    if (cluster.operation?.state !== 'IN_PROGRESS') return this.resync(cluster, context);
    if (cluster.operation.action !== 'delete')
      return outcomeOf(cluster, await driver.apply(cluster, context));
    const draining = await this.drain?.run(cluster, driver, context);
    if (draining != null) return draining;
    const removed = await driver.remove(cluster, context);
    const leftBehind = leftByForce(cluster.operation, removed);
    return leftBehind === null ? outcomeOf(cluster, removed) : letGo(cluster, removed.facts, leftBehind);
  }

  conditionsOnError(error: unknown): Outcome<StoredCluster>['conditions'] {
    const condition = unreachable(error);
    return condition === null ? [] : [condition];
  }

  /** Nothing was asked: notice what happened behind our back. */
  private async resync(cluster: StoredCluster, context: ReconcileContext): Promise<Outcome<StoredCluster>> {
    const driver = this.drivers.get(cluster.spec.driver);
    const { failure, drift, gone, ...inspected } = await driver.inspect(cluster, context);
    const cleaned = gone === true ? undefined : await driver.cleanUp?.(cluster, context);
    const facts = { ...inspected.facts, ...cleaned };
    const status = found(cluster, facts);
    const { state } = cluster.status;
    if (gone === true) {
      const conditions = [reachable(), ready(false, 'Deleted', 'The cluster is deleted')];
      return { status, conditions, drifted: { state: 'DELETE_COMPLETE', failure: null } };
    }
    if (failure !== null) {
      const conditions = [
        reachable(),
        inSync(drift),
        ready(false, reasonOf(failure.code), failure.message),
        ...certificateConditions(facts.certificates ?? cluster.status.certificates),
      ];
      // A create that failed stays failed; what was complete is so no longer. After a rollback what counts is what it went back to.
      const failed = state === 'ROLLBACK_COMPLETE' ? 'ROLLBACK_FAILED' : 'UPDATE_FAILED';
      return {
        status,
        conditions,
        ...(state.endsWith('_COMPLETE') ? { drifted: { state: failed, failure } } : {}),
      };
    }
    const seen = { ...cluster, status: { ...cluster.status, ...status } };
    const kept = await keepCertificates(driver, seen, context);
    const renewed = found(cluster, { ...facts, ...kept.facts });
    const conditions = [reachable(), inSync(drift), ...kept.conditions];
    // Drift made it fail without an operation, and it is gone: the cluster is as it was.
    const rolledBack = state === 'ROLLBACK_FAILED';
    const healed = (state === 'UPDATE_FAILED' || rolledBack) && cluster.operation?.state === 'COMPLETE';
    if (!healed) return { status: renewed, conditions };
    const action = rolledBack ? 'rollback' : 'update';
    return {
      status: renewed,
      conditions: [...conditions, ready(true, `${reasonOf(action)}Complete`, 'The cluster can be used')],
      drifted: { state: stateFor(action, 'COMPLETE'), failure: null },
    };
  }
}

/** No conductor has the driver now, else it would have been left to that one. One that has may be on its way; the deadline ends it. */
function withoutDriver({ operation, spec }: StoredCluster): Outcome<StoredCluster> {
  if (operation?.state !== 'IN_PROGRESS') return {};
  return {
    progress: `No conductor that has the driver ${spec.driver} is running`,
    wakeUpAfterMs: NO_DRIVER_MS,
  };
}

function outcomeOf(cluster: StoredCluster, result: DriverResult): Outcome<StoredCluster> {
  const action = cluster.operation?.action ?? 'update';
  const status = found(cluster, result.facts, result);
  switch (result.phase) {
    case 'working':
      return {
        status,
        conditions: [
          reachable(),
          ...(action === 'update' || action === 'rollback'
            ? []
            : [ready(false, `${reasonOf(action)}InProgress`, result.progress)]),
        ],
        progress: result.progress,
        wakeUpAfterMs: result.wakeUpAfterMs,
        ...(result.blockedBy === undefined ? {} : { blockedBy: result.blockedBy }),
        ...(result.leftBehind === undefined ? {} : { leftBehind: result.leftBehind }),
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
          ...(action === 'delete'
            ? []
            : certificateConditions(result.facts.certificates ?? cluster.status.certificates)),
        ],
        ended: {
          state: 'COMPLETE',
          // Else a rollback that was accepted meanwhile would go back to what it is to undo.
          ...(action === 'delete' ? {} : { status: { applied_spec: applied(cluster.spec) } }),
        },
      };
    case 'failed':
      return {
        status,
        conditions: [reachable(), ready(false, reasonOf(result.failure.code), result.failure.message)],
        ended: {
          state: 'FAILED',
          failure: result.failure,
          ...(result.failedGroups === undefined ? {} : { failedParts: result.failedGroups }),
        },
      };
  }
}

/** A cluster that is deleted though the back end could not remove all of it. */
function letGo(cluster: StoredCluster, facts: ClusterFacts, leftBehind: Blocker[]): Outcome<StoredCluster> {
  return {
    // Nothing reads any more what they seal.
    ...outcomeOf(cluster, { phase: 'done', facts: { ...facts, kubeconfig: null, secrets: null } }),
    conditions: [
      reachable(),
      inSync('The back end has what it could not remove'),
      ready(false, 'Deleted', 'The cluster is deleted'),
    ],
    blockedBy: [],
    leftBehind,
  };
}

/** What was brought about: the nodes that were to go are gone, and a rollback must not look for them again. */
function applied(spec: ClusterSpec): ClusterSpec {
  return { ...spec, node_groups: spec.node_groups.map((group) => ({ ...group, nodes_to_remove: [] })) };
}

/** What a driver found, as the cluster's status has it. */
function found(
  cluster: StoredCluster,
  { node_groups, ...facts }: ClusterFacts,
  result?: DriverResult,
): Partial<StoredCluster['status']> {
  return {
    ...facts,
    node_groups: nodeGroupStatuses(cluster, node_groups, result),
    last_contact: new Date(),
  };
}
