import { CetusError } from '@cetus/shared/errors';
import { failureFrom, type ReconcileContext } from '@cetus/shared/reconcile';
import type { SecretBox } from '@cetus/shared/secrets';
import type { Failure, Operation, StoredCluster } from '@cetus/shared/schemas';
import { hasStatus, isActionInProgress, isStackExists } from '@cetus/openstack/errors';
import { HeatClient, type Stack } from '@cetus/openstack/heat';
import type { KeystoneSession } from '@cetus/openstack/keystone';
import type {
  CheckRequest,
  ClusterDriver,
  ClusterFacts,
  DriverResult,
  Inspection,
  ReferenceCheck,
} from '../../cluster-driver.ts';
import { guardBackEnd } from './back-end-error.ts';
import { buildClusterStack, scaleParameters } from './build-stack.ts';
import { ClusterSecretStore } from './cluster-secret-store.ts';
import { announceCreate, createAnswered, isAnnounced, mayAppear } from './creation.ts';
import { deletionOf, hasFailedSince, isStumble, MAX_STUMBLES, newDeletion } from './deletion.ts';
import { describeStackFailure } from './failure.ts';
import type { PollBudget } from './poll-budget.ts';
import { clusterFacts } from './cluster-facts.ts';
import { ReferenceLookup } from './references.ts';
import { specProblems, templateProblems } from './spec-problems.ts';
import { stackInputOf, type HeatSite } from './stack-input-from-spec.ts';
import { operationTag, stackName, stackTags } from './stack-name.ts';

export interface HeatDriverOptions {
  /** The service user's session; the driver acts in each tenant's project with it. */
  session: KeystoneSession;
  secrets: SecretBox;
  polls: PollBudget;
  site: HeatSite;
}

/**
 * Makes clusters as Heat stacks in the tenant's project. The stack's name comes from the cluster's uuid and its tags name the operation
 * that it was last told of, so that whoever looks at it knows what was done, whatever crashed when.
 */
export class HeatDriver implements ClusterDriver {
  readonly name = 'heat';
  private readonly options: HeatDriverOptions;
  private readonly clusterSecrets: ClusterSecretStore;

  constructor(options: HeatDriverOptions) {
    this.options = options;
    this.clusterSecrets = new ClusterSecretStore(options.secrets);
  }

  apply(cluster: StoredCluster, { signal, deadlineExceeded }: ReconcileContext): Promise<DriverResult> {
    return guardBackEnd(async () => {
      // Written before anything is created with them: a crash must not leave servers whose keys nobody has.
      if (cluster.status.secrets === null) {
        const secrets = await this.clusterSecrets.create(cluster);
        const driver_state = announceCreate(cluster.status.driver_state);
        return atOnce({ secrets, driver_state }, 'Keys and certificates are made');
      }
      const operation = cluster.operation as Operation;
      const stack = await this.find(cluster, signal);
      if (stack === null) return deadlineExceeded ? TOO_LATE : this.create(cluster, operation, signal);
      const facts = { stack_id: stack.id, driver_state: createAnswered(cluster.status.driver_state) };
      const told = stack.tags?.includes(operationTag(operation)) === true;
      if (stack.stack_status.startsWith('DELETE_')) return this.wait(facts, stack);
      if (!told || stack.parameters['node_count'] !== String(cluster.spec.node_count)) {
        if (deadlineExceeded) return TOO_LATE;
        return this.update(cluster, operation, stack, signal);
      }
      if (stack.stack_status.endsWith('_IN_PROGRESS')) return this.wait(facts, stack);
      if (stack.stack_status.endsWith('_FAILED')) {
        return { phase: 'failed', facts, failure: await this.failureOf(cluster, stack, signal) };
      }
      return { phase: 'done', facts: await this.factsOf(cluster, stack, signal) };
    });
  }

  remove(cluster: StoredCluster, { signal }: ReconcileContext): Promise<DriverResult> {
    return guardBackEnd(async () => {
      const operation = cluster.operation as Operation;
      const stack = await this.find(cluster, signal);
      if (stack === null) {
        return mayAppear(cluster.status.driver_state)
          ? this.waiting({}, MAY_APPEAR)
          : { phase: 'done', facts: GONE };
      }
      const facts = { stack_id: stack.id };
      const before = deletionOf(cluster, operation);
      let memory = before ?? newDeletion(stack, operation);
      if (before !== null && hasFailedSince(stack, before)) {
        const failure = await this.failureOf(cluster, stack, signal);
        if (!isStumble(failure) || before.delete_stumbles >= MAX_STUMBLES)
          return { phase: 'failed', facts, failure };
        memory = { ...newDeletion(stack, operation), delete_stumbles: before.delete_stumbles + 1 };
      }
      const ending = stack.stack_status === 'DELETE_COMPLETE' && before !== null;
      if (ending || stack.stack_status === 'DELETE_IN_PROGRESS') return this.wait(facts, stack);
      await this.heat(cluster).deleteStack({ name: stack.stack_name, id: stack.id }, signal);
      // Remembered after it was done: at worst it is told twice, which Heat takes for once.
      const driver_state = { ...cluster.status.driver_state, ...memory };
      return this.wait({ ...facts, driver_state }, { ...stack, stack_status: 'DELETE_IN_PROGRESS' });
    });
  }

