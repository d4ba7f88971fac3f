import type { Observation } from '@cetus/shared/schemas';
import type { PlacedApplication } from '@cetus/shared/store';
import type { Asked } from '../observe/observe.ts';
import { workloadKindOf, type WorkloadKind } from '../observe/workload-kinds.ts';
import type { FollowedKind } from './application-watches.ts';
import { printOf, type Print } from './observation-write.ts';
import type { LookReason } from './wants-look.ts';

/** An application in one cluster, with what is remembered of it between two looks. */
export interface Followed {
  id: string;
  projectId: string;
  name: string;
  namespace: string;
  /** Of the application, when it was read. */
  generation: number;
  workload: WorkloadKind;
  /** It may have an autoscaler here. */
  autoscaled: boolean;
  asked: Asked;
  /** `metadata.generation` of the workload when it was applied last, as far as it was read; null: it was not. */
  workloadGeneration: number | null;
  /** Whether it was brought there ever, as far as it was read. */
  applied: boolean;
  /** What its document says; null: it is to be compared. */
  written: Print | null;
  /** In milliseconds. */
  writtenAt: number;
  /** Which generation of the workload the reconciler was last told of. */
  announced: number | null;
  /** What the reconciler is to be told, and was not yet. */
  owesCommand: LookReason | null;
}

/** The applications of one cluster, as their documents have them. */
export class Directory {
  private readonly clusterId: string;
  private readonly followed = new Map<string, Followed>();

  constructor(clusterId: string) {
    this.clusterId = clusterId;
  }

  get size(): number {
    return this.followed.size;
  }

  get(id: string): Followed | undefined {
    return this.followed.get(id);
  }

  ids(): string[] {
    return [...this.followed.keys()];
  }

  /** What the applications are made of. */
  kinds(): Set<FollowedKind> {
    const kinds = new Set<FollowedKind>();
    for (const { workload, autoscaled } of this.followed.values()) {
      kinds.add(workload);
      if (autoscaled) kinds.add('HorizontalPodAutoscaler');
    }
    return kinds;
  }

  /**
   * Takes in an application as its document is.
   * @param compare what it says of this cluster is to be compared with what is there, also where it was written here
   * @returns false when it is not in the cluster, or not any more
   */
  note(application: PlacedApplication, compare: boolean): boolean {
    const { _id: id, project_id: projectId, name, generation, spec, status, observed } = application;
    const placement = status.placements.find(({ cluster_id }) => cluster_id === this.clusterId);
    if (placement === undefined) {
      this.followed.delete(id);
      return false;
    }
    const known = this.followed.get(id);
    const seen: Observation | undefined = observed[this.clusterId];
    const isSame = known?.namespace === placement.namespace;
    const asDocument = seen === undefined ? null : printOf(seen);
    // Whoever saw it go may have ended before the reconciler was told.
    const isMissed = compare && seen?.phase === 'Missing' && placement.applied_generation !== null;
    const now: Followed = {
      id,
      projectId,
      name,
      namespace: placement.namespace,
      generation,
      workload: workloadKindOf(spec.kind),
      autoscaled: [spec, ...spec.placements.map(({ overrides }) => overrides)].some(
        ({ autoscaling }) => autoscaling !== undefined,
      ),
      asked: { kind: spec.kind, stopped: spec.stopped, paused: spec.paused },
      workloadGeneration: placement.workload_generation,
      applied: placement.applied_generation !== null,
      written: compare || !isSame ? asDocument : known.written,
      writtenAt: known?.writtenAt ?? 0,
      announced: known?.announced ?? null,
      owesCommand: isMissed ? 'drifted' : (known?.owesCommand ?? null),
    };
    // The same object, for whoever has it in hand.
    this.followed.set(id, known === undefined ? now : Object.assign(known, now));
    return true;
  }

  delete(id: string): boolean {
    return this.followed.delete(id);
  }
}
