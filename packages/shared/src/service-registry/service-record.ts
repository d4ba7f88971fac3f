import type { DriverDescription } from '../schemas/driver.ts';

/** One process of a service, as it last reported. */
export interface ServiceRecord {
  /** Unique to the process: also the owner of what it leases. */
  _id: string;
  /** Source: Magnum's `mservices` have `magnum-conductor`; ours are `cetus-conductor`, `cetus-api`. */
  binary: string;
  host: string;
  started_at: Date;
  last_seen_at: Date;
  /** Set when it ended in an orderly way. */
  stopped_at: Date | null;
  report_count: number;
  /** When its first report was written. */
  created_at: Date;
  /** The cluster drivers that it offers, in order of preference. */
  drivers: DriverDescription[];
}

/** How often a process reports, in milliseconds. */
export const REPORT_MS = 10_000;

/** A process that has not reported for so long is taken for dead, in milliseconds. */
export const DOWN_AFTER_MS = 3 * REPORT_MS;

export function isUp(record: ServiceRecord, now = new Date()): boolean {
  return record.stopped_at === null && now.getTime() - record.last_seen_at.getTime() < DOWN_AFTER_MS;
}
