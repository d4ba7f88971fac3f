import { CLUSTER, guard, ownedBy, type Scope, type Store } from '@cetus/shared/store';
import type { StatsView } from '@cetus/shared/schemas';

/** Counts clusters and what they are asked to have; for clusters that others made, what was found. */
export class ClusterStats {
  private readonly db: Store['db'];

  constructor(store: Pick<Store, 'db'>) {
    this.db = store.db;
  }

  /** @throws CetusError `store_unavailable` */
  async count(scope: Scope): Promise<StatsView> {
    const asked = {
      $sum: {
        $map: {
          input: { $ifNull: ['$spec.node_groups', []] },
          in: { $cond: ['$$this.deleted', 0, '$$this.node_count'] },
        },
      },
    };
    const found = { $sum: ['$status.actual_node_count', '$status.actual_master_count'] };
    const nodes = { $cond: [{ $eq: [{ $type: '$spec.imported' }, 'object'] }, found, asked] };
    const [sum] = await guard(() =>
      this.db
        .collection(CLUSTER.collection)
        .aggregate<StatsView>([
          { $match: { ...ownedBy(scope), deleted_at: null } },
          { $group: { _id: null, clusters: { $sum: 1 }, nodes: { $sum: nodes } } },
          { $project: { _id: 0 } },
        ])
        .toArray(),
    );
    return sum ?? { clusters: 0, nodes: 0 };
  }
}
