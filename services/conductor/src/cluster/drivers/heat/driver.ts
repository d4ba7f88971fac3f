import type { ReconcileContext } from '@cetus/shared/reconcile';
import type { SecretBox } from '@cetus/shared/secrets';
import type { DriverDescription, Operation, StoredCluster } from '@cetus/shared/schemas';
import { HeatClient } from '@cetus/openstack/heat';
import type { KeystoneSession } from '@cetus/openstack/keystone';
import type {
  AuthorityKind,
  CheckRequest,
  ClusterDriver,
  ClusterFacts,
  DriverResult,
  Inspection,
  ReferenceCheck,
} from '../../cluster-driver.ts';
import type { PollBudget } from '../openstack/poll-budget.ts';
import { ReferenceLookup } from '../openstack/references.ts';
import { ApplyRound } from './apply-round.ts';
import { imageProblem } from './bootstrap/distributions.ts';
import { clusterFacts, STACK_GONE } from './cluster-facts.ts';
import { ClusterSecretStore } from './cluster-secret-store.ts';
import { STACK_MISSING } from './create-round.ts';
import { renewAdministrator, signForClient } from './credentials.ts';
import { guardHeat } from './guard.ts';
import { presentNodes } from './removal/members.ts';
import { NodeCleanup } from './removal/node-cleanup.ts';
import { NodeDrain } from './removal/node-drain.ts';
import { isUnreachable, REMOVAL_DEFAULTS, type NodeRemovalOptions } from './removal/removal-cluster.ts';
import { noteOf, withNote } from './removal/removal-note.ts';
import { RemoveRound } from './remove-round.ts';
import type { RoundContext } from './round.ts';
import { specProblems, templateProblems } from './spec-problems.ts';
import type { HeatSite } from './stack-input-from-spec.ts';
import { StackReader } from './stack-reader.ts';
import { ClusterUpgrade, UPGRADE_DEFAULTS, type ClusterUpgradeOptions } from './upgrade/cluster-upgrade.ts';
import { describeDrift } from './worker-groups.ts';

export interface HeatDriverOptions {
  /** The service user's session; the driver acts in each tenant's project with it. */
  session: KeystoneSession;
  secrets: SecretBox;
  polls: PollBudget;
  site: HeatSite;
  /** Times of an upgrade other than the usual ones. */
  upgrade?: Partial<Omit<ClusterUpgradeOptions, 'secrets'>>;
  /** Times of a removal of nodes other than the usual ones. */
  removal?: Partial<Omit<NodeRemovalOptions, 'secrets'>>;
}

/**
 * Makes clusters as Heat stacks in the tenant's project. The stack's name comes from the cluster's uuid and its tags name the operation
 * that it was last told of, so that whoever looks at it knows what was done, whatever crashed when.
 */
export class HeatDriver implements ClusterDriver {
  /**
   * No `rotate-ca`: nodes trust the authority that their first boot wrote to them, and nothing here reaches into a running machine to
   * change it.
   */
  readonly description: DriverDescription = {
    name: 'heat',
    capabilities: [
      'create',
      'resize',
      'nodes-to-remove',
      'node-groups',
      'node-labels',
      'upgrade',
      'rollback',
      'show-ca',
      'sign-certificates',
    ],
  };
  private readonly options: HeatDriverOptions;
  private readonly clusterSecrets: ClusterSecretStore;
  private readonly upgrades: ClusterUpgrade;
  private readonly drains: NodeDrain;
  private readonly cleanups: NodeCleanup;

  constructor(options: HeatDriverOptions) {
    this.options = options;
    this.clusterSecrets = new ClusterSecretStore(options.secrets);
    const { secrets, upgrade, removal } = options;
    this.upgrades = new ClusterUpgrade({ ...UPGRADE_DEFAULTS, ...upgrade, secrets });
    const removalOptions = { ...REMOVAL_DEFAULTS, ...removal, secrets };
    this.drains = new NodeDrain(removalOptions);
    this.cleanups = new NodeCleanup(removalOptions);
  }

