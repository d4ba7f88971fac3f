import type { ReconcileContext } from '@cetus/shared/reconcile';
import type { Blocker, PlacementStatus, StoredApplication, StoredCluster } from '@cetus/shared/schemas';
import type { PlacementStore } from '@cetus/shared/store';
import type { ClusterApi, ClusterConnections } from '../cluster-connections.ts';
import { removeNamespace } from '../namespace/application-namespace.ts';
import { nextLookMs } from './next-look.ts';
import type { PlacementRound } from './placement-round.ts';
import { troubleIn } from './trouble-in.ts';
import { withdraw } from './withdraw.ts';

export interface TakeAwayOptions {
  connections: Pick<ClusterConnections, 'use'>;
  places: Pick<PlacementStore, 'hasOthers'>;
}

export interface TakeAwayInput {
  application: StoredApplication;
  placement: PlacementStatus;
  /** Undefined: it is gone, with all that was in it. */
  cluster: StoredCluster | undefined;
  /** What cannot be reached or does not end is left behind. */
  force: boolean;
}

const SHORTEST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 5_000;
/** For how long the API server's memory is asked, in milliseconds: one that has stopped to follow would hold a deletion up for ever. */
const CACHED_MS = 60_000;
/** How long something that ends is waited for when it need not be, in milliseconds. */
const FORCED_MS = 10_000;

/** One round of taking an application out of one cluster, until nothing of it is there: its objects, its pods, its namespace. */
export async function takeAway(
  options: TakeAwayOptions,
  input: TakeAwayInput,
  context: ReconcileContext,
): Promise<PlacementRound> {
  const { placement, cluster, application, force } = input;
  if (cluster === undefined) return { phase: 'gone' };
  // Without a kubeconfig it never had one, or what it was for is gone: nothing was put there that could be taken away.
  if (cluster.status.kubeconfig === null) return { phase: 'gone' };
  const age = ageMs(application);
  const letGo = force && (age >= FORCED_MS || context.deadlineExceeded);
  try {
    const blockers = await options.connections.use(cluster, context.signal, (api) =>
      takeAwayThere(api, options, input, context.signal),
    );
    if (blockers.length === 0) return { phase: 'gone' };
    return letGo ? { phase: 'gone', leftBehind: blockers } : working(placement, blockers, age);
  } catch (error) {
    if (context.signal.aborted) throw error;
    const { message } = troubleIn(error, cluster);
    const blocker: Blocker = { kind: 'Cluster', name: cluster.name, reason: message };
    return letGo ? { phase: 'gone', leftBehind: [blocker] } : working(placement, [blocker], age);
  }
}

async function takeAwayThere(
  api: ClusterApi,
  { places }: TakeAwayOptions,
  { application, placement, force }: TakeAwayInput,
  signal: AbortSignal,
): Promise<Blocker[]> {
  const { namespace, cluster_id, kinds } = placement;
  const where = { namespace, kinds, applicationId: application._id };
  // What is to be left behind is not guessed.
  const known = force || placement.state === 'REMOVING' ? [] : placement.objects;
  const cached = ageMs(application) < CACHED_MS;
  const remaining = await withdraw(api, where, { known, force, cached, signal });
  if (remaining.length > 0) return remaining;
  const owner = { namespace, projectId: application.project_id, userId: application.user_id };
  const others = (): Promise<boolean> => places.hasOthers(cluster_id, application);
  const left = await removeNamespace(api.connection, owner, others, signal);
  // What is in it still ends by itself; another application that comes there waits for it.
  return left === 'ending' ? [{ kind: 'Namespace', name: namespace, reason: 'it is ending' }] : [];
}

function working(placement: PlacementStatus, blockedBy: Blocker[], age: number): PlacementRound {
  const [first] = blockedBy;
  const more = blockedBy.length > 1 ? ` and ${String(blockedBy.length - 1)} more` : '';
  const progress = `${placement.cluster_name}: waiting for ${first?.kind ?? ''} ${first?.name ?? ''}${more}: ${first?.reason ?? ''}`;
  return {
    phase: 'working',
    status: { ...placement, state: 'REMOVING', progress },
    progress,
    wakeUpAfterMs: nextLookMs(age, SHORTEST_WAIT_MS, LONGEST_WAIT_MS),
    blockedBy,
  };
}

function ageMs({ operation }: StoredApplication): number {
  return operation === null ? 0 : Date.now() - operation.accepted_at.getTime();
}
