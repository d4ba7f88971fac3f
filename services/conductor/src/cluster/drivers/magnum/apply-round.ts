import type { Failure } from '@cetus/shared/schemas';
import type { SecretBox } from '@cetus/shared/secrets';
import type { MagnumCluster } from '@cetus/openstack/magnum';
import type { ClusterFacts, DriverResult } from '../../cluster-driver.ts';
import { take } from './actions.ts';
import type { CreateRound } from './create-round.ts';
import { authorityFingerprint, makeCredentials, type Credentials } from './credentials.ts';
import { factsOf } from './facts.ts';
import { dropNamesakes, findCluster, type FoundCluster } from './find-cluster.ts';
import {
  hasUnseen,
  including,
  isOverdue,
  mayBeOld,
  memoryOf,
  seenAtWork,
  shown,
  stateOfMemory,
  tell,
  type Memory,
} from './memory.ts';
import { CLUSTER, planNext, unmetGroups, type Step } from './plan.ts';
import { Round, type RoundContext } from './round.ts';
import { dropTemplates } from './templates.ts';

const PROGRESS: Record<Step['kind'], string> = {
  resize: 'Magnum changes the number of nodes',
  'create-group': 'Magnum creates a node group',
  'delete-group': 'Magnum deletes a node group',
  upgrade: 'Magnum upgrades nodes',
  'rotate-ca': 'Magnum replaces the authority',
};

const HEAT_WORKS = "Heat is at work on the cluster's stack";

/** The stack that Heat may still be at work on when a step is to be told; null when it does not matter, or is to be taken over. */
function stackOf(step: Step, { cluster }: FoundCluster): string | null {
  const takesOver = cluster.status?.endsWith('_IN_PROGRESS') === true;
  return takesOver || (step.kind !== 'resize' && step.kind !== 'upgrade') ? null : step.have.stack_id;
}

/** Brings a cluster to what its spec says. */
export class ApplyRound extends Round {
  private readonly creation: CreateRound;
  private readonly secrets: SecretBox;

  constructor(context: RoundContext, creation: CreateRound, secrets: SecretBox) {
    super(context);
    this.creation = creation;
    this.secrets = secrets;
  }

  async run(): Promise<DriverResult> {
    const memory = memoryOf(this.cluster, this.operation);
    const there = await findCluster(this.magnum, this.cluster._id, memory, this.signal);
    if (there === null) return this.creation.run(memory);
    const known = shown(memory, there.uuid);
    const status = there.status ?? '';
    if (status.startsWith('DELETE_')) return this.beingDeleted(there, known);
    const createdNow = known.create?.operation === this.operation.uuid;
    if (status === 'CREATE_FAILED') {
      if (createdNow) return this.failed(await this.withGroups(there), known);
      // It cannot be changed any more, and what it has made is of no use to anybody.
      return this.context.deadlineExceeded ? this.tooLate(known) : this.creation.makeAnew(there, known);
    }
    // Nothing to compare while Magnum does what it was told: one request a look.
    const toldSomething = createdNow || Object.keys(known.told).length > 0;
    if (toldSomething && status.endsWith('_IN_PROGRESS'))
      return this.waiting(`Magnum's cluster is ${status}`, seenAtWork(known), { stack_id: there.stack_id });
    const [found, credentials] = await Promise.all([this.withGroups(there), this.credentialsEarly(there)]);
    return this.proceed(found, known, credentials);
  }

  /** By us, because it is to be made anew; or by others. */
  private async beingDeleted(there: MagnumCluster, memory: Memory): Promise<DriverResult> {
    const told = memory.told[CLUSTER];
    if (there.status === 'DELETE_IN_PROGRESS') {
      if (told !== undefined && isOverdue(told.at) && (await this.stackIsGone(there)))
        return this.creation.makeAnew(there, memory);
      return this.waiting("Magnum's cluster is being deleted", seenAtWork(memory));
    }
    if (told !== undefined && mayBeOld(told, there.updated_at))
      return this.waiting('What an earlier attempt left is removed', memory);
    return told === undefined && this.creation.isAskedFor()
      ? this.creation.makeAnew(there, memory)
      : this.failed(await this.withGroups(there), memory);
  }

  /** Brings a cluster that is there one step nearer to its spec. */
  private async proceed(
    found: FoundCluster,
    memory: Memory,
    credentials: Credentials | null,
  ): Promise<DriverResult> {
    const plan = planNext(this.cluster.spec, found, memory);
    switch (plan.kind) {
      case 'wait':
        return this.waiting(`Magnum's cluster is ${found.cluster.status ?? 'new'}`, memory);
      case 'refuse':
        return { phase: 'failed', facts: this.facts(found, memory), failure: plan.failure };
      case 'failed':
        return this.failed(found, memory, this.facts(found, memory));
      case 'step':
        if (this.context.deadlineExceeded) return this.tooLate(memory);
        return (await this.isHeatAtWork(stackOf(plan.step, found)))
          ? this.waiting(HEAT_WORKS, memory)
          : this.take(plan.step, found, memory);
      case 'done':
        return hasUnseen(memory) && (await this.isHeatAtWork(found.cluster.stack_id))
          ? this.waiting(HEAT_WORKS, memory)
          : this.finish(found, memory, credentials);
    }
  }

