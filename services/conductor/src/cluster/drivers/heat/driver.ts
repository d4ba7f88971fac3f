import { CetusError } from '@cetus/shared/errors';
import { failureFrom, type ReconcileContext } from '@cetus/shared/reconcile';
import type { SecretBox } from '@cetus/shared/secrets';
import {
  masterCountOf,
  type DriverDescription,
  type Failure,
  type NodeGroupSpec,
  type Operation,
  type StoredCluster,
} from '@cetus/shared/schemas';
import { isActionInProgress, isStackExists } from '@cetus/openstack/errors';
import { HeatClient, type Stack } from '@cetus/openstack/heat';
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
import { buildClusterStack } from './build-stack.ts';
import { ClusterSecretStore } from './cluster-secret-store.ts';
import { renewAdministrator, signForClient } from './credentials.ts';
import { announceCreate, createAnswered, isAnnounced, mayAppear } from './creation.ts';
import { deletionOf, hasFailedSince, isStumble, MAX_STUMBLES, newDeletion } from './deletion.ts';
import { groupFailures } from './group-failures.ts';
import { guardHeat } from './guard.ts';
import type { PollBudget } from '../openstack/poll-budget.ts';
import { clusterFacts } from './cluster-facts.ts';
import { leftoversOf } from './leftovers.ts';
import { ReferenceLookup } from '../openstack/references.ts';
import { imageProblem } from './bootstrap/distributions.ts';
import { specProblems, templateProblems } from './spec-problems.ts';
import { stackInputOf, type HeatSite } from './stack-input-from-spec.ts';
import type { ClusterStackInput } from './stack-input.ts';
import { operationTag, stackName, stackTags } from '../openstack/stack-name.ts';
import { failureOf, refOf, StackReader } from './stack-reader.ts';
import { nodeOfNoGroup, removesNodes, stackUpdate } from './stack-update.ts';
import { ClusterUpgrade, UPGRADE_DEFAULTS, type ClusterUpgradeOptions } from './upgrade/cluster-upgrade.ts';
import {
  announceUpgrade,
  isUpgrading,
  outdatedGroups,
  upgradeEnded,
  withRollouts,
} from './upgrade/stack-versions.ts';
import { describeDrift, differenceOf } from './worker-groups.ts';

export interface HeatDriverOptions {
  /** The service user's session; the driver acts in each tenant's project with it. */
  session: KeystoneSession;
  secrets: SecretBox;
  polls: PollBudget;
  site: HeatSite;
  /** Times of an upgrade other than the usual ones. */
  upgrade?: Partial<Omit<ClusterUpgradeOptions, 'secrets'>>;
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

  constructor(options: HeatDriverOptions) {
    this.options = options;
    this.clusterSecrets = new ClusterSecretStore(options.secrets);
    const { secrets, upgrade } = options;
    this.upgrades = new ClusterUpgrade({ ...UPGRADE_DEFAULTS, ...upgrade, secrets });
  }

  apply(cluster: StoredCluster, { signal, deadlineExceeded }: ReconcileContext): Promise<DriverResult> {
    return guardHeat(async () => {
      // Written before anything is created with them: a crash must not leave servers whose keys nobody has.
      if (cluster.status.secrets === null) {
        const secrets = await this.clusterSecrets.create(cluster);
        const driver_state = announceCreate(cluster.status.driver_state);
        return atOnce({ secrets, driver_state }, 'Keys and certificates are made');
      }
      const operation = cluster.operation as Operation;
      const stack = await this.reader(cluster, signal).find(cluster);
      if (stack === null) return deadlineExceeded ? TOO_LATE : this.create(cluster, operation, signal);
      const facts = { stack_id: stack.id, driver_state: createAnswered(cluster.status.driver_state) };
      const told = stack.tags?.includes(operationTag(operation)) === true;
      if (stack.stack_status.startsWith('DELETE_')) return this.wait(facts, stack);
      const differs = differenceOf(cluster.spec, stack.parameters) !== null;
      // What was told while a group was still being deleted lacks that group: it is told again when Heat has ended.
      if (!told || (differs && stack.stack_status.endsWith('_COMPLETE'))) {
        if (deadlineExceeded) return TOO_LATE;
        return this.change(cluster, operation, stack, signal);
      }
      if (stack.stack_status.endsWith('_IN_PROGRESS')) return this.wait(facts, stack);
      if (stack.stack_status.endsWith('_FAILED'))
        return this.failed(cluster, operation, stack, facts, signal);
      const driver_state = upgradeEnded(cluster.status.driver_state);
      const settled = { ...cluster, status: { ...cluster.status, driver_state } };
      return this.ended(cluster, { ...(await this.factsOf(settled, stack, signal)), driver_state });
    });
  }

