import { drainCluster } from '@cetus/kubernetes/drain';
import type { Outcome, ReconcileContext } from '@cetus/shared/reconcile';
import type { Blocker, DrainState, Operation, StoredCluster } from '@cetus/shared/schemas';
import type { SecretBox } from '@cetus/shared/secrets';
import { troubleWith, type Trouble } from '../../health/trouble.ts';
import { ready } from '../../conditions.ts';
import type { ClusterDriver } from '../cluster-driver.ts';
import { inCluster } from '../kubeconfig/in-cluster.ts';
import { keptBlockers, listOfBlockers } from './blockers.ts';
import { isOver } from './patience.ts';

export interface ClusterDrainOptions {
  secrets: SecretBox;
  /**
   * How long a delete waits for what cannot be removed, in milliseconds. This and the times below count as far as they leave the removal
   * itself half of the time that the operation still has.
   */
  timeoutMs: number;
  /** How long it tries to reach a cluster that does not answer, in milliseconds; default two minutes. */
  silenceMs?: number;
  /** How long a forced delete gives the cluster to remove what it can, in milliseconds; default 20 seconds. */
  forcedMs?: number;
  /** Default: {@link drainCluster}. */
  remove?: typeof drainCluster;
}

const SILENCE_MS = 120_000;
const FORCED_MS = 20_000;
/** The same when the operation's time is over: less than its last round may take. */
const FORCED_AT_LAST_MS = 5_000;
const LOOK_AGAIN_MS = 2_000;

/**
 * Before a cluster is removed: removes through its own API what its controllers made outside of it, load balancers and volumes, as nobody
 * would once it is gone. It goes on in rounds, and what it must remember between them is in the cluster's status.
 */
export class ClusterDrain {
  private readonly options: ClusterDrainOptions;

  constructor(options: ClusterDrainOptions) {
    this.options = options;
  }

  /** One round; null when the cluster itself can be removed. */
  async run(
    cluster: StoredCluster,
    driver: Pick<ClusterDriver, 'description'>,
    context: ReconcileContext,
  ): Promise<Outcome<StoredCluster> | null> {
    const operation = cluster.operation as Operation;
    if (!mayHaveMadeAnything(cluster, driver)) return null;
    const known = cluster.status.drain?.operation === operation.uuid ? cluster.status.drain : undefined;
    if (known?.ended === true) return null;
    const now = new Date();
    const state = known ?? { operation: operation.uuid, started_at: now, silent_since: null, ended: false };
    try {
      const blockers = await this.remove(cluster, this.patience(operation, context));
      return this.afterAnswer({ ...state, silent_since: null }, blockers, operation, context, now);
    } catch (error) {
      if (context.signal.aborted) throw error;
      return this.afterTrouble(
        { ...state, silent_since: state.silent_since ?? now },
        troubleWith(error as Error),
        cluster,
        context,
        now,
      );
    }
  }

  /** A forced delete waits for no answer longer than it gives the cluster: one look may be many requests. */
  private patience(operation: Operation, { signal, deadlineExceeded }: ReconcileContext): AbortSignal {
    if (operation.force !== true) return signal;
    const ms = deadlineExceeded ? FORCED_AT_LAST_MS : (this.options.forcedMs ?? FORCED_MS);
    return AbortSignal.any([signal, AbortSignal.timeout(ms)]);
  }

  private remove(cluster: StoredCluster, signal: AbortSignal): Promise<Blocker[]> {
    const { secrets, remove = drainCluster } = this.options;
    return inCluster(
      secrets,
      cluster,
      signal,
      async (connection) => (await remove(connection, { signal })).remaining,
    );
  }

  private afterAnswer(
    state: DrainState,
    blockers: Blocker[],
    operation: Operation,
    { deadlineExceeded }: ReconcileContext,
    now: Date,
  ): Outcome<StoredCluster> {
    const [first] = blockers;
    if (first === undefined) return ended(state, []);
    const { timeoutMs, forcedMs = FORCED_MS } = this.options;
    const patience = operation.force === true ? forcedMs : timeoutMs;
    const over = deadlineExceeded || isOver(state.started_at, patience, operation, now);
    if (over && operation.force === true) return ended(state, blockers);
    const list = listOfBlockers(blockers);
    if (over) {
      return {
        status: { drain: state },
        blockedBy: keptBlockers(blockers),
        ended: {
          state: 'FAILED',
          failure: {
            code: 'delete_blocked',
            message: `The cluster cannot be deleted before these are gone: ${list}. Remove them, or force the delete to leave them behind`,
            resource: { type: first.kind, name: first.name },
          },
        },
      };
    }
    return {
      ...going(state, `Waiting until these are gone: ${list}`, LOOK_AGAIN_MS),
      blockedBy: keptBlockers(blockers),
    };
  }

  /** A cluster that cannot be asked must not keep its delete from ending. */
  private afterTrouble(
    state: DrainState,
    { reason, message }: Trouble,
    cluster: StoredCluster,
    { deadlineExceeded }: ReconcileContext,
    now: Date,
  ): Outcome<StoredCluster> {
    const operation = cluster.operation as Operation;
    const patience = operation.force === true ? 0 : (this.options.silenceMs ?? SILENCE_MS);
    const over = isOver(state.silent_since ?? now, patience, operation, now);
    const giveUp = deadlineExceeded || reason === 'KubeconfigInvalid' || over;
    if (!giveUp) {
      return going(state, `Trying to reach the cluster, to remove what it made: ${message}`, LOOK_AGAIN_MS);
    }
    const unlisted = `Load balancers and volumes that the cluster made could not be listed: ${message}`;
    const before = operation.blocked_by ?? [];
    return ended(state, [...before, { kind: 'Cluster', name: cluster.name, reason: unlisted }]);
  }
}

/** Imported clusters go on without Cetus, and so does what is in them. What was never reached has made nothing. */
function mayHaveMadeAnything(
  { status, health }: StoredCluster,
  { description }: Pick<ClusterDriver, 'description'>,
): boolean {
  const reached = health?.last_contact != null;
  return description.capabilities.includes('create') && status.kubeconfig !== null && reached;
}

/** Written before anything of the cluster itself is removed; where the delete has no time left, this is how it ended. */
function ended(state: DrainState, leftBehind: readonly Blocker[]): Outcome<StoredCluster> {
  return {
    ...going({ ...state, ended: true }, 'The cluster itself is still to be removed', 0),
    blockedBy: [],
    ...(leftBehind.length === 0 ? {} : { leftBehind: keptBlockers(leftBehind) }),
  };
}

function going(drain: DrainState, progress: string, wakeUpAfterMs: number): Outcome<StoredCluster> {
  return {
    status: { drain },
    conditions: [ready(false, 'DeleteInProgress', progress)],
    progress,
    wakeUpAfterMs,
  };
}