  apply(cluster: StoredCluster, context: ReconcileContext): Promise<DriverResult> {
    return guardHeat(() => new ApplyRound(this.round(cluster, context)).run());
  }

  remove(cluster: StoredCluster, context: ReconcileContext): Promise<DriverResult> {
    return guardHeat(() => new RemoveRound(this.round(cluster, context)).run());
  }

  inspect(cluster: StoredCluster, { signal }: ReconcileContext): Promise<Inspection> {
    return guardHeat(async () => {
      const reader = new StackReader(this.heat(cluster), signal);
      const stack = await reader.find(cluster);
      if (stack === null) {
        if (cluster.status.state === 'DELETE_FAILED')
          return { facts: STACK_GONE, drift: null, failure: null, gone: true };
        // A create that failed before it made anything has no stack to miss.
        const failure = cluster.status.stack_id === null ? null : STACK_MISSING;
        return { facts: {}, drift: failure?.message ?? null, failure };
      }
      if (stack.stack_status.endsWith('_FAILED'))
        return { facts: {}, drift: null, failure: await reader.failure(cluster, stack) };
      const drift = describeDrift(cluster.spec, stack.parameters);
      if (!isSettled(stack.stack_status)) return { facts: {}, drift, failure: null };
      const facts = clusterFacts(cluster, await reader.withOutputs(stack), this.clusterSecrets);
      return { facts, drift, failure: null };
    });
  }

  cleanUp(cluster: StoredCluster, context: ReconcileContext): Promise<ClusterFacts> {
    return guardHeat(async () => {
      const { driver_state } = cluster.status;
      if (noteOf(driver_state) === null || isUnreachable(cluster)) return {};
      const reader = new StackReader(this.heat(cluster), context.signal);
      const stack = await reader.find(cluster);
      if (stack === null || !isSettled(stack.stack_status)) return {};
      const present = (): Promise<Set<string>> => presentNodes(reader, cluster._id, stack);
      const { note } = await this.cleanups.run(cluster, present, context);
      return { driver_state: withNote(driver_state, note) };
    });
  }

  check(request: CheckRequest, signal: AbortSignal): Promise<ReferenceCheck> {
    const { projectId, userId, references, spec, template } = request;
    const { site } = this.options;
    return guardHeat(async () => {
      const problems = [
        ...(spec === undefined ? [] : specProblems(spec, site)),
        ...(template === undefined ? [] : templateProblems(template, site)),
      ];
      const lookup = new ReferenceLookup(this.options.session, projectId, signal, imageProblem);
      const found = await lookup.check(references, userId);
      return { ...found, problems: [...found.problems, ...problems] };
    });
  }

  authority(cluster: StoredCluster, kind: AuthorityKind): Promise<string> {
    return guardHeat(() => Promise.resolve(this.clusterSecrets.authority(cluster, kind).certificate));
  }

  signCertificate(cluster: StoredCluster, request: string): Promise<string> {
    return guardHeat(() => Promise.resolve(signForClient(cluster, request, this.clusterSecrets)));
  }

  renewCredentials(cluster: StoredCluster): Promise<ClusterFacts> {
    return guardHeat(() => Promise.resolve(renewAdministrator(cluster, this.clusterSecrets)));
  }

  private round(cluster: StoredCluster, context: ReconcileContext): RoundContext {
    const { session, polls, site } = this.options;
    return {
      ...context,
      cluster,
      operation: cluster.operation as Operation,
      heat: this.heat(cluster),
      session,
      secrets: this.clusterSecrets,
      polls,
      site,
      upgrades: this.upgrades,
      drains: this.drains,
      cleanups: this.cleanups,
    };
  }

  private heat({ project_id }: StoredCluster): HeatClient {
    return new HeatClient(this.options.session.forProject(project_id));
  }
}

/** Whether nothing goes on in a stack that is to stay. */
function isSettled(status: string): boolean {
  return /^(?!DELETE_).*_(COMPLETE|FAILED)$/.test(status);
}
