import type { Outcome, ReconcileContext, Reconciler } from '@cetus/shared/reconcile';
import { namespaceOf, withOverrides } from '@cetus/shared/applications';
import {
  applicationSpecOf,
  pendingPlacement,
  stateFor,
  type Action,
  type ApplicationSpec,
  type Failure,
  type PlacementStatus,
  type StoredApplication,
} from '@cetus/shared/schemas';
import type { SecretBox } from '@cetus/shared/secrets';
import type { PlacementStore } from '@cetus/shared/store';
import { inSync, ready, reasonOf } from '../conditions.ts';
import { openValues } from './application-secrets.ts';
import type { ClusterConnections } from './cluster-connections.ts';
import type { NamespacePolicy } from './namespace/policy.ts';
import { bring } from './placement/bring.ts';
import { driftIn } from './placement/drift-in.ts';
import { inParallel } from '@cetus/kubernetes/in-parallel';
import type { PlacementRound } from './placement/placement-round.ts';
import { takeAway } from './placement/take-away.ts';
import { wantedPlacements, type WantedPlacement } from './placement/wanted-placements.ts';

export interface ApplicationReconcilerOptions {
  places: PlacementStore;
  connections: ClusterConnections;
  secrets: SecretBox;
  policy: NamespacePolicy;
}

type Step = { placement: PlacementStatus; round: PlacementRound };

/** Clusters of one application that are worked on at once. */
const CLUSTERS_AT_ONCE = 8;
/** How soon what did not come to be as it shall is looked at again when nothing was asked, in milliseconds. */
const UNSETTLED_MS = 60_000;

/** Brings applications into their clusters, and takes them out again. */
export class ApplicationReconciler implements Reconciler<StoredApplication> {
  private readonly options: ApplicationReconcilerOptions;

  constructor(options: ApplicationReconcilerOptions) {
    this.options = options;
  }

  async reconcile(
    application: StoredApplication,
    context: ReconcileContext,
  ): Promise<Outcome<StoredApplication>> {
    const operation = application.operation?.state === 'IN_PROGRESS' ? application.operation : null;
    if (operation?.action === 'delete') return this.remove(application, context);
    // A deletion that failed is not undone by looking.
    if (operation === null && application.status.state === 'DELETE_FAILED') return {};
    const spec = applicationSpecOf(application);
    const wanted = await wantedPlacements(this.options.places, application.project_id, spec.placements);
    const fresh = wanted.filter(({ clusterId }) => placementOf(application, clusterId) === undefined);
    if (fresh.length > 0) return noted(application, fresh);
    const steps = await this.everywhere(application, (placement) =>
      this.step(application, spec, placement, wanted, context),
    );
    return operation === null
      ? resynced(application, spec, steps)
      : progressed(application, spec, operation.action, steps, context);
  }

  private async step(
    application: StoredApplication,
    spec: ApplicationSpec,
    placement: PlacementStatus,
    wanted: readonly WantedPlacement[],
    context: ReconcileContext,
  ): Promise<PlacementRound> {
    const { connections, policy, secrets, places } = this.options;
    const asked = wanted.find(({ clusterId }) => clusterId === placement.cluster_id);
    if (asked === undefined) {
      const { project_id } = application;
      const cluster = (await places.clustersById(project_id, [placement.cluster_id])).get(
        placement.cluster_id,
      );
      return takeAway({ connections, places }, { application, placement, cluster, force: false }, context);
    }
    const input = {
      application,
      spec: withOverrides(spec, asked.overrides),
      values: openValues(secrets, application._id, spec.sealed),
      placement,
      cluster: asked.cluster,
    };
    const isSettled =
      application.operation?.state !== 'IN_PROGRESS' &&
      placement.state === 'COMPLETE' &&
      placement.applied_generation === application.generation;
    if (isSettled && spec.drift === 'report') return driftIn({ connections }, input, context);
    return bring({ connections, policy }, { ...input, settled: isSettled }, context);
  }

  private async remove(
    application: StoredApplication,
    context: ReconcileContext,
  ): Promise<Outcome<StoredApplication>> {
    const { connections, places } = this.options;
    const ids = application.status.placements.map(({ cluster_id }) => cluster_id);
    const clusters = await places.clustersById(application.project_id, ids);
    const force = application.operation?.force === true;
    const steps = await this.everywhere(application, (placement) =>
      takeAway(
        { connections, places },
        { application, placement, cluster: clusters.get(placement.cluster_id), force },
        context,
      ),
    );
    const status = { placements: left(steps) };
    const leftBehind = [
      ...(application.operation?.left_behind ?? []),
      ...steps.flatMap(({ round }) => (round.phase === 'gone' ? (round.leftBehind ?? []) : [])),
    ];
    const blockedBy = steps.flatMap(({ round }) =>
      round.phase === 'working' ? (round.blockedBy ?? []) : [],
    );
    const more = { status, blockedBy, ...(leftBehind.length === 0 ? {} : { leftBehind }) };
    if (status.placements.length === 0)
      return {
        ...more,
        conditions: [ready(false, 'Deleted', 'The application is deleted')],
        ended: { state: 'COMPLETE' },
      };
    const waiting = working(steps);
    if (context.deadlineExceeded)
      return { ...more, ended: { state: 'FAILED', failure: deleteBlocked(waiting.progress) } };
    return { ...more, ...waiting, conditions: [ready(false, 'DeleteInProgress', waiting.progress)] };
  }

