import { namespaceOf } from '@cetus/shared/applications';
import {
  applicationSpecOf,
  pendingPlacement,
  type Observation,
  type Phase,
  type PlacementState,
  type PlacementStatus,
  type ReplicaCounts,
  type StoredApplication,
} from '@cetus/shared/schemas';

/** An application in one cluster, as a reader is told. */
export interface PlacementSeen extends Omit<PlacementStatus, 'cluster_name'> {
  cluster_name: string | null;
  phase: Phase;
  observed: Observation | null;
}

/** From the worst: what an application is like that is in several clusters. */
const WORST_FIRST: readonly Phase[] = [
  'Failed',
  'Missing',
  'Degraded',
  'Progressing',
  'Pending',
  'Paused',
  'Suspended',
  'Stopped',
  'Running',
  'Succeeded',
];

/** What an observation of what was asked before says nothing about any more. */
const SETTLED: ReadonlySet<Phase> = new Set(['Running', 'Succeeded', 'Stopped', 'Suspended', 'Paused']);

/** The clusters that an application is in, and those that it shall be in although nobody has begun with them yet. */
export function placementsSeen(application: StoredApplication): PlacementSeen[] {
  const { status, observed, project_id, user_id } = application;
  const known = new Set(status.placements.map(({ cluster_id }) => cluster_id));
  const namespace = namespaceOf(project_id, user_id);
  const named = applicationSpecOf(application).placements.flatMap(({ cluster_id }) => cluster_id ?? []);
  const awaited = named
    .filter((id) => !known.has(id))
    .map((id) => ({ ...pendingPlacement(id, '', namespace), cluster_name: null }));
  return [...status.placements, ...awaited].map((placement) => {
    const observation = observed[placement.cluster_id] ?? null;
    return {
      ...placement,
      state: stateShown(application, placement),
      phase: phaseShown(application, placement, observation),
      observed: observation,
    };
  });
}

/** The clusters of {@link placementsSeen}, by id; needs only what a brief view has. */
export function clusterIdsOf(application: StoredApplication): string[] {
  const named = applicationSpecOf(application).placements.flatMap(({ cluster_id }) => cluster_id ?? []);
  return [...new Set([...application.status.placements.map(({ cluster_id }) => cluster_id), ...named])];
}

/** How an application does altogether: as where it does worst, with that one's cause. */
export function overall(seen: readonly PlacementSeen[]): {
  phase: Phase;
  instances: ReplicaCounts;
  cause: Observation['cause'];
} {
  const sorted = [...seen].sort((a, b) => WORST_FIRST.indexOf(a.phase) - WORST_FIRST.indexOf(b.phase));
  const instances = { desired: 0, updated: 0, ready: 0, available: 0 };
  for (const { observed } of seen) {
    if (observed === null) continue;
    for (const count of Object.keys(instances) as (keyof ReplicaCounts)[])
      instances[count] += observed.replicas[count];
  }
  const cause = sorted.find(({ observed }) => observed?.cause != null)?.observed?.cause ?? null;
  return { phase: sorted[0]?.phase ?? 'Pending', instances, cause };
}

/** What goes on comes before what ended last, as with the state of the whole. */
function stateShown(
  { operation }: StoredApplication,
  placement: Pick<PlacementStatus, 'state' | 'applied_generation'>,
): PlacementState {
  const { state, applied_generation: generation } = placement;
  if (operation?.state !== 'IN_PROGRESS') return state;
  if (operation.action === 'delete') return 'REMOVING';
  return state === 'COMPLETE' && (generation ?? 0) < operation.generation ? 'PENDING' : state;
}

function phaseShown(
  { operation }: StoredApplication,
  { state, applied_generation }: Pick<PlacementStatus, 'state' | 'applied_generation'>,
  observation: Observation | null,
): Phase {
  // What was never put there is not missing.
  const isAwaited = observation?.phase === 'Missing' && applied_generation === null;
  if (observation === null || isAwaited) return state === 'FAILED' ? 'Failed' : 'Pending';
  const { phase, generation } = observation;
  if (operation?.state !== 'IN_PROGRESS' || !SETTLED.has(phase)) return phase;
  return generation !== null && generation < operation.generation ? 'Progressing' : phase;
}
