import { deleteNode } from '@cetus/kubernetes/nodes';
import type { ReconcileContext } from '@cetus/shared/reconcile';
import type { Blocker, Operation, StoredCluster } from '@cetus/shared/schemas';
import { listOfBlockers } from '../../../drain/blockers.ts';
import { isOver } from '../../../drain/patience.ts';
import {
  askCluster,
  release,
  UnansweredError,
  wasReached,
  workersIn,
  type NodeRemovalOptions,
} from './removal-cluster.ts';
import { newNote, noteOf, type RemovalNote } from './removal-note.ts';
import type { WorkerNode } from './worker-nodes.ts';

/** What is to be remembered after a round, and whether another one soon is worth waiting for. */
export interface CleanupRound {
  note: RemovalNote | null;
  waiting?: { progress: string; wakeUpAfterMs: number };
}

/**
 * After Heat has removed machines: brings the nodes of a cluster to what machines there are, as nothing in the cluster itself knows. A Node whose
 * machine has gone is deleted, and pods are let on nodes again that stay after all.
 */
export class NodeCleanup {
  private readonly options: NodeRemovalOptions;

  constructor(options: NodeRemovalOptions) {
    this.options = options;
  }

  /**
   * One round.
   * @param present the names of the nodes that there is a machine for; asked only where there may be something to do
   */
  async run(
    cluster: StoredCluster,
    present: () => Promise<ReadonlySet<string>>,
    { signal, deadlineExceeded }: ReconcileContext,
  ): Promise<CleanupRound> {
    const operation = cluster.operation as Operation;
    const known = noteOf(cluster.status.driver_state);
    if (!wasReached(cluster)) return { note: known };
    const { silenceMs, noticeMs, lookAgainMs: wakeUpAfterMs } = this.options;
    const now = Date.now();
    const over = (since: number, ms: number): boolean =>
      deadlineExceeded || isOver(new Date(since), ms, operation, new Date(now));
    try {
      const left = await this.leftIn(cluster, known !== null, present, signal);
      if (left.length === 0) return { note: null };
      const before = known ?? newNote(operation.uuid, now);
      const note = { ...before, silent_since: null, leaving_since: before.leaving_since ?? now };
      if (over(note.leaving_since, noticeMs)) return { note };
      const progress = `Waiting until the cluster has noticed that these are gone: ${listOfBlockers(left)}`;
      return { note, waiting: { progress, wakeUpAfterMs } };
    } catch (error) {
      if (!(error instanceof UnansweredError)) throw error;
      if (known === null) return { note: null };
      const note = { ...known, silent_since: known.silent_since ?? now };
      if (over(note.silent_since, silenceMs)) return { note };
      const progress = `Trying to reach the cluster, to take removed nodes out of it: ${error.message}`;
      return { note, waiting: { progress, wakeUpAfterMs } };
    }
  }

  /** @returns the nodes that are not yet as they shall be */
  private async leftIn(
    cluster: StoredCluster,
    wasRemoval: boolean,
    present: () => Promise<ReadonlySet<string>>,
    signal: AbortSignal,
  ): Promise<Blocker[]> {
    const { secrets } = this.options;
    const nodes = await askCluster(secrets, cluster, signal, (connection) =>
      workersIn(cluster, connection, signal),
    );
    if (!wasRemoval && nodes.every(({ ready, marked }) => ready && !marked)) return [];
    // Asked after them: a machine that came meanwhile is there.
    const machines = await present();
    const isAsItShallBe = ({ name, marked }: WorkerNode): boolean => machines.has(name) && !marked;
    if (nodes.every(isAsItShallBe)) return [];
    return askCluster(secrets, cluster, signal, async (connection) => {
      const left: Blocker[] = [];
      for (const node of nodes) {
        const { name, ready } = node;
        const isPresent = machines.has(name);
        // As long as it is ready its kubelet may live, whatever Heat says.
        if (!isPresent && ready) left.push({ kind: 'Node', name, reason: 'it is still ready' });
        else if (isPresent) {
          if (!(await release(connection, node, signal))) left.push(changed(name));
        } else if (!(await deleteNode(connection, name, node, { signal }))) left.push(changed(name));
      }
      return left;
    });
  }
}

/** Somebody was faster: the next round sees how it is. */
function changed(name: string): Blocker {
  return { kind: 'Node', name, reason: 'it has just changed' };
}
