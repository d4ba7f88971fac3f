import type { NodeGroupSpec } from '@cetus/shared/schemas';
import { isActionInProgress } from '@cetus/openstack/errors';
import type { Stack } from '@cetus/openstack/heat';
import type { DriverResult } from '../../cluster-driver.ts';
import { stackTags } from '../openstack/stack-name.ts';
import { clusterFacts } from './cluster-facts.ts';
import { createAnswered } from './creation.ts';
import { leftoversOf, type Leftovers } from './leftovers.ts';
import { goingWorkers, mayRemoveWorkers, nodeOfNoGroup, workersOf, type Member } from './removal/members.ts';
import { noteOf, withNote } from './removal/removal-note.ts';
import { Round } from './round.ts';
import { refOf } from './stack-reader.ts';
import { stackUpdate } from './stack-update.ts';
import { announceUpgrade, isUpgrading, outdatedGroups, withRollouts } from './upgrade/stack-versions.ts';

/** Changes a stack to what is asked for: running nodes first, then what new ones are made with. */
export class ChangeRound extends Round {
  async run(found: Stack): Promise<DriverResult> {
    const stack = await this.reader.withOutputs(found);
    // A create makes its nodes as they are asked for.
    const isCreate = this.operation.action === 'create';
    const outdated = isCreate ? [] : outdatedGroups(this.cluster.spec, stack.outputs);
    return (await this.upgrade(stack, outdated)) ?? this.update(stack, outdated);
  }

  /** A round of an upgrade; null when there is none, or none any more. */
  private async upgrade(stack: Stack, outdated: readonly NodeGroupSpec[]): Promise<DriverResult | null> {
    const { cluster, signal } = this;
    const { secrets, upgrades } = this.context;
    const state = createAnswered(cluster.status.driver_state);
    if (outdated.length === 0 && !isUpgrading(state)) return null;
    if (stack.stack_status.endsWith('_IN_PROGRESS')) return this.wait({ stack_id: stack.id }, stack);
    if (!isUpgrading(state))
      return this.atOnce({ driver_state: announceUpgrade(state) }, 'Kubernetes is going to be upgraded');
    const { node_groups = [], ...found } = clusterFacts(cluster, stack, secrets);
    const addresses = new Set(node_groups.flatMap(({ node_addresses }) => node_addresses));
    const round = await upgrades.run(cluster, addresses, signal);
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

  private async update(stack: Stack, outdated: readonly NodeGroupSpec[]): Promise<DriverResult> {
    const { cluster, operation, heat, signal } = this;
    const facts = { stack_id: stack.id };
    const isComplete = stack.stack_status.endsWith('_COMPLETE');
    const isBusy = stack.stack_status.endsWith('_IN_PROGRESS');
    const mayRemove = mayRemoveWorkers(cluster.spec, stack) || noteOf(cluster.status.driver_state) !== null;
    const resources = isComplete && !mayRemove ? [] : await this.reader.resources(stack, 2);
    const members = workersOf(cluster._id, resources);
    const failure = nodeOfNoGroup(cluster.spec, stack, members);
    // While Heat works, what it is making may not be known yet.
    if (failure !== null) return isBusy ? this.wait(facts, stack) : { phase: 'failed', facts, failure };
    const leftovers = leftoversOf(stack.parameters, isComplete ? [] : resources);
    const draining = await this.drain(stack, members, leftovers);
    if (draining !== null) return draining;
    const build = async (added: readonly NodeGroupSpec[]) => ({
      input: await this.inputOf(added),
      secrets: this.context.secrets.open(cluster),
    });
    const update = {
      ...(await stackUpdate(cluster, stack, heat, leftovers, outdated, build, signal)),
      tags: stackTags(cluster._id, operation),
      timeoutMins: this.minutesLeft(),
    };
    try {
      await heat.updateStack(refOf(stack), update, signal);
      return this.waiting(facts, 'Heat updates the stack');
    } catch (error) {
      if (!isActionInProgress(error)) throw error;
      return this.wait(facts, stack);
    }
  }

  /** A round of emptying the nodes that Heat is going to remove; null when it can be told. */
  private async drain(
    stack: Stack,
    members: readonly Member[],
    leftovers: Leftovers,
  ): Promise<DriverResult | null> {
    const { cluster } = this;
    const going = new Set(goingWorkers(cluster.spec, members, leftovers).map(({ node }) => node));
    // What Heat is taking away just now looks as if it stayed.
    const isBusy = stack.stack_status.endsWith('_IN_PROGRESS');
    const staying = isBusy ? [] : members.map(({ node }) => node).filter((node) => !going.has(node));
    const nodes = { going, staying: new Set(staying) };
    const round = await this.context.drains.run(cluster, nodes, this.signal);
    if (round === null) return null;
    const { note, ...rest } = round;
    const driver_state = withNote(createAnswered(cluster.status.driver_state), note);
    return { phase: 'working', facts: { stack_id: stack.id, driver_state }, ...rest };
  }
}
