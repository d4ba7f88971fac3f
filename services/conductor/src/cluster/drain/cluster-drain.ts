import { drainCluster } from '@cetus/kubernetes/drain';
import type { Outcome, ReconcileContext } from '@cetus/shared/reconcile';
import type { Blocker, DrainState, Operation, StoredCluster } from '@cetus/shared/schemas';
import type { SecretBox } from '@cetus/shared/secrets';
import { troubleOf, type Trouble } from '../../health/trouble.ts';
import { ready } from '../cluster-conditions.ts';
import type { ClusterDriver } from '../cluster-driver.ts';
import { inCluster } from '../kubeconfig/in-cluster.ts';

export interface ClusterDrainOptions {
  secrets: SecretBox;
  /** How long a delete waits for what cannot be removed, in milliseconds. */
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
/** Things that are named in the cluster's document, and characters of why they are there: all of it is in each notification too. */
const MAX_NAMED = 200;
const MAX_REASON = 300;
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
    const waited = now.getTime() - state.started_at.getTime();
    const forcedMs = this.options.forcedMs ?? FORCED_MS;
    if (operation.force === true && (deadlineExceeded || waited >= forcedMs)) return ended(state, blockers);
    const list = listed(blockers);
    if (operation.force !== true && (deadlineExceeded || waited >= this.options.timeoutMs)) {
      return {
        status: { drain: state },
        blockedBy: kept(blockers),
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
      blockedBy: kept(blockers),
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
    const silent = now.getTime() - (state.silent_since ?? now).getTime();
    const patience = cluster.operation?.force === true ? 0 : (this.options.silenceMs ?? SILENCE_MS);
    const giveUp = deadlineExceeded || reason === 'KubeconfigInvalid' || silent >= patience;
    if (!giveUp) {
      return going(state, `Trying to reach the cluster, to remove what it made: ${message}`, LOOK_AGAIN_MS);
    }
    const unlisted = `Load balancers and volumes that the cluster made could not be listed: ${message}`;
    const before = cluster.operation?.blocked_by ?? [];
    return ended(state, [...before, { kind: 'Cluster', name: cluster.name, reason: unlisted }]);
  }
}

/** What is not known to be a cluster's answer is none: whatever stands at its address must not keep a delete from ending. */
function troubleWith(error: Error): Trouble {
  try {
    return troubleOf(error) ?? { reason: 'NoAnswer', message: error.message };
  } catch {
    return { reason: 'NoAnswer', message: `its answers cannot be used: ${error.message}` };
  }
}

/** As much of it as is written. */
function kept(blockers: readonly Blocker[]): Blocker[] {
  return blockers
    .slice(0, MAX_NAMED)
    .map((blocker) => ({ ...blocker, reason: blocker.reason.slice(0, MAX_REASON) }));
}

/** Imported clusters go on without Cetus, and so does what is in them. What was never reached has made nothing. */
function mayHaveMadeAnything(
  { status, health }: StoredCluster,
  { description }: Pick<ClusterDriver, 'description'>,
): boolean {
  const reached = health?.last_contact != null;
  return description.capabilities.includes('create') && status.kubeconfig !== null && reached;
}

/** Written before anything of the cluster itself is removed. */
function ended(state: DrainState, leftBehind: readonly Blocker[]): Outcome<StoredCluster> {
  return {
    ...going({ ...state, ended: true }, 'The cluster is being removed', 0),
    blockedBy: [],
    ...(leftBehind.length === 0 ? {} : { leftBehind: kept(leftBehind) }),
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

const NAMED = 5;

function listed(blockers: readonly Blocker[]): string {
  const names = blockers
    .slice(0, NAMED)
    .map(
      ({ kind, namespace, name, reason }) =>
        `${kind} ${namespace === undefined ? name : `${namespace}/${name}`} (${reason.slice(0, MAX_REASON)})`,
    );
  const more = blockers.length - names.length;
  return more > 0 ? `${names.join(', ')} and ${String(more)} more` : names.join(', ');
}
