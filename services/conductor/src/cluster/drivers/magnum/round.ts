import type { ReconcileContext } from '@cetus/shared/reconcile';
import type { Operation, StoredCluster } from '@cetus/shared/schemas';
import type { HeatClient } from '@cetus/openstack/heat';
import type { KeystoneSession } from '@cetus/openstack/keystone';
import type { MagnumClient, MagnumCluster } from '@cetus/openstack/magnum';
import type { ClusterFacts, DriverResult } from '../../cluster-driver.ts';
import type { PollBudget } from '../openstack/poll-budget.ts';
import { conductorReports, mayAppear } from './appearance.ts';
import { describeFailure, type FailureReport } from './failure.ts';
import { findGroups, type FoundCluster } from './find-cluster.ts';
import { stateOfMemory, type Memory } from './memory.ts';

/** The services of a cluster's project, as the service user sees them. */
export interface ProjectClients {
  magnum: MagnumClient;
  heat: HeatClient;
}

/** A create that is going to be sent: when it was announced in the cluster's document, and what it names. */
export interface Announcement {
  at: number;
  /** Magnum's uuid of the template. */
  template: string;
  keypair: string | null;
}

/** The creates that this process announced and has not sent, by cluster. No other process sends them. */
export type Announced = Map<string, Announcement>;

/** What a round is made with. */
export interface RoundContext extends ReconcileContext, ProjectClients {
  /** The service user's own session, */
  service: KeystoneSession;
  /** and Magnum as it is shown to it: an administrator. */
  administration: MagnumClient;
  announced: Announced;
  cluster: StoredCluster;
  operation: Operation;
  polls: PollBudget;
}

/** What rounds of all kinds do. A round looks, does one thing at most, and says how far the cluster is. */
export abstract class Round {
  protected readonly context: RoundContext;
  protected readonly cluster: StoredCluster;
  protected readonly operation: Operation;
  protected readonly magnum: MagnumClient;
  protected readonly heat: HeatClient;
  protected readonly signal: AbortSignal;

  constructor(context: RoundContext) {
    this.context = context;
    this.cluster = context.cluster;
    this.operation = context.operation;
    this.magnum = context.magnum;
    this.heat = context.heat;
    this.signal = context.signal;
  }

  protected waiting(progress: string, memory?: Memory, facts: ClusterFacts = {}): DriverResult {
    const driver_state = memory === undefined ? {} : { driver_state: stateOfMemory(memory) };
    return {
      phase: 'working',
      facts: { ...facts, ...driver_state },
      progress,
      wakeUpAfterMs: this.context.polls.next(),
    };
  }

  /** The operation's time is over: nothing new is begun, and the loop ends it. */
  protected tooLate(memory: Memory): DriverResult {
    return this.waiting('Magnum had not been told yet', memory);
  }

  /** The create of this cluster that this process announced and has not sent; who has taken it may send it, and nobody else. */
  protected takeAnnouncement({ create }: Memory): Announcement | null {
    const { announced } = this.context;
    const mine = announced.get(this.cluster._id);
    announced.delete(this.cluster._id);
    return mine !== undefined && mine.at === create?.at ? mine : null;
  }

  /** Whether the create was announced by this process and not sent: so it was by none. */
  protected isUnsent({ create }: Memory): boolean {
    return create !== null && this.context.announced.get(this.cluster._id)?.at === create.at;
  }

  /** Whether a cluster that is not there may still appear. */
  protected mayAppear(memory: Memory): Promise<boolean> {
    return mayAppear(memory, () => conductorReports(this.context.administration, this.signal));
  }

  protected async withGroups(there: MagnumCluster): Promise<FoundCluster> {
    const groups = await findGroups(this.magnum, there.uuid, this.cluster.spec, this.signal);
    return { cluster: there, groups };
  }

  protected report(found: FoundCluster): Promise<FailureReport> {
    return describeFailure(this.heat, this.cluster.spec, found, this.signal);
  }

  /**
   * Whether Heat has nothing of a cluster any more. Magnum may lose its access to a stack that is gone, and wait for it for ever: told to
   * delete it again, it sees that it is.
   */
  protected async stackIsGone({ stack_id }: MagnumCluster): Promise<boolean> {
    const status = await this.stackStatus(stack_id);
    return status === null || status === 'DELETE_COMPLETE';
  }

  /**
   * Whether Heat is at work on a stack. Magnum's own word may be older than that: what it reads for an operation that has just ended, it may write over
   * what it has begun since. Told the same again meanwhile, Heat would cancel what it does, and fail.
   */
  protected async isHeatAtWork(stackId: string | null): Promise<boolean> {
    return (await this.stackStatus(stackId))?.endsWith('_IN_PROGRESS') === true;
  }

  /** Null when Heat has none. */
  private async stackStatus(id: string | null): Promise<string | null> {
    if (id === null) return null;
    const stack = await this.heat.getStack(id, { resolveOutputs: false, signal: this.signal });
    return stack?.stack_status ?? null;
  }
}
