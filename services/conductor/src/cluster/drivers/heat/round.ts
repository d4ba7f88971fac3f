import type { ReconcileContext } from '@cetus/shared/reconcile';
import type { NodeGroupSpec, Operation, StoredCluster } from '@cetus/shared/schemas';
import type { HeatClient, Stack } from '@cetus/openstack/heat';
import type { KeystoneSession } from '@cetus/openstack/keystone';
import type { ClusterFacts, DriverResult } from '../../cluster-driver.ts';
import type { PollBudget } from '../openstack/poll-budget.ts';
import { ReferenceLookup } from '../openstack/references.ts';
import { imageProblem } from './bootstrap/distributions.ts';
import type { ClusterSecretStore } from './cluster-secret-store.ts';
import type { NodeCleanup } from './removal/node-cleanup.ts';
import type { NodeDrain } from './removal/node-drain.ts';
import { stackInputOf, type HeatSite } from './stack-input-from-spec.ts';
import type { ClusterStackInput } from './stack-input.ts';
import { StackReader } from './stack-reader.ts';
import type { ClusterUpgrade } from './upgrade/cluster-upgrade.ts';

/** What a round is made with. */
export interface RoundContext extends ReconcileContext {
  cluster: StoredCluster;
  operation: Operation;
  /** In the cluster's project. */
  heat: HeatClient;
  session: KeystoneSession;
  secrets: ClusterSecretStore;
  polls: PollBudget;
  site: HeatSite;
  upgrades: ClusterUpgrade;
  drains: NodeDrain;
  cleanups: NodeCleanup;
}

/** What rounds of all kinds do. A round looks, does one thing at most, and says how far the cluster is. */
export abstract class Round {
  protected readonly context: RoundContext;
  protected readonly cluster: StoredCluster;
  protected readonly operation: Operation;
  protected readonly heat: HeatClient;
  protected readonly reader: StackReader;
  protected readonly signal: AbortSignal;

  constructor(context: RoundContext) {
    this.context = context;
    this.cluster = context.cluster;
    this.operation = context.operation;
    this.heat = context.heat;
    this.signal = context.signal;
    this.reader = new StackReader(context.heat, context.signal);
  }

  protected wait(facts: ClusterFacts, stack: Stack): DriverResult {
    return this.waiting(facts, `The Heat stack is ${stack.stack_status}`);
  }

  protected waiting(facts: ClusterFacts, progress: string): DriverResult {
    return { phase: 'working', facts, progress, wakeUpAfterMs: this.context.polls.next() };
  }

  /** To be gone on with as soon as these facts are written. */
  protected atOnce(facts: ClusterFacts, progress: string): DriverResult {
    return { phase: 'working', facts, progress, wakeUpAfterMs: 0 };
  }

  /** What a stack is made of. @param groups whose images and flavors are looked up; default: all */
  protected async inputOf(groups?: readonly NodeGroupSpec[]): Promise<ClusterStackInput> {
    const { cluster, signal } = this;
    const { session, site } = this.context;
    const lookup = new ReferenceLookup(session, cluster.project_id, signal, imageProblem);
    const found = await lookup.resolve(cluster.spec, cluster.user_id, groups);
    return stackInputOf(cluster, found, site);
  }

  /** Heat stops by itself when the operation's time is over. */
  protected minutesLeft(): number {
    return Math.max(1, Math.ceil((this.operation.deadline_at.getTime() - Date.now()) / 60_000));
  }
}

/** The operation's time is over: nothing new is begun, and the loop ends it. */
export const TOO_LATE: DriverResult = {
  phase: 'working',
  facts: {},
  progress: 'Heat had not been told yet',
  wakeUpAfterMs: 1_000,
};
