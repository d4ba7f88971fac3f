import type { ClusterHealth, Condition } from '@cetus/shared/schemas';
import { assess, type Assessment } from './assessment.ts';
import { Damping } from './damping.ts';
import { after, type Part } from './parts.ts';
import { Reachability } from './reachability.ts';

/** A cluster's health as it can be told now; since when, the document knows. */
export type ToldHealth = Omit<ClusterHealth, 'conditions'> & { conditions: Omit<Condition, 'since'>[] };

export interface TrackerLimits {
  /** How long a cluster must not answer until it is called unreachable, in milliseconds. */
  unreachableMs: number;
  /** How long it must be in trouble until it is called unhealthy, and out of it until it is called healthy again. */
  unhealthyMs: number;
  healthyMs: number;
}

/** How long a cluster that answers has to show its nodes until it is said that they are not known, in milliseconds. */
const FIRST_LOOK_MS = 10_000;

type Told = Omit<Assessment, 'healthy'>;

/**
 * Everything that is known about one cluster, and what can be told of it: damped, and apart for whether it can be reached and for how it is.
 * It goes on from what was told before, by whatever process.
 */
export class HealthTracker {
  readonly reachability: Reachability;
  /** Which kubeconfig it is reached with. */
  readonly kubeconfig: string;
  readonly nodes = new Map<string, Part>();
  readonly pods = new Map<string, Part>();
  failedChecks: readonly string[] | null = null;
  version: string | null;
  identity: ClusterHealth['identity'];
  /** Whether `nodes` is what there is now. */
  nodesKnown = false;
  /** Nodes that were ready when somebody else looked: they do not start any more. */
  private readonly readyBefore: ReadonlySet<string>;
  private readonly damping: Damping;
  private readonly startedAt: number;
  private told: Told;
  private status: Condition['status'];

  constructor(before: ClusterHealth | null, kubeconfig: string, limits: TrackerLimits, now: number) {
    this.kubeconfig = kubeconfig;
    const { unreachableMs, unhealthyMs, healthyMs } = limits;
    const reachable = conditionOf(before, 'Reachable');
    const healthy = conditionOf(before, 'Healthy');
    this.reachability = new Reachability(unreachableMs, reachable, before?.last_contact?.getTime() ?? null);
    this.status = healthy?.status ?? 'Unknown';
    this.damping = new Damping(this.status, { badMs: unhealthyMs, goodMs: healthyMs });
    this.startedAt = now;
    this.version = before?.version ?? null;
    this.identity = before?.identity;
    const reasons = Object.entries(before?.reasons ?? {});
    this.readyBefore = new Set(reasons.filter(([, word]) => word === 'True').map(([part]) => part));
    this.told = {
      reason: healthy?.reason ?? 'NotYetKnown',
      message: healthy?.message ?? 'The nodes were not seen yet',
      reasons: before?.reasons ?? {},
      nodes: before?.nodes ?? { ready: 0, total: 0 },
    };
  }

  /** Notes a node or a pod as it is now. */
  see(parts: Map<string, Part>, part: Part): void {
    const started = this.readyBefore.has(`${part.name}.Ready`) ? { ...part, fresh: false } : part;
    parts.set(part.name, after(parts.get(part.name), started));
  }

  /** What can be told now; null while there is nothing to tell yet. */
  tell(now: number): ToldHealth | null {
    const reachable = this.reachability.condition(now);
    if (reachable.status === 'Unknown') return null;
    if (reachable.status === 'False') this.tellUnreachable(reachable.reason);
    else if (this.nodesKnown || (this.failedChecks ?? []).length > 0) this.tellFindings(now);
    else if (this.told.reason === 'NotYetKnown' && now - this.startedAt < FIRST_LOOK_MS) return null;
    const { reason, message, reasons, nodes } = this.told;
    const contact = this.reachability.contactedAt;
    return {
      status: WORDS[this.status],
      reasons,
      nodes,
      version: this.version,
      last_contact: contact === null ? null : new Date(contact),
      conditions: [
        { type: 'Reachable', ...reachable },
        { type: 'Healthy', status: this.status, reason, message },
      ],
      ...(this.identity === undefined ? {} : { identity: this.identity }),
    };
  }

  /** How it is, nobody can say; how it was, it is still told. */
  private tellUnreachable(api: string): void {
    const before = this.status;
    this.status = this.damping.say('Unknown', 0);
    // The nodes are to be seen anew before anything is said of them.
    this.nodesKnown = false;
    if (before === 'Unknown' && this.told.reasons['api'] === api) return;
    const was =
      before === 'Unknown'
        ? this.told.message
        : `The cluster cannot be looked at; when it was, it was ${before === 'True' ? 'healthy' : 'unhealthy'}: ${this.told.message}`;
    this.told = {
      ...this.told,
      reason: 'CannotBeLookedAt',
      message: was,
      reasons: { ...this.told.reasons, api },
    };
  }

  private tellFindings(now: number): void {
    const { nodes, pods, failedChecks } = this;
    const found = assess({ nodes: nodes.values(), pods: pods.values(), failedChecks }, now);
    this.status = this.damping.say(found.healthy, now);
    // What blinks is not told: the details go with the status that they are the reason of.
    if (this.status === found.healthy) this.told = found;
  }
}

const WORDS = { True: 'HEALTHY', False: 'UNHEALTHY', Unknown: 'UNKNOWN' } as const;

function conditionOf(health: ClusterHealth | null, type: string): Condition | undefined {
  return health?.conditions.find((condition) => condition.type === type);
}
