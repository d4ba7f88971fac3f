import type { MagnumCluster } from '@cetus/openstack/magnum';
import type { Blocker, Failure } from '@cetus/shared/schemas';
import type { DriverResult } from '../../cluster-driver.ts';
import { remainsOfStack, timesForced } from '../openstack/remains.ts';
import { GONE } from '../openstack/gone.ts';
import { findCluster } from './find-cluster.ts';
import {
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
import { CLUSTER } from './plan.ts';
import { Round } from './round.ts';
import { dropTemplates } from './templates.ts';

/** How often a deletion is told again that failed and over no resource: Magnum or Heat stumbled, and goes on when it is told again. */
const MAX_STUMBLES = 3;

/** Removes a cluster. */
export class RemoveRound extends Round {
  async run(): Promise<DriverResult> {
    const memory = memoryOf(this.cluster, this.operation);
    const there = await findCluster(this.magnum, this.cluster._id, memory, this.signal);
    if (there === null) {
      if (!this.isUnsent(memory) && (await this.mayAppear(memory)))
        return this.waiting('A cluster that Magnum may be creating is waited for', memory);
      await dropTemplates(this.magnum, memory.templates, this.signal);
      this.takeAnnouncement(memory);
      return { phase: 'done', facts: GONE };
    }
    const known = shown(memory, there.uuid);
    const status = `Magnum's cluster is ${there.status ?? 'new'}`;
    const told = known.told[CLUSTER];
    if (told === undefined) return this.delete(there, known);
    if (mayBeOld(told, there.updated_at)) return this.waiting(status, known);
    if (there.status === 'DELETE_FAILED') {
      const { failure } = await this.report(await this.withGroups(there));
      const most = failure.resource === undefined ? MAX_STUMBLES : timesForced(this.operation);
      if (known.stumbles >= most) {
        const facts = { driver_state: stateOfMemory(known) };
        return { phase: 'failed', facts, failure, remains: await this.remains(there, failure) };
      }
      return this.delete(there, { ...known, stumbles: known.stumbles + 1 });
    }
    const going = there.status === 'DELETE_IN_PROGRESS';
    if (going && !(isOverdue(told.at) && (await this.stackIsGone(there))))
      return this.waiting(status, seenAtWork(known), { stack_id: there.stack_id });
    return this.delete(there, known);
  }

  private async delete(there: MagnumCluster, memory: Memory): Promise<DriverResult> {
    await this.magnum.deleteCluster(there.uuid, { signal: this.signal });
    // Remembered after it was done: at worst it is told twice, which changes nothing.
    const told = tell(memory, CLUSTER, { mark: there.updated_at });
    // What it refers to can be removed when it is gone.
    const templates = including(told.templates, there.cluster_template_id);
    return this.waiting('Magnum deletes the cluster', { ...told, templates }, { stack_id: there.stack_id });
  }

  private async remains(there: MagnumCluster, failure: Failure): Promise<Blocker[]> {
    const { uuid, name, stack_id: id } = there;
    const reason = `${uuid}, not deleted: ${failure.message}`;
    const stack =
      id === null || (await this.stackIsGone(there)) ? [] : remainsOfStack({ name: id, id }, failure);
    return [{ kind: 'OS::Magnum::Cluster', name, reason }, ...stack];
  }
}
