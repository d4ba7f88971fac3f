import { CetusError } from '@cetus/shared/errors';
import { failureFrom } from '@cetus/shared/reconcile';
import type { Failure } from '@cetus/shared/schemas';
import { isStackExists } from '@cetus/openstack/errors';
import type { DriverResult } from '../../cluster-driver.ts';
import { stackName, stackTags } from '../openstack/stack-name.ts';
import { buildClusterStack } from './build-stack.ts';
import { announceCreate, createAnswered, isAnnounced } from './creation.ts';
import { guardHeat } from './guard.ts';
import { Round } from './round.ts';

export const STACK_MISSING: Failure = {
  code: 'stack_missing',
  message: 'The Heat stack of the cluster was deleted outside of Cetus; a retry makes it anew',
};

/** Makes the stack of a cluster that has none. */
export class CreateRound extends Round {
  async run(): Promise<DriverResult> {
    const { operation } = this;
    const { driver_state } = this.cluster.status;
    // Only who asks again has said that what vanished shall be made anew.
    if (operation.action !== 'create' && operation.requested !== 'retry')
      return { phase: 'failed', facts: {}, failure: STACK_MISSING };
    if (!isAnnounced(driver_state)) {
      const announced = { driver_state: announceCreate(driver_state) };
      return this.atOnce(announced, 'The stack is going to be created');
    }
    const answered = { driver_state: createAnswered(driver_state) };
    try {
      const id = await guardHeat(() => this.send());
      return this.waiting(id === null ? {} : { stack_id: id, ...answered }, 'Heat creates the stack');
    } catch (error) {
      // A refusal is an answer; anything else may yet turn out to have made a stack.
      if (!(error instanceof CetusError) || error.retryable) throw error;
      return { phase: 'failed', facts: answered, failure: failureFrom(error) };
    }
  }

  /** Sends a create. Answers null when there is such a stack already: another process was faster, and the next round finds it. */
  private async send(): Promise<string | null> {
    const { cluster, operation, signal } = this;
    const input = await this.inputOf();
    const stack = {
      ...buildClusterStack(input, this.context.secrets.open(cluster)),
      name: stackName(cluster._id),
      tags: stackTags(cluster._id, operation),
      timeoutMins: this.minutesLeft(),
      disableRollback: true,
    };
    try {
      return (await this.heat.createStack(stack, signal)).id;
    } catch (error) {
      if (isStackExists(error)) return null;
      throw error;
    }
  }
}