  private async take(step: Step, found: FoundCluster, memory: Memory): Promise<DriverResult> {
    const { magnum, heat, signal } = this;
    const unused = await take(step, this.cluster, found, { magnum, heat, signal });
    // Remembered after it was done: at worst it is told twice, the second time when Heat has ended.
    const mark = 'have' in step ? step.have.updated_at : null;
    const over = found.cluster.status?.endsWith('_IN_PROGRESS') === true;
    const told = tell(memory, step.about, { mark, ...(over ? { over } : {}) });
    const templates = including(told.templates, ...unused);
    const { stack_id } = found.cluster;
    return this.waiting(PROGRESS[step.kind], { ...told, templates }, { stack_id });
  }

  /** Everything is as asked but the authority, perhaps, and the kubeconfig that is signed by it. */
  private async finish(
    found: FoundCluster,
    memory: Memory,
    early: Credentials | null,
  ): Promise<DriverResult> {
    const { magnum, signal } = this;
    const { _id, spec } = this.cluster;
    const { uuid, cluster_template_id: template } = found.cluster;
    const target = spec.ca_rotations;
    if (this.isToRotate()) {
      const unfinished = await this.rotate(found, memory, target);
      if (unfinished !== null) return unfinished;
    }
    const credentials = early ?? (await this.credentials(found.cluster));
    if (memory.ambiguous) await dropNamesakes(magnum, _id, uuid, signal);
    const unused = memory.templates.filter((one) => one !== template);
    const kept = await dropTemplates(magnum, unused, signal);
    const facts = this.facts(found, { ...memory, rotation: null, templates: including(kept, template) });
    return { phase: 'done', facts: { ...facts, ...credentials, ca_rotations: target } };
  }

  private isToRotate(): boolean {
    return this.cluster.spec.ca_rotations > this.cluster.status.ca_rotations;
  }

  /** What is missing of them is made. */
  private async credentials({ uuid, api_address: server }: MagnumCluster): Promise<Credentials> {
    const { magnum, signal } = this;
    const { kubeconfig, api_address } = this.cluster.status;
    const fresh = !this.isToRotate() && kubeconfig !== null && api_address === server;
    if (fresh || server === null) return {};
    return makeCredentials(magnum, this.secrets, this.cluster, { uuid, server }, signal);
  }

  /** The credentials while the groups are read, when they are likely to be all that is missing; null: it is not known yet whether they are. */
  private async credentialsEarly(there: MagnumCluster): Promise<Credentials | null> {
    const rests = there.status?.endsWith('_COMPLETE') === true && !this.isToRotate();
    const groupsComeWithIt = this.cluster.spec.node_groups.every(({ is_default }) => is_default);
    return rests && groupsComeWithIt ? this.credentials(there) : null;
  }

  /** Has the authority replaced. @returns null when it is */
  private async rotate(found: FoundCluster, memory: Memory, target: number): Promise<DriverResult | null> {
    const fingerprint = await authorityFingerprint(this.magnum, found.cluster.uuid, this.signal);
    if (memory.rotation?.target !== target) {
      // Known before it is replaced: whoever comes after a crash sees whether it was.
      const driver_state = stateOfMemory({ ...memory, rotation: { before: fingerprint, target } });
      const progress = 'The authority is going to be replaced';
      return { phase: 'working', facts: { driver_state }, progress, wakeUpAfterMs: 0 };
    }
    if (memory.rotation.before !== fingerprint) return null;
    if (this.context.deadlineExceeded) return this.tooLate(memory);
    return this.take({ kind: 'rotate-ca', about: CLUSTER }, found, memory);
  }

  private facts(found: FoundCluster, memory: Memory): ClusterFacts {
    return { ...factsOf(this.cluster.spec, found), driver_state: stateOfMemory(memory) };
  }

  private async failed(
    found: FoundCluster,
    memory: Memory,
    facts: ClusterFacts = { stack_id: found.cluster.stack_id, driver_state: stateOfMemory(memory) },
  ): Promise<DriverResult> {
    const { failure, groups: named } = await this.report(found);
    // Of a create everything failed.
    if (this.operation.action === 'create') return { phase: 'failed', facts, failure };
    const unmet = unmetGroups(this.cluster.spec, found).map((group): [string, Failure] => [group, failure]);
    const failedGroups = { ...Object.fromEntries(unmet), ...named };
    const some = Object.keys(failedGroups).length > 0;
    return { phase: 'failed', facts, failure, ...(some ? { failedGroups } : {}) };
  }
}
