import { CLUSTER, guard, isDuplicateKey, REPEATABLE_WRITE, type Store } from '@cetus/shared/store';

/** A place that is taken for a cluster that is about to be written, or was a moment ago. */
interface Place {
  cluster: string;
  taken_at: Date;
}

interface Ledger {
  /** The project. */
  _id: string;
  /** Clusters that are written. Those that were deleted since are counted until somebody finds the ledger full. */
  settled: number;
  places: Place[];
  /** Rises with every write. */
  version: number;
}

/** How long a place is kept for a cluster that is about to be written: far longer than a write can take, in milliseconds. */
const GRACE_MS = 60_000;

/** After so many places they are settled, so that the document stays small whatever the limit is. */
const SETTLE_EVERY = 32;

/** How often a recount is tried again when others write meanwhile. */
const HEAL_ATTEMPTS = 10;

/**
 * How many clusters each project has, and no more of them than its limit: one small document a project, changed by single conditional
 * writes. A place is taken before the cluster is written; what died in between, and what was deleted since, is noticed when the ledger
 * says that it is full.
 */
export class QuotaLedger {
  private readonly db: Store['db'];
  private readonly now: () => Date;

  constructor(store: Pick<Store, 'db'>, now: () => Date = () => new Date()) {
    this.db = store.db;
    this.now = now;
  }

  /**
   * Takes a place for a cluster that is about to be written; taking it twice is taking it once.
   * @returns null, or how many places are taken when there is none left
   * @throws CetusError `store_unavailable`
   */
  async take(projectId: string, cluster: string, limit: number): Promise<number | null> {
    if (await this.tryToTake(projectId, cluster, limit)) return null;
    const used = await this.heal(projectId);
    return (await this.tryToTake(projectId, cluster, limit)) ? null : Math.max(used, limit);
  }

  /** Gives the place of a cluster back that was not written after all. */
  async giveBack(projectId: string, cluster: string): Promise<void> {
    await guard(() =>
      this.ledgers().updateOne(
        { _id: projectId },
        { $pull: { places: { cluster } }, $inc: { version: 1 } },
        REPEATABLE_WRITE,
      ),
    );
  }

  /** Counts the clusters that there are, and answers how many places are taken then. */
  async heal(projectId: string): Promise<number> {
    for (let attempt = 1; ; attempt += 1) {
      const ledger = await guard(() => this.ledgers().findOne({ _id: projectId }));
      if (ledger === null) {
        await this.begin(projectId);
        continue;
      }
      const { version } = ledger;
      const { pending } = await this.sort(ledger.places);
      // Those that are written from now on are among the pending ones, or the version is another.
      const settled = await this.count(
        projectId,
        pending.map(({ cluster }) => cluster),
      );
      const used = settled + pending.length;
      if (used === ledger.settled + ledger.places.length) return used;
      const { matchedCount } = await guard(() =>
        this.ledgers().updateOne(
          { _id: projectId, version },
          { $set: { settled, places: pending, version: version + 1 } },
          REPEATABLE_WRITE,
        ),
      );
      if (matchedCount === 1 || attempt === HEAL_ATTEMPTS) return used;
    }
  }

  private async tryToTake(projectId: string, cluster: string, limit: number): Promise<boolean> {
    const mine = { $in: [cluster, '$places.cluster'] };
    const room = { $lt: [{ $add: ['$settled', { $size: '$places' }] }, limit] };
    const place: Place = { cluster, taken_at: this.now() };
    const ledger = await guard(() =>
      this.ledgers().findOneAndUpdate(
        { _id: projectId, $expr: { $or: [mine, room] } },
        [
          {
            $set: {
              places: { $cond: [mine, '$places', { $concatArrays: ['$places', [place]] }] },
              version: { $add: ['$version', 1] },
            },
          },
        ],
        // The write of the cluster comes after it, and is journalled.
        { returnDocument: 'after', ...REPEATABLE_WRITE },
      ),
    );
    if (ledger === null) return false;
    if (ledger.places.length % SETTLE_EVERY === 0) await this.settle(ledger);
    return true;
  }

  /** Moves the places of clusters that are written to their number, relative to what others do at the same time. */
  private async settle({ _id, places }: Ledger): Promise<void> {
    const { living, gone } = await this.sort(places);
    const isIn = (clusters: string[]) => ({ $in: ['$$this.cluster', clusters] });
    const written = { $size: { $filter: { input: '$places', cond: isIn(living) } } };
    const left = { $filter: { input: '$places', cond: { $not: [isIn([...living, ...gone])] } } };
    await guard(() =>
      this.ledgers().updateOne(
        { _id },
        [
          {
            $set: {
              settled: { $add: ['$settled', written] },
              places: left,
              version: { $add: ['$version', 1] },
            },
          },
        ],
        REPEATABLE_WRITE,
      ),
    );
  }

  private async begin(projectId: string): Promise<void> {
    const settled = await this.count(projectId, []);
    try {
      await guard(() =>
        this.ledgers().updateOne(
          { _id: projectId },
          { $setOnInsert: { settled, places: [], version: 0 } },
          { upsert: true, ...REPEATABLE_WRITE },
        ),
      );
    } catch (error) {
      // Another request began it between the look and the insert.
      if (!isDuplicateKey(error)) throw error;
    }
  }

  /** What became of places: their clusters live, are gone (or never came), or may still come. */
  private async sort(
    places: readonly Place[],
  ): Promise<{ living: string[]; gone: string[]; pending: Place[] }> {
    const ids = places.map(({ cluster }) => cluster);
    const written = await guard(() =>
      this.clusters()
        .find({ _id: { $in: ids } }, { projection: { deleted_at: 1 } })
        .toArray(),
    );
    const deleted = new Map(written.map(({ _id, deleted_at }) => [_id, deleted_at !== null]));
    const kept = this.now().getTime() - GRACE_MS;
    const pending = places.filter(
      ({ cluster, taken_at }) => !deleted.has(cluster) && taken_at.getTime() >= kept,
    );
    const waiting = new Set(pending.map(({ cluster }) => cluster));
    return {
      living: ids.filter((id) => deleted.get(id) === false),
      gone: ids.filter((id) => deleted.get(id) !== false && !waiting.has(id)),
      pending,
    };
  }

  /** The clusters of a project, besides some. */
  private count(projectId: string, besides: string[]): Promise<number> {
    return guard(() =>
      this.clusters().countDocuments({ project_id: projectId, deleted_at: null, _id: { $nin: besides } }),
    );
  }

  private clusters() {
    return this.db.collection<{ _id: string; project_id: string; deleted_at: Date | null }>(
      CLUSTER.collection,
    );
  }

  private ledgers() {
    return this.db.collection<Ledger>('quota_usage');
  }
}
