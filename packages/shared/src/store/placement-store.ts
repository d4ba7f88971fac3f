import type { Collection, Filter } from 'mongodb';
import type { StoredApplication, StoredPlacement } from '../schemas/application.ts';
import type { StoredCluster } from '../schemas/cluster.ts';
import { guard } from './errors.ts';
import { collectionOf } from './kind.ts';
import { APPLICATION, CLUSTER } from './kinds.ts';
import { REPEATABLE_WRITE, type Store } from './store.ts';

/** Which clusters applications are placed in, for the service that brings them there: across projects, each call within one. */
export class PlacementStore {
  private readonly clusters: Collection<StoredCluster>;
  private readonly applications: Collection<StoredApplication>;

  constructor(store: Pick<Store, 'db'>) {
    this.clusters = collectionOf(store.db, CLUSTER);
    this.applications = collectionOf(store.db, APPLICATION);
  }

  /** Those of some clusters that are the project's and not deleted, by id. @throws CetusError `store_unavailable` */
  async clustersById(projectId: string, ids: readonly string[]): Promise<Map<string, StoredCluster>> {
    if (ids.length === 0) return new Map();
    const filter = { project_id: projectId, deleted_at: null, _id: { $in: [...ids] } };
    const found = await guard(() => this.clusters.find(filter as Filter<StoredCluster>).toArray());
    return new Map(found.map((one) => [one._id, one]));
  }

  /** The clusters of a project that are to stay and have all of some labels. @throws CetusError `store_unavailable` */
  async clustersByLabels(
    projectId: string,
    labels: NonNullable<StoredPlacement['selector']>,
  ): Promise<StoredCluster[]> {
    const filter = {
      project_id: projectId,
      deleted_at: null,
      $nor: [{ 'operation.action': 'delete', 'operation.state': 'IN_PROGRESS' }],
    } as unknown as Filter<StoredCluster>;
    // Keys of labels have dots and dollars in them, which no path of a query can have.
    const ids = await guard(() =>
      this.clusters
        .find(filter)
        .project<{ _id: string; spec: { labels: Record<string, string> } }>({ 'spec.labels': 1 })
        .sort({ _id: 1 })
        .toArray(),
    );
    const wanted = Object.entries(labels);
    const matching = ids.filter(({ spec }) => wanted.every(([key, value]) => spec.labels[key] === value));
    const whole = await this.clustersById(
      projectId,
      matching.map(({ _id }) => _id),
    );
    return [...whole.values()].sort((a, b) => (a._id < b._id ? -1 : 1));
  }

  /**
   * Whether another application than `besides`, of the same project and user, is in a cluster or may come to be, and is to stay.
   * @throws CetusError `store_unavailable`
   */
  async hasOthers(
    clusterId: string,
    besides: Pick<StoredApplication, '_id' | 'project_id' | 'user_id'>,
  ): Promise<boolean> {
    const { _id, project_id, user_id } = besides;
    const filter = {
      project_id,
      user_id,
      deleted_at: null,
      _id: { $ne: _id },
      // Of two that go at once, the last to look takes away what both had.
      $nor: [{ 'operation.action': 'delete', 'operation.state': 'IN_PROGRESS' }],
      $or: [
        { 'status.placements.cluster_id': clusterId },
        { 'spec.placements.cluster_id': clusterId },
        { 'spec.placements.selector': { $type: 'object' } },
      ],
    } as unknown as Filter<StoredApplication>;
    return (await guard(() => this.applications.findOne(filter, { projection: { _id: 1 } }))) !== null;
  }

  /**
   * Has applications looked at that follow labels of a project's clusters, for when one comes, changes or goes. One that is being worked
   * on is left alone: it is looked at again soon.
   * @throws CetusError `store_unavailable`
   */
  async wakeFollowingLabels(projectId: string, now = new Date()): Promise<number> {
    return this.wake({ project_id: projectId, 'spec.placements.selector': { $type: 'object' } }, now);
  }

  /**
   * Has applications looked at that are in a cluster, or are to be, and not as they shall be there, for when it comes, answers again or
   * goes.
   * @throws CetusError `store_unavailable`
   */
  async wakeUnsettled(clusterId: string, now = new Date()): Promise<number> {
    const unsettled = { cluster_id: clusterId, state: { $ne: 'COMPLETE' } };
    return this.wake({ 'status.placements': { $elemMatch: unsettled } }, now);
  }

  private async wake(filter: object, now: Date): Promise<number> {
    const { modifiedCount } = await guard(() =>
      this.applications.updateMany(
        { ...filter, deleted_at: null, lease: null, next_attempt_at: { $gt: now } },
        { $set: { next_attempt_at: now } },
        REPEATABLE_WRITE,
      ),
    );
    return modifiedCount;
  }
}