  inspect(cluster: StoredCluster, { signal }: ReconcileContext): Promise<Inspection> {
    return guardBackEnd(async () => {
      const stack = await this.find(cluster, signal);
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
        return { facts: {}, drift: null, failure: await this.failureOf(cluster, stack, signal) };
      }
      const found = stack.parameters['node_count'];
      const asked = String(cluster.spec.node_count);
      const drift = found === asked ? null : `The stack has ${String(found)} nodes instead of ${asked}`;
      const settled = /^(?!DELETE_).*_COMPLETE$/.test(stack.stack_status);
      return { facts: settled ? await this.factsOf(cluster, stack, signal) : {}, drift, failure: null };
    });
  }

  check(request: CheckRequest, signal: AbortSignal): Promise<ReferenceCheck> {
    const { projectId, userId, references, spec, template } = request;
    const { site } = this.options;
    return guardBackEnd(async () => {
      const problems = [
        ...(spec === undefined ? [] : specProblems(spec, site)),
        ...(template === undefined ? [] : templateProblems(template, site)),
      ];
      const found = await this.lookup(projectId, signal).check(references, userId);
      return { ...found, problems: [...found.problems, ...problems] };
    });
  }

  private async create(
    cluster: StoredCluster,
    operation: Operation,
    signal: AbortSignal,
  ): Promise<DriverResult> {
    const { driver_state } = cluster.status;
    if (operation.requested === 'update') return { phase: 'failed', facts: {}, failure: STACK_MISSING };
    if (!isAnnounced(driver_state)) {
      return atOnce({ driver_state: announceCreate(driver_state) }, 'The stack is going to be created');
    }
    const answered = { driver_state: createAnswered(driver_state) };
    try {
      const id = await guardBackEnd(() => this.send(cluster, operation, signal));
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
    const found = await this.lookup(cluster.project_id, signal).resolve(cluster.spec, cluster.user_id);
    const input = stackInputOf(cluster, found, this.options.site);
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

  private async update(
    cluster: StoredCluster,
    operation: Operation,
    stack: Stack,
    signal: AbortSignal,
  ): Promise<DriverResult> {
    const facts = { stack_id: stack.id };
    try {
      await this.heat(cluster).updateStack(
        { name: stack.stack_name, id: stack.id },
        {
          parameters: scaleParameters(cluster.spec.node_count),
          tags: stackTags(cluster._id, operation),
          timeoutMins: minutesLeft(operation),
        },
        signal,
      );
      return this.waiting(facts, 'Heat updates the stack');
    } catch (error) {
      if (!isActionInProgress(error)) throw error;
      return this.wait(facts, stack);
    }
  }

  /** The stack by its id; by its name when the id is not known yet or leads to a deleted one. */
  private async find(cluster: StoredCluster, signal: AbortSignal): Promise<Stack | null> {
    const { stack_id: id } = cluster.status;
    const heat = this.heat(cluster);
    const name = stackName(cluster._id);
    // Heat says DELETE_COMPLETE before it has removed its records, over which it may still fail.
    const there = (stack: Stack | null): Stack | null =>
      stack?.stack_status === 'DELETE_COMPLETE' && stack.deletion_time !== null ? null : stack;
    const byId =
      id === null ? null : there(await heat.getStack({ name, id }, { resolveOutputs: false, signal }));
    // A stack that is just being deleted is still found by its name for a moment.
    return byId ?? there(await heat.findByName(name, signal));
  }

  private wait(facts: ClusterFacts, stack: Stack): DriverResult {
    return this.waiting(facts, `The Heat stack is ${stack.stack_status}`);
  }

  private waiting(facts: ClusterFacts, progress: string): DriverResult {
    return { phase: 'working', facts, progress, wakeUpAfterMs: this.options.polls.next() };
  }

  private async factsOf(cluster: StoredCluster, stack: Stack, signal: AbortSignal): Promise<ClusterFacts> {
    const complete = await this.heat(cluster).getStack({ name: stack.stack_name, id: stack.id }, { signal });
    return clusterFacts(cluster, complete ?? stack, this.clusterSecrets, this.options.site);
  }

  private async failureOf(cluster: StoredCluster, stack: Stack, signal: AbortSignal): Promise<Failure> {
    const heat = this.heat(cluster);
    const ref = { name: stack.stack_name, id: stack.id };
    const { spec } = cluster;
    const asked = {
      flavors: [spec.flavor_id ?? undefined, spec.master_flavor_id ?? undefined],
      images: [spec.image_id],
      networks: [spec.external_network_id ?? undefined, spec.fixed_network ?? undefined],
    };
    try {
      const resources = await heat.listResources(ref, { nestedDepth: 3, signal });
      const events = await heat.listEvents(ref, { nestedDepth: 3, sortDir: 'desc', limit: 100, signal });
      return describeStackFailure(stack, resources, events, asked);
    } catch (error) {
      // The stack went away while we looked; what it said of itself is still true.
      if (!hasStatus(error, 404)) throw error;
      return describeStackFailure(stack, [], [], asked);
    }
  }

  private heat(cluster: StoredCluster): HeatClient {
    return new HeatClient(this.options.session.forProject(cluster.project_id));
  }

  private lookup(projectId: string, signal: AbortSignal): ReferenceLookup {
    return new ReferenceLookup(this.options.session, projectId, signal);
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
  kubeconfig: null,
  secrets: null,
};

/** Heat stops by itself when the operation's time is over. */
function minutesLeft(operation: Operation): number {
  return Math.max(1, Math.ceil((operation.deadline_at.getTime() - Date.now()) / 60_000));
}
