import type { Collection, Filter, UpdateFilter } from 'mongodb';
import type { Overrides } from '../schemas/api/application/placement.ts';
import type { Observation, PlacementStatus, StoredApplication } from '../schemas/application.ts';
import type { PendingEvent } from '../schemas/object.ts';
import type { Condition } from '../schemas/state.ts';
import { guard } from './errors.ts';
import { collectionOf } from './kind.ts';
import { APPLICATION } from './kinds.ts';
import { LeaseLostError } from './reconcile-store.ts';
import { REPEATABLE_WRITE, type Store } from './store.ts';

/** An application as those need it who follow the clusters that it is in. */
export interface PlacedApplication {
  _id: string;
  project_id: string;
  name: string;
  generation: number;
  spec: Pick<StoredApplication['spec'], 'kind' | 'stopped' | 'paused' | 'autoscaling'> & {
    placements: { overrides: Pick<Overrides, 'autoscaling'> }[];
  };
  operation: { state: string } | null;
  status: {
    placements: Pick<
      PlacementStatus,
      'cluster_id' | 'namespace' | 'workload_generation' | 'applied_generation'
    >[];
  };
  /** Only what was seen in the cluster that was asked about. */
  observed: Record<string, Observation>;
}

/** An application as it is when an observation is written: everything but what is large and says nothing of it. */
export type ObservedApplication = Omit<StoredApplication, 'revisions'>;

/** What is written with what was seen. */
export interface ObservationWrite {
  observation: Observation;
  conditions: Condition[];
  /** Numbered from `current.sequence + 1`. */
  events: PendingEvent[];
  updated_at?: Date;
}

const FIELDS = {
  project_id: 1,
  name: 1,
  generation: 1,
  'spec.kind': 1,
  'spec.stopped': 1,
  'spec.paused': 1,
  'spec.autoscaling': 1,
  'spec.placements.overrides.autoscaling': 1,
  'operation.state': 1,
  'status.placements.cluster_id': 1,
  'status.placements.namespace': 1,
  'status.placements.workload_generation': 1,
  'status.placements.applied_generation': 1,
} as const;

/** Large, and nothing that a follower looks at. */
const UNREAD = { revisions: 0, 'spec.sealed': 0, 'status.applied_spec': 0 } as const;

/** Applications that are read at once. */
const BATCH = 500;

/**
 * What was seen of applications in clusters: the key of a cluster in `observed`, which only the follower of that cluster writes, under the
 * fencing token of its lease; and the condition over all of them.
 */
export class ObservationStore {
  private readonly applications: Collection<StoredApplication>;

  constructor(store: Pick<Store, 'db'>) {
    this.applications = collectionOf(store.db, APPLICATION);
  }

  /**
   * Makes what was seen in a cluster that of a new follower: from now on whoever followed it before writes nothing any more. No reader is
   * told: the entity tags stay.
   * @throws CetusError `store_unavailable`
   */
  async takeOver(clusterId: string, token: number): Promise<void> {
    const filter = { ...placedIn(clusterId), [`observed.${clusterId}.token`]: { $lt: token } };
    const update = { $set: { [`observed.${clusterId}.token`]: token } };
    await guard(() =>
      this.applications.updateMany(filter as Filter<StoredApplication>, update, REPEATABLE_WRITE),
    );
  }

  /** All applications that are in a cluster, or are being brought there, some at a time. @throws CetusError `store_unavailable` */
  async *placed(clusterId: string): AsyncGenerator<PlacedApplication[]> {
    const cursor = this.applications
      .find(placedIn(clusterId) as Filter<StoredApplication>)
      .project<PlacedApplication>({ ...FIELDS, [`observed.${clusterId}`]: 1 })
      .batchSize(BATCH);
    try {
      let batch: PlacedApplication[] = [];
      while (await guard(() => cursor.hasNext())) {
        batch.push(...cursor.readBufferedDocuments().map(whole));
        if (batch.length < BATCH) continue;
        yield batch;
        batch = [];
      }
      if (batch.length > 0) yield batch;
    } finally {
      await cursor.close();
    }
  }

  /** Some applications, wherever they are; those that are deleted are left out. @throws CetusError `store_unavailable` */
  async find(ids: readonly string[]): Promise<PlacedApplication[]> {
    if (ids.length === 0) return [];
    const filter = { _id: { $in: [...ids] }, deleted_at: null } as Filter<StoredApplication>;
    const found = await guard(() =>
      this.applications.find(filter).project<PlacedApplication>(FIELDS).batchSize(BATCH).toArray(),
    );
    return found.map(whole);
  }

  /**
   * Writes what was seen of an application in a cluster. `build` gets the newest document, and answers null when there is nothing to write;
   * it is called again when another writer came first.
   * @returns the document, and whether it was written; null when the application is not in the cluster any more
   * @throws LeaseLostError when a later follower of the cluster has written, CetusError `store_unavailable`
   */
  async write(
    id: string,
    clusterId: string,
    token: number,
    build: (current: ObservedApplication) => ObservationWrite | null,
  ): Promise<{ application: ObservedApplication; written: boolean } | null> {
    const key = `observed.${clusterId}`;
    for (;;) {
      const current = await this.read({ _id: id, ...placedIn(clusterId) });
      if (current === null) return null;
      if ((current.observed[clusterId]?.token ?? 0) > token) throw new LeaseLostError(clusterId);
      const next = build(current);
      if (next === null) return { application: current, written: false };
      const { observation, conditions, events, updated_at } = next;
      const application = await this.replace(
        {
          _id: id,
          ...placedIn(clusterId),
          revision: current.revision,
          $or: [{ [key]: { $exists: false } }, { [`${key}.token`]: { $lte: token } }],
        },
        {
          $set: {
            [key]: { ...observation, token },
            health_conditions: conditions,
            sequence: current.sequence + events.length,
            ...(updated_at === undefined ? {} : { updated_at }),
          },
          $inc: { revision: 1 },
          ...(events.length === 0 ? {} : { $push: { pending_events: { $each: events } } }),
        },
      );
      if (application !== null) return { application, written: true };
    }
  }

  /**
   * Takes away what was seen of an application in a cluster that it is not in any more, unless a later follower has written it.
   * @throws CetusError `store_unavailable`
   */
  async forget(id: string, clusterId: string, token: number): Promise<void> {
    const key = `observed.${clusterId}`;
    const filter = {
      _id: id,
      deleted_at: null,
      'status.placements.cluster_id': { $ne: clusterId },
      [`${key}.token`]: { $lte: token },
    };
    const update = {
      $unset: { [key]: '' },
      $inc: { revision: 1 },
    } as unknown as UpdateFilter<StoredApplication>;
    await guard(() => this.applications.updateOne(filter as Filter<StoredApplication>, update));
  }

  private async read(filter: object): Promise<ObservedApplication | null> {
    return guard(() =>
      this.applications.findOne<ObservedApplication>(filter as Filter<StoredApplication>, {
        projection: UNREAD,
      }),
    );
  }

  private async replace(filter: object, update: object): Promise<ObservedApplication | null> {
    return guard(() =>
      this.applications.findOneAndUpdate(
        filter as Filter<StoredApplication>,
        update as UpdateFilter<StoredApplication>,
        { returnDocument: 'after', projection: UNREAD },
      ),
    );
  }
}

function placedIn(clusterId: string): object {
  return { 'status.placements.cluster_id': clusterId, deleted_at: null };
}

/** A projection leaves out what is not there. */
function whole(found: PlacedApplication): PlacedApplication {
  return { ...found, operation: found.operation ?? null, observed: found.observed ?? {} };
}
