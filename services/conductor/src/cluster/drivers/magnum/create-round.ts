import { CetusError } from '@cetus/shared/errors';
import { failureFrom } from '@cetus/shared/reconcile';
import type { Failure } from '@cetus/shared/schemas';
import { hasStatus, OpenStackUnreachableError } from '@cetus/openstack/errors';
import type { MagnumCluster } from '@cetus/openstack/magnum';
import type { DriverResult } from '../../cluster-driver.ts';
import { guardBackEnd } from '../openstack/back-end-error.ts';
import { createBody } from './actions.ts';
import { isFresh } from './appearance.ts';
import { ensureKeypair } from './keypair.ts';
import { including, isOverdue, stateOfMemory, tell, type Memory } from './memory.ts';
import { CLUSTER } from './plan.ts';
import { Round, type Announcement } from './round.ts';
import { ensureTemplate } from './templates.ts';

export const MISSING: Failure = {
  code: 'cluster_missing',
  message: 'The cluster was deleted in Magnum outside of Cetus; a retry makes it anew',
};

/**
 * Makes a cluster that is not there. Magnum would make a second one of the same name: so a create is announced in the document, and then
 * sent only by the process that announced it, once, and at once.
 */
export class CreateRound extends Round {
  /** There is no cluster: not yet, not any more, or it has to be made. */
  async run(memory: Memory): Promise<DriverResult> {
    if (!this.isAskedFor()) return { phase: 'failed', facts: {}, failure: MISSING };
    if (memory.uuid !== null && (await this.mayAppear(memory)))
      return this.waiting('Magnum has accepted the cluster and not recorded it yet', memory);
    if (this.context.deadlineExceeded) return this.tooLate(memory);
    const { create } = memory;
    const mine = this.takeAnnouncement(memory);
    if (mine !== null && create?.operation === this.operation.uuid && isFresh(mine.at))
      return this.create(mine, memory);
    const maybeSent = mine === null && create !== null && !memory.seen;
    // Sent by another process, or by this one without an answer.
    if (maybeSent && memory.uuid === null && !isOverdue(create.at))
      return this.waiting('A cluster that Magnum may be creating is waited for', memory);
    return this.announce({ ...memory, ambiguous: memory.ambiguous || maybeSent });
  }

  /** Only who asks again has said that what vanished shall be made anew. */
  isAskedFor(): boolean {
    return this.operation.action === 'create' || this.operation.requested === 'retry';
  }

  /** Removes what an earlier create left, so that a later round makes the cluster anew. */
  async makeAnew(there: MagnumCluster, memory: Memory): Promise<DriverResult> {
    await this.magnum.deleteCluster(there.uuid, { signal: this.signal });
    const told = tell(memory, CLUSTER, { mark: there.updated_at });
    return this.waiting('What an earlier attempt left is removed', told);
  }

  /** What a create names is made before it is announced, so that nothing comes between the announcement and the create. */
  private async announce(memory: Memory): Promise<DriverResult> {
    const { context, cluster, magnum, signal } = this;
    const keypair = await ensureKeypair(context.service, cluster, signal);
    const template = await ensureTemplate(magnum, cluster, signal);
    const at = Date.now();
    context.announced.set(cluster._id, { at, template, keypair });
    const create = { operation: this.operation.uuid, at };
    const templates = including(memory.templates, template);
    const announced: Memory = { ...memory, uuid: null, seen: false, told: {}, create, templates };
    return {
      phase: 'working',
      facts: { driver_state: stateOfMemory(announced) },
      progress: 'The cluster is going to be created in Magnum',
      wakeUpAfterMs: 0,
    };
  }

  private async create(mine: Announcement, memory: Memory): Promise<DriverResult> {
    const unmade: Memory = { ...memory, create: null };
    try {
      const body = createBody(this.cluster, this.operation, mine);
      const { uuid } = await guardBackEnd(() => this.magnum.createCluster(body, { signal: this.signal }));
      const create = { operation: this.operation.uuid, at: Date.now() };
      return this.waiting('Magnum creates the cluster', { ...memory, uuid, create });
    } catch (error) {
      const { cause } = error as Error;
      if (cause instanceof OpenStackUnreachableError && !cause.maybeSent)
        this.context.announced.set(this.cluster._id, mine);
      // A refusal is an answer; anything else may yet turn out to have made a cluster.
      if (!(error instanceof CetusError) || error.retryable) throw error;
      // Removed with the last cluster that used it, while this one was about to.
      if (hasStatus(cause, 404) && (await this.isGone(mine.template)))
        return this.waiting('The template went away meanwhile', unmade);
      const driver_state = stateOfMemory(unmade);
      return { phase: 'failed', facts: { driver_state }, failure: failureFrom(error) };
    }
  }

  private async isGone(template: string): Promise<boolean> {
    return (await this.magnum.getTemplate(template, { signal: this.signal })) === null;
  }
}
