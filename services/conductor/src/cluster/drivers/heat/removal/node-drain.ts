import type { KubernetesConnection } from '@cetus/kubernetes/connection';
import { evictPods, patchNode } from '@cetus/kubernetes/nodes';
import type { Blocker, Operation, StoredCluster } from '@cetus/shared/schemas';
import { keptBlockers, listOfBlockers } from '../../../drain/blockers.ts';
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
import { REMOVAL_MARK } from './worker-nodes.ts';

/** Where the drain stands after a round: it goes on, and this is to be written. */
export interface DrainRound {
  note: RemovalNote;
  progress: string;
  wakeUpAfterMs: number;
  blockedBy?: Blocker[];
  leftBehind?: Blocker[];
}

/** The names of nodes. */
export interface DrainedNodes {
  /** Of the machines that will be removed. */
  going: ReadonlySet<string>;
  /** Of those that stay as they are. */
  staying: ReadonlySet<string>;
}

/**
 * Before Heat removes machines: keeps pods off their nodes and sends those away that are there, as `kubectl drain` does. It goes on in rounds.
 * Marks are on the nodes and the note is in the cluster's document, so whoever does the next round goes on with what is there. The machines
 * were asked to go: what does not leave in time, or cannot be asked, does not keep them.
 */
export class NodeDrain {
  private readonly options: NodeRemovalOptions;

  constructor(options: NodeRemovalOptions) {
    this.options = options;
  }

  /** One round before Heat is told; null when it can be told. */
  async run(cluster: StoredCluster, nodes: DrainedNodes, signal: AbortSignal): Promise<DrainRound | null> {
    const operation = cluster.operation as Operation;
    const known = noteOf(cluster.status.driver_state);
    const now = Date.now();
    if (nodes.going.size === 0) {
      // What an operation before this one kept free for its removal: at the latest this is done when Heat has ended.
      if (known !== null && wasReached(cluster)) await this.releaseIfReached(cluster, nodes, signal);
      return null;
    }
    if (known?.operation !== operation.uuid)
      return {
        note: newNote(operation.uuid, now),
        progress: 'Nodes are going to be removed',
        wakeUpAfterMs: 0,
      };
    if (known.drained || !wasReached(cluster)) return null;
    try {
      const left = await askCluster(this.options.secrets, cluster, signal, (connection) =>
        drainOnce(cluster, connection, nodes, signal),
      );
      return this.afterAnswer({ ...known, silent_since: null }, left, operation, now);
    } catch (error) {
      if (!(error instanceof UnansweredError)) throw error;
      const note = { ...known, silent_since: known.silent_since ?? now };
      return this.afterTrouble(note, error.message, cluster, now);
    }
  }

  private async releaseIfReached(
    cluster: StoredCluster,
    { staying }: DrainedNodes,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      await askCluster(this.options.secrets, cluster, signal, async (connection) => {
        const nodes = await workersIn(cluster, connection, signal);
        for (const node of nodes) if (staying.has(node.name)) await release(connection, node, signal);
      });
    } catch (error) {
      // It is not waited for: nothing is removed before that.
      if (!(error instanceof UnansweredError)) throw error;
    }
  }

  private afterAnswer(
    note: RemovalNote,
    left: readonly Blocker[],
    operation: Operation,
    now: number,
  ): DrainRound {
    if (left.length === 0) return ended(note, []);
    if (isOver(new Date(note.since), this.options.drainMs, operation, new Date(now)))
      return ended(note, left);
    return {
      note,
      progress: `Waiting until these have left the nodes that are removed: ${listOfBlockers(left)}`,
      wakeUpAfterMs: this.options.lookAgainMs,
      blockedBy: keptBlockers(left),
    };
  }

  private afterTrouble(note: RemovalNote, message: string, cluster: StoredCluster, now: number): DrainRound {
    const { silenceMs, lookAgainMs } = this.options;
    const operation = cluster.operation as Operation;
    if (isOver(new Date(note.silent_since ?? now), silenceMs, operation, new Date(now))) {
      const reason = `Pods could not be moved away from the nodes that are removed: ${message}`;
      return ended(note, [...(operation.blocked_by ?? []), { kind: 'Cluster', name: cluster.name, reason }]);
    }
    return {
      note,
      progress: `Trying to reach the cluster, to move pods away from nodes that are removed: ${message}`,
      wakeUpAfterMs: lookAgainMs,
    };
  }
}

/** @returns what keeps nodes from being empty */
async function drainOnce(
  cluster: StoredCluster,
  connection: KubernetesConnection,
  { going, staying }: DrainedNodes,
  signal: AbortSignal,
): Promise<Blocker[]> {
  const operation = (cluster.operation as Operation).uuid;
  const nodes = await workersIn(cluster, connection, signal);
  for (const node of nodes) if (staying.has(node.name)) await release(connection, node, signal);
  const leaving = nodes.filter(({ name }) => going.has(name));
  const left: Blocker[] = [];
  for (const { name, resourceVersion, unschedulable } of leaving) {
    if (unschedulable) continue;
    // One write with its mark, and only if nobody else has done it meanwhile.
    const metadata = { resourceVersion, annotations: { [REMOVAL_MARK]: operation } };
    const done = await patchNode(connection, name, { metadata, spec: { unschedulable: true } }, { signal });
    if (!done) left.push({ kind: 'Node', name, reason: 'it has just been changed by somebody else' });
  }
  for (const { name, ready } of leaving) {
    const { remaining } = await evictPods(connection, name, { signal });
    // Nobody confirms that a pod has ended on a machine that does not answer.
    if (ready) left.push(...remaining);
  }
  return left;
}

/** Written before Heat is told. */
function ended(note: RemovalNote, leftBehind: readonly Blocker[]): DrainRound {
  return {
    note: { ...note, drained: true },
    progress: 'The nodes are removed',
    wakeUpAfterMs: 0,
    blockedBy: [],
    ...(leftBehind.length === 0 ? {} : { leftBehind: keptBlockers(leftBehind) }),
  };
}
