import type { DriverResult } from '../../cluster-driver.ts';
import { remainsOfStack, timesForced } from '../openstack/remains.ts';
import { STACK_GONE } from './cluster-facts.ts';
import { mayAppear } from './creation.ts';
import { deletionOf, hasFailedSince, isStumble, MAX_STUMBLES, newDeletion } from './deletion.ts';
import { Round } from './round.ts';
import { refOf } from './stack-reader.ts';

/** Removes the stack of a cluster. */
export class RemoveRound extends Round {
  async run(): Promise<DriverResult> {
    const { cluster, operation, reader } = this;
    const { driver_state: state } = cluster.status;
    const stack = await reader.find(cluster);
    if (stack === null) {
      return mayAppear(state)
        ? this.waiting({}, 'A stack that Heat may be creating is waited for')
        : { phase: 'done', facts: STACK_GONE };
    }
    const facts = { stack_id: stack.id };
    const before = deletionOf(cluster, operation);
    let memory = before ?? newDeletion(stack, operation);
    if (before !== null && hasFailedSince(stack, before)) {
      const failure = await reader.failure(cluster, stack);
      if (before.delete_stumbles >= (isStumble(failure) ? MAX_STUMBLES : timesForced(operation)))
        return { phase: 'failed', facts, failure, remains: remainsOfStack(refOf(stack), failure) };
      memory = { ...newDeletion(stack, operation), delete_stumbles: before.delete_stumbles + 1 };
    }
    const ending = stack.stack_status === 'DELETE_COMPLETE' && before !== null;
    if (ending || stack.stack_status === 'DELETE_IN_PROGRESS') return this.wait(facts, stack);
    await this.heat.deleteStack(refOf(stack), this.signal);
    // Remembered after it was done: at worst it is told twice, which Heat takes for once.
    const driver_state = { ...state, ...memory };
    return this.wait({ ...facts, driver_state }, { ...stack, stack_status: 'DELETE_IN_PROGRESS' });
  }
}
