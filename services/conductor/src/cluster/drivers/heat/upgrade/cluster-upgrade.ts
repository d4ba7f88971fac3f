import type { KubernetesConnection } from '@cetus/kubernetes/connection';
import { toCetusError } from '@cetus/kubernetes/errors';
import { listAll } from '@cetus/kubernetes/list';
import { evictPods, patchNode } from '@cetus/kubernetes/nodes';
import type { Node } from '@cetus/kubernetes/objects';
import { CetusError } from '@cetus/shared/errors';
import type { Blocker, Failure, Operation, StoredCluster } from '@cetus/shared/schemas';
import type { SecretBox } from '@cetus/shared/secrets';
import { DifferentClusterError } from '../../../../health/trouble.ts';
import { listOfBlockers } from '../../../drain/blockers.ts';
import { inCluster } from '../../../kubeconfig/in-cluster.ts';
import { ANNOTATION } from './annotations.ts';
import { failureOf, planUpgrade, type Step, type UpgradeLimits } from './plan.ts';
import { groupsOf, type UpgradeGroup } from './upgrade-node.ts';

export interface ClusterUpgradeOptions extends UpgradeLimits {
  secrets: SecretBox;
  /** How long to wait before the nodes are looked at again, in milliseconds. */
  lookAgainMs: number;
}

/** Where an upgrade stands after a round. */
export type UpgradeRound = { groups: readonly UpgradeGroup[] } & (
  | { phase: 'working'; progress: string; wakeUpAfterMs: number }
  | { phase: 'failed'; failure: Failure; failedGroups?: Record<string, Failure> }
  | { phase: 'done' }
);

export const UPGRADE_DEFAULTS: Omit<ClusterUpgradeOptions, 'secrets'> = {
  drainMs: 10 * 60_000,
  beginMs: 3 * 60_000,
  upgradeMs: 30 * 60_000,
  lookAgainMs: 5_000,
};

/**
 * Upgrades Kubernetes on the nodes of a cluster where they are, through the cluster's own API. What is remembered is on the nodes, so whoever
 * does the next round goes on with what is there.
 */
export class ClusterUpgrade {
  private readonly options: ClusterUpgradeOptions;

  constructor(options: ClusterUpgradeOptions) {
    this.options = options;
  }

  /**
   * One round.
   * @param addresses of the cluster's machines
   * @throws CetusError `back_end_unavailable` while the cluster cannot be reached; `cluster_replaced`, `back_end_refused`
   */
  async run(
    cluster: StoredCluster,
    addresses: ReadonlySet<string>,
    signal: AbortSignal,
  ): Promise<UpgradeRound> {
    try {
      return await inCluster(this.options.secrets, cluster, signal, (connection) =>
        this.round(cluster, addresses, connection, signal),
      );
    } catch (error) {
      if (error instanceof DifferentClusterError)
        throw new CetusError('cluster_replaced', error.message, { cause: error });
      throw toCetusError(error);
    }
  }

  private async round(
    cluster: StoredCluster,
    addresses: ReadonlySet<string>,
    connection: KubernetesConnection,
    signal: AbortSignal,
  ): Promise<UpgradeRound> {
    const { lookAgainMs } = this.options;
    const operation = (cluster.operation as Operation).uuid;
    const { gitVersion } = await connection.get<{ gitVersion: string }>('/version', { signal });
    const { items } = await listAll<Node>(connection, '/api/v1/nodes', { signal });
    const groups = groupsOf(cluster.spec, cluster._id, items, addresses);
    const batch = Math.max(1, cluster.spec.max_batch_size);
    const now = Date.now();
    const plan = planUpgrade({ operation, groups, batch, controlPlane: gitVersion, now }, this.options);
    if (plan.kind === 'done') return { phase: 'done', groups };
    if (plan.kind === 'refuse') return { phase: 'failed', groups, failure: plan.failure };
    if (plan.kind === 'failed') {
      const { failure, failedGroups } = plan;
      return { phase: 'failed', groups, failure, failedGroups };
    }
    const waiting: { step: Extract<Step, { kind: 'drain' }>; blockers: Blocker[] }[] = [];
    for (const step of plan.steps) {
      const blockers = await this.carryOut(step, operation, connection, signal);
      if (step.kind === 'drain' && blockers.length > 0) waiting.push({ step, blockers });
    }
    const overdue = waiting.find(({ step }) => step.overdue);
    if (overdue !== undefined && !plan.othersWork)
      return { phase: 'failed', groups, ...failureOf(groups, blocked(overdue.step, overdue.blockers)) };
    const progress = [
      plan.progress,
      ...waiting.map(({ step, blockers }) => `${step.node.name} waits for ${listOfBlockers(blockers)}`),
    ].join('; ');
    return { phase: 'working', groups, progress, wakeUpAfterMs: lookAgainMs };
  }

  /** @returns the pods that keep the node from being emptied */
  private async carryOut(
    step: Step,
    operation: string,
    connection: KubernetesConnection,
    signal: AbortSignal,
  ): Promise<Blocker[]> {
    const { node } = step;
    // Where it has changed, or is gone, the next round sees.
    const patch = (body: object): Promise<boolean> => patchNode(connection, node.name, body, { signal });
    const since = new Date().toISOString();
    switch (step.kind) {
      case 'cordon': {
        const isOurs = node.cordoned || !node.unschedulable;
        const annotations = {
          ...NO_MARKS,
          [ANNOTATION.operation]: operation,
          [ANNOTATION.since]: since,
          [ANNOTATION.cordoned]: isOurs ? 'true' : null,
        };
        // One write with its mark, and only if nobody else has done it meanwhile.
        const { resourceVersion } = node;
        await patch({ metadata: { resourceVersion, annotations }, spec: { unschedulable: true } });
        return [];
      }
      case 'drain': {
        const { remaining } = await evictPods(connection, node.name, { signal });
        if (remaining.length > 0) return remaining;
        const annotations = { [ANNOTATION.version]: step.version, [ANNOTATION.since]: since };
        await patch({ metadata: { annotations } });
        return [];
      }
      case 'release':
        await patch({
          metadata: { annotations: NO_MARKS },
          ...(node.cordoned ? { spec: { unschedulable: null } } : {}),
        });
        return [];
    }
  }
}

const NO_MARKS: Readonly<Record<string, null>> = Object.fromEntries(
  Object.values(ANNOTATION).map((name) => [name, null]),
);

function blocked({ node, group }: Extract<Step, { kind: 'drain' }>, blockers: readonly Blocker[]): Failure {
  return {
    code: 'upgrade_blocked',
    message: `Node ${node.name} of the node group ${group.name} cannot be upgraded before these pods have gone: ${listOfBlockers(blockers)}. It is left cordoned; a retry goes on with it`,
    resource: { type: 'Node', name: node.name },
  };
}