  remove(cluster: StoredCluster, { signal }: ReconcileContext): Promise<DriverResult> {
    return guardHeat(async () => {
      const operation = cluster.operation as Operation;
      const stack = await this.reader(cluster, signal).find(cluster);
      if (stack === null) {
        return mayAppear(cluster.status.driver_state)
          ? this.waiting({}, MAY_APPEAR)
          : { phase: 'done', facts: GONE };
      }
      const facts = { stack_id: stack.id };
      const before = deletionOf(cluster, operation);
      let memory = before ?? newDeletion(stack, operation);
      if (before !== null && hasFailedSince(stack, before)) {
        const failure = await this.reader(cluster, signal).failure(cluster, stack);
        if (!isStumble(failure) || before.delete_stumbles >= MAX_STUMBLES)
          return { phase: 'failed', facts, failure };
        memory = { ...newDeletion(stack, operation), delete_stumbles: before.delete_stumbles + 1 };
      }
      const ending = stack.stack_status === 'DELETE_COMPLETE' && before !== null;
      if (ending || stack.stack_status === 'DELETE_IN_PROGRESS') return this.wait(facts, stack);
      await this.heat(cluster).deleteStack(refOf(stack), signal);
      // Remembered after it was done: at worst it is told twice, which Heat takes for once.
      const driver_state = { ...cluster.status.driver_state, ...memory };
      return this.wait({ ...facts, driver_state }, { ...stack, stack_status: 'DELETE_IN_PROGRESS' });
    });
  }