  private everywhere(
    application: StoredApplication,
    run: (placement: PlacementStatus) => Promise<PlacementRound>,
  ): Promise<Step[]> {
    return inParallel(application.status.placements, CLUSTERS_AT_ONCE, async (placement) => ({
      placement,
      round: await run(placement),
    }));
  }
}

function placementOf(application: StoredApplication, clusterId: string): PlacementStatus | undefined {
  return application.status.placements.find(({ cluster_id }) => cluster_id === clusterId);
}

/** A cluster is noted before anything is put into it: so nothing is ever anywhere that the document does not name. */
function noted(
  application: StoredApplication,
  fresh: readonly WantedPlacement[],
): Outcome<StoredApplication> {
  const namespace = namespaceOf(application.project_id, application.user_id);
  const placements = fresh.map(({ clusterId, cluster }) =>
    pendingPlacement(clusterId, cluster?.name ?? clusterId, namespace),
  );
  return {
    status: { placements: [...application.status.placements, ...placements] },
    progress: 'The clusters are noted',
    wakeUpAfterMs: 0,
  };
}

/** An operation goes on until every cluster is through with it; one that cannot be reached holds up the others' end, not their work. */
function progressed(
  application: StoredApplication,
  spec: ApplicationSpec,
  action: Action,
  steps: readonly Step[],
  context: ReconcileContext,
): Outcome<StoredApplication> {
  const status = { placements: left(steps) };
  const waiting = working(steps);
  const failure = firstFailure(steps);
  if (steps.every(isThrough))
    return {
      status,
      conditions: [
        inSync(null),
        ready(true, `${reasonOf(action)}Complete`, 'The application runs as it was asked for'),
      ],
      ended: { state: 'COMPLETE', status: { applied_spec: spec } },
    };
  const isOver = !steps.some(({ round }) => round.phase === 'working');
  if (isOver || context.deadlineExceeded) {
    const why = failure ?? rolloutStalled(application, waiting.progress);
    return {
      status,
      conditions: [ready(false, reasonOf(why.code), why.message)],
      ended: { state: 'FAILED', failure: why },
    };
  }
  const progress = failure?.message ?? waiting.progress;
  return {
    status,
    progress,
    wakeUpAfterMs: waiting.wakeUpAfterMs,
    ...(action === 'create' ? { conditions: [ready(false, 'CreateInProgress', progress)] } : {}),
  };
}

/** Nothing was asked: what others changed is put back or told, and what was held up comes to be all the same. */
function resynced(
  application: StoredApplication,
  spec: ApplicationSpec,
  steps: readonly Step[],
): Outcome<StoredApplication> {
  const { state } = application.status;
  const placements = left(steps);
  const drift = placements.flatMap(({ cluster_name, drift: fields }) =>
    fields.map((field) => `${cluster_name}: ${field}`),
  );
  const conditions = [inSync(drift.length === 0 ? null : drift.join('; '))];
  const isSettled = placements.every((placement) => placement.state === 'COMPLETE');
  const { wakeUpAfterMs } = working(steps);
  const again =
    isSettled && wakeUpAfterMs > 0 ? {} : { wakeUpAfterMs: Math.min(UNSETTLED_MS, wakeUpAfterMs) };
  const failure = firstFailure(steps);
  if (failure !== null && state.endsWith('_COMPLETE'))
    return {
      status: { placements },
      conditions: [...conditions, ready(false, reasonOf(failure.code), failure.message)],
      drifted: { state: state === 'ROLLBACK_COMPLETE' ? 'ROLLBACK_FAILED' : 'UPDATE_FAILED', failure },
      ...again,
    };
  if (!isSettled || !state.endsWith('_FAILED')) return { status: { placements }, conditions, ...again };
  const [action] = state.split('_');
  const done = (action ?? '').toLowerCase() as Action;
  return {
    status: { placements, applied_spec: spec, observed_generation: application.generation },
    conditions: [
      ...conditions,
      ready(true, `${reasonOf(done)}Complete`, 'The application runs as it was asked for'),
    ],
    drifted: { state: stateFor(done, 'COMPLETE'), failure: null },
  };
}

/** The placements that there still are. Without an operation, what was there stays so: how it does, its observation says. */
function left(steps: readonly Step[]): PlacementStatus[] {
  return steps.flatMap(({ round }) => (round.phase === 'gone' ? [] : [round.status]));
}

function isThrough({ round }: Step): boolean {
  return round.phase === 'complete' || round.phase === 'gone';
}

function working(steps: readonly Step[]): { progress: string; wakeUpAfterMs: number } {
  const rounds = steps.flatMap(({ round }) => (round.phase === 'working' ? [round] : []));
  return {
    progress: rounds[0]?.progress ?? '',
    wakeUpAfterMs: Math.min(...rounds.map(({ wakeUpAfterMs }) => wakeUpAfterMs)),
  };
}

function firstFailure(steps: readonly Step[]): Failure | null {
  for (const { round } of steps) if (round.phase === 'failed') return round.failure;
  return null;
}

function rolloutStalled(application: StoredApplication, progress: string): Failure {
  return {
    code: 'rollout_stalled',
    message: `The ${application.operation?.action ?? 'change'} did not end in time; at the end: ${progress}`,
  };
}

function deleteBlocked(progress: string): Failure {
  return { code: 'delete_blocked', message: `The deletion did not end in time; at the end: ${progress}` };
}
