import { CetusError } from '@cetus/shared/errors';
import { failureFrom } from '@cetus/shared/reconcile';
import type { Failure } from '@cetus/shared/schemas';
import { hasStatus } from '@cetus/openstack/errors';
import type { KeystoneSession } from '@cetus/openstack/keystone';
import type { MagnumCluster } from '@cetus/openstack/magnum';
import type { DriverResult } from '../../cluster-driver.ts';
import { guardBackEnd } from '../openstack/back-end-error.ts';
import { createBody } from './actions.ts';
import { ensureKeypair } from './keypair.ts';
import { including, isOverdue, mayAppear, stateOfMemory, tell, type Memory } from './memory.ts';
import { CLUSTER } from './plan.ts';
import { Round, type RoundContext } from './round.ts';
import { ensureTemplate } from './templates.ts';

export const MISSING: Failure = {
  code: 'cluster_missing',
  message: 'The cluster was deleted in Magnum outside of Cetus; a retry makes it anew',
};

/** The creates that this process announced and has not sent: by cluster, when. */
export type Announced = Map<string, number>;

/**
 * Makes a cluster that is not there. Magnum would make a second one of the same name: so a create is announced in the document, and then
 * sent only by the process that announced it, once.
 */
export class CreateRound extends Round {
  private readonly service: KeystoneSession;
  private readonly announced: Announced;

  /** @param service the service user's own session */
  constructor(context: RoundContext, service: KeystoneSession, announced: Announced) {
    super(context);
    this.service = service;
    this.announced = announced;
  }

  /** There is no cluster: not yet, not any more, or it has to be made. */
  async run(memory: Memory): Promise<DriverResult> {
    if (!this.isAskedFor()) return { phase: 'failed', facts: {}, failure: MISSING };
    if (memory.uuid !== null && mayAppear(memory))
      return this.waiting('Magnum has accepted the cluster and not recorded it yet', memory);
    if (this.context.deadlineExceeded) return this.tooLate(memory);
    const { create } = memory;
    const mine = create !== null && this.announced.get(this.cluster._id) === create.at;
    this.announced.delete(this.cluster._id);
    if (mine && create.operation === this.operation.uuid) return this.create(memory);
    // Sent by another process, or by this one without an answer.
    if (create !== null && memory.uuid === null && !isOverdue(create.at))
      return this.waiting('A cluster that Magnum may be creating is waited for', memory);
    return this.announce(memory);
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

  private announce(memory: Memory): DriverResult {
    const at = Date.now();
    this.announced.set(this.cluster._id, at);
    const create = { operation: this.operation.uuid, at };
    const announced: Memory = { ...memory, uuid: null, seen: false, told: {}, create };
    return {
      phase: 'working',
      facts: { driver_state: stateOfMemory(announced) },
      progress: 'The cluster is going to be created in Magnum',
      wakeUpAfterMs: 0,
    };
  }

  private async create(memory: Memory): Promise<DriverResult> {
    try {
      const { uuid, template } = await guardBackEnd(() => this.send());
      const templates = including(memory.templates, template);
      return this.waiting('Magnum creates the cluster', { ...memory, uuid, templates });
    } catch (error) {
      // A refusal is an answer; anything else may yet turn out to have made a cluster.
      if (!(error instanceof CetusError) || error.retryable) throw error;
      const driver_state = stateOfMemory({ ...memory, create: null });
      return { phase: 'failed', facts: { driver_state }, failure: failureFrom(error) };
    }
  }

  private async send(): Promise<{ uuid: string; template: string }> {
    const { magnum, cluster, signal } = this;
    const template = await ensureTemplate(magnum, cluster, signal);
    const keypair = await ensureKeypair(this.service, cluster, signal);
    const body = createBody(cluster, this.operation, { template, keypair });
    try {
      return { ...(await magnum.createCluster(body, { signal })), template };
    } catch (cause) {
      // Removed with the last cluster that used it, while this one was about to.
      if (hasStatus(cause, 404) && (await magnum.getTemplate(template, { signal })) === null)
        throw new CetusError('back_end_unavailable', 'The template went away meanwhile', { cause });
      throw cause;
    }
  }
}