  inspect(cluster: StoredCluster, { signal }: ReconcileContext): Promise<Inspection> {
    return guardHeat(async () => {
      const stack = await this.reader(cluster, signal).find(cluster);
      if (stack === null) {
        if (cluster.status.state === 'DELETE_FAILED')
          return { facts: GONE, drift: null, failure: null, gone: true };
        // A create that failed before it made anything has no stack to miss.
        const missing = cluster.status.stack_id !== null;
        return {
          facts: {},
          drift: missing ? STACK_MISSING.message : null,
          failure: missing ? STACK_MISSING : null,
        };
      }
      if (stack.stack_status.endsWith('_FAILED')) {
        return {
          facts: {},
          drift: null,
          failure: await this.reader(cluster, signal).failure(cluster, stack),
        };
      }
      const drift = describeDrift(cluster.spec, stack.parameters);
      const settled = /^(?!DELETE_).*_COMPLETE$/.test(stack.stack_status);
      return { facts: settled ? await this.factsOf(cluster, stack, signal) : {}, drift, failure: null };
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
      const found = await this.lookup(projectId, signal).check(references, userId);
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

  private async create(
    cluster: StoredCluster,
    operation: Operation,
    signal: AbortSignal,
  ): Promise<DriverResult> {
    const { driver_state } = cluster.status;
    // Only who asks again has said that what vanished shall be made anew.
    if (operation.action !== 'create' && operation.requested !== 'retry')
      return { phase: 'failed', facts: {}, failure: STACK_MISSING };
    if (!isAnnounced(driver_state)) {
      return atOnce({ driver_state: announceCreate(driver_state) }, 'The stack is going to be created');
    }
    const answered = { driver_state: createAnswered(driver_state) };
    try {
      const id = await guardHeat(() => this.send(cluster, operation, signal));
      return this.waiting(id === null ? {} : { stack_id: id, ...answered }, 'Heat creates the stack');
    } catch (error) {
      // A refusal is an answer; anything else may yet turn out to have made a stack.
      if (!(error instanceof CetusError) || error.retryable) throw error;
      return { phase: 'failed', facts: answered, failure: failureFrom(error) };
    }
  }

  /** Sends a create. Answers null when there is such a stack already: another process was faster, and the next round finds it. */
  private async send(
    cluster: StoredCluster,
    operation: Operation,
    signal: AbortSignal,
  ): Promise<string | null> {
    const input = await this.inputOf(cluster, signal);
    const stack = {
      ...buildClusterStack(input, this.clusterSecrets.open(cluster)),
      name: stackName(cluster._id),
      tags: stackTags(cluster._id, operation),
      timeoutMins: minutesLeft(operation),
      disableRollback: true,
    };
    try {
      return (await this.heat(cluster).createStack(stack, signal)).id;
    } catch (error) {
      if (isStackExists(error)) return null;
      throw error;
    }
  }

  /** Running nodes first, then what new ones are made with. */
  private async change(
    cluster: StoredCluster,
    operation: Operation,
    found: Stack,
    signal: AbortSignal,
  ): Promise<DriverResult> {
    const stack = await this.reader(cluster, signal).withOutputs(found);
    // A create makes its nodes as they are asked for.
    const outdated = operation.action === 'create' ? [] : outdatedGroups(cluster.spec, stack.outputs);
    const upgrade = await this.upgrade(cluster, stack, outdated, signal);
    return upgrade ?? this.update(cluster, operation, stack, outdated, signal);
  }

  /** A round of an upgrade; null when there is none, or none any more. */
  private async upgrade(
    cluster: StoredCluster,
    stack: Stack,
    outdated: readonly NodeGroupSpec[],
    signal: AbortSignal,
  ): Promise<DriverResult | null> {
    const state = createAnswered(cluster.status.driver_state);
    if (outdated.length === 0 && !isUpgrading(state)) return null;
    if (stack.stack_status.endsWith('_IN_PROGRESS')) return this.wait({ stack_id: stack.id }, stack);
    if (!isUpgrading(state))
      return atOnce({ driver_state: announceUpgrade(state) }, 'Kubernetes is going to be upgraded');
    const { node_groups = [], ...found } = clusterFacts(cluster, stack, this.clusterSecrets);
    const addresses = new Set(node_groups.flatMap(({ node_addresses }) => node_addresses));
    const round = await this.upgrades.run(cluster, addresses, signal);
    if (round.phase === 'done') return null;
    const goesOn = round.phase === 'working';
    const facts = { ...found, node_groups: withRollouts(node_groups, round.groups, outdated, goesOn) };
    if (round.phase === 'working') {
      const { progress, wakeUpAfterMs } = round;
      return { phase: 'working', facts, progress, wakeUpAfterMs };
    }
    const { failure, failedGroups } = round;
    return { phase: 'failed', facts, failure, ...(failedGroups === undefined ? {} : { failedGroups }) };
  }

  private async update(
    cluster: StoredCluster,
    operation: Operation,
    stack: Stack,
    outdated: readonly NodeGroupSpec[],
    signal: AbortSignal,
  ): Promise<DriverResult> {
    const facts = { stack_id: stack.id };
    const heat = this.heat(cluster);
    const reader = this.reader(cluster, signal);
    const isComplete = stack.stack_status.endsWith('_COMPLETE');
    if (removesNodes(cluster, stack) && isComplete) {
      const failure = nodeOfNoGroup(cluster, stack, stack.outputs);
      if (failure !== null) return { phase: 'failed', facts, failure };
    }
    const leftovers = leftoversOf(stack.parameters, isComplete ? [] : await reader.resources(stack, 1));
    const build = async (added: readonly NodeGroupSpec[]) => ({
      input: await this.inputOf(cluster, signal, added),
      secrets: this.clusterSecrets.open(cluster),
    });
    const update = {
      ...(await stackUpdate(cluster, stack, heat, leftovers, outdated, build, signal)),
      tags: stackTags(cluster._id, operation),
      timeoutMins: minutesLeft(operation),
    };
    try {
      await heat.updateStack(refOf(stack), update, signal);
      return this.waiting(facts, 'Heat updates the stack');
    } catch (error) {
      if (!isActionInProgress(error)) throw error;
      return this.wait(facts, stack);
    }
  }

  private async inputOf(
    { spec, ...cluster }: StoredCluster,
    signal: AbortSignal,
    groups?: readonly NodeGroupSpec[],
  ): Promise<ClusterStackInput> {
    const lookup = this.lookup(cluster.project_id, signal);
    const found = await lookup.resolve(spec, cluster.user_id, groups);
    return stackInputOf({ spec, ...cluster }, found, this.options.site);
  }

  /** Heat has done what it was told; what it cannot be told is refused before, unless somebody did not ask. */
  private ended(cluster: StoredCluster, facts: ClusterFacts): DriverResult {
    const asked = masterCountOf(cluster.spec);
    if (facts.actual_master_count === asked) return { phase: 'done', facts };
    const message = `The heat driver cannot change the number of masters from ${String(facts.actual_master_count)} to ${String(asked)}`;
    return { phase: 'failed', facts, failure: { code: 'unsupported', message } };
  }

  private async failed(
    cluster: StoredCluster,
    operation: Operation,
    stack: Stack,
    facts: ClusterFacts,
    signal: AbortSignal,
  ): Promise<DriverResult> {
    const reader = this.reader(cluster, signal);
    const report = await reader.report(cluster, stack);
    const failure = failureOf(report);
    // What a create that failed has made is of no use to anybody.
    const found =
      operation.action === 'create'
        ? {}
        : clusterFacts(cluster, await reader.withOutputs(stack), this.clusterSecrets, report.resources);
    return {
      phase: 'failed',
      facts: { ...found, ...facts },
      failure,
      failedGroups: groupFailures(cluster, report, failure),
    };
  }

  private wait(facts: ClusterFacts, stack: Stack): DriverResult {
    return this.waiting(facts, `The Heat stack is ${stack.stack_status}`);
  }

  private waiting(facts: ClusterFacts, progress: string): DriverResult {
    return { phase: 'working', facts, progress, wakeUpAfterMs: this.options.polls.next() };
  }

  private async factsOf(cluster: StoredCluster, stack: Stack, signal: AbortSignal): Promise<ClusterFacts> {
    const complete = await this.reader(cluster, signal).withOutputs(stack);
    return clusterFacts(cluster, complete, this.clusterSecrets);
  }

  private reader(cluster: StoredCluster, signal: AbortSignal): StackReader {
    return new StackReader(this.heat(cluster), signal);
  }

  private heat(cluster: StoredCluster): HeatClient {
    return new HeatClient(this.options.session.forProject(cluster.project_id));
  }

  private lookup(projectId: string, signal: AbortSignal): ReferenceLookup {
    return new ReferenceLookup(this.options.session, projectId, signal, imageProblem);
  }
}

const MAY_APPEAR = 'A stack that Heat may be creating is waited for';

/** The operation's time is over: nothing new is begun, and the loop ends it. */
const TOO_LATE: DriverResult = {
  phase: 'working',
  facts: {},
  progress: 'Heat had not been told yet',
  wakeUpAfterMs: 1_000,
};

function atOnce(facts: ClusterFacts, progress: string): DriverResult {
  return { phase: 'working', facts, progress, wakeUpAfterMs: 0 };
}

const STACK_MISSING: Failure = {
  code: 'stack_missing',
  message: 'The Heat stack of the cluster was deleted outside of Cetus; a retry makes it anew',
};

/** What is left of a cluster whose stack is gone. */
const GONE: ClusterFacts = {
  actual_node_count: 0,
  actual_master_count: 0,
  api_address: null,
  master_addresses: [],
  node_addresses: [],
  node_groups: [],
  certificates: { ca_expires_at: null, client_expires_at: null },
  kubeconfig: null,
  secrets: null,
};

/** Heat stops by itself when the operation's time is over. */
function minutesLeft(operation: Operation): number {
  return Math.max(1, Math.ceil((operation.deadline_at.getTime() - Date.now()) / 60_000));
}
