import type { Collection, Db } from 'mongodb';
import type { DriverDescription } from '../schemas/driver.ts';
import { ensureRetention, guard, REPEATABLE_WRITE, type Store } from '../store/index.ts';
import { unionOfDrivers } from './driver-union.ts';
import { DOWN_AFTER_MS, isUp, type ServiceRecord } from './service-record.ts';

/** Days after which a process that reports no more is forgotten. */
const RETENTION_DAYS = 1;
/** How long the drivers that were found are answered again, in milliseconds. */
const DRIVERS_MS = 5_000;
const CONDUCTOR = 'cetus-conductor';

function services(db: Db): Collection<ServiceRecord> {
  return db.collection<ServiceRecord>('services');
}

export async function ensureServiceIndexes(db: Db): Promise<void> {
  await services(db).createIndex({ binary: 1, last_seen_at: -1 });
  await ensureRetention(services(db), 'last_seen_at', RETENTION_DAYS);
}

/** The processes of all services, as they report themselves. */
export class ServiceRegistry {
  private readonly services: Collection<ServiceRecord>;
  private found: { drivers: Promise<DriverDescription[]>; until: number } | undefined;

  constructor(store: Pick<Store, 'db'>) {
    this.services = services(store.db);
  }

  /** @throws CetusError `store_unavailable` */
  async report(record: ServiceRecord): Promise<void> {
    const { _id, ...fields } = record;
    await guard(() =>
      this.services.replaceOne({ _id }, fields as ServiceRecord, { upsert: true, ...REPEATABLE_WRITE }),
    );
  }

  /**
   * The processes by binary and host, the newest of each first. One that is down is not named when another of the same binary and
   * host reported after it.
   * @throws CetusError `store_unavailable`
   */
  async list(now = new Date()): Promise<ServiceRecord[]> {
    const records = await guard(() =>
      this.services.find().sort({ binary: 1, host: 1, last_seen_at: -1, _id: 1 }).toArray(),
    );
    return records.filter((record, index) => {
      const before = records[index - 1];
      const first = before?.binary !== record.binary || before.host !== record.host;
      return first || isUp(record, now);
    });
  }

  /** The processes of one binary that are up. @throws CetusError `store_unavailable` */
  async up(binary: string, now = new Date()): Promise<ServiceRecord[]> {
    const records = await guard(() => this.services.find({ binary }).toArray());
    return records.filter((record) => isUp(record, now));
  }

  /**
   * What the conductors offer together that reported within thirty seconds of the newest report: a driver stays for so long after the
   * last conductor that had it, and all do while none is up. Empty when none ever was. Asked of the database every five seconds at most.
   * See {@link unionOfDrivers} for their order.
   * @throws CetusError `store_unavailable`
   */
  drivers(now = Date.now()): Promise<DriverDescription[]> {
    if (this.found === undefined || now >= this.found.until) {
      const drivers = this.readDrivers();
      this.found = { drivers, until: now + DRIVERS_MS };
      // A failure is for those who asked meanwhile, not for those who come after.
      drivers.catch(() => (this.found = undefined));
    }
    return this.found.drivers;
  }

  private async readDrivers(): Promise<DriverDescription[]> {
    const newest = await guard(() =>
      this.services.findOne({ binary: CONDUCTOR }, { sort: { last_seen_at: -1 } }),
    );
    if (newest === null) return [];
    const since = new Date(newest.last_seen_at.getTime() - DOWN_AFTER_MS);
    const records = await guard(() =>
      this.services.find({ binary: CONDUCTOR, last_seen_at: { $gt: since } }).toArray(),
    );
    return unionOfDrivers(records.map(({ drivers }) => drivers));
  }
}
