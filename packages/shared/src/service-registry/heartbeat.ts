import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { DriverDescription } from '../schemas/driver.ts';
import type { Logger, Resource } from '../service/index.ts';
import type { Store } from '../store/index.ts';
import { REPORT_MS, type ServiceRecord } from './service-record.ts';
import { ServiceRegistry } from './service-registry.ts';

export interface HeartbeatOptions {
  /** As in {@link ServiceRecord}. */
  binary: string;
  /** Open from the start of this resource to its end. */
  backbone: { readonly store: Store };
  logger: Pick<Logger, 'warn'>;
  /** Unique to the process; default: see {@link processId}. */
  id?: string;
  drivers?: DriverDescription[];
  /** How often it reports, in milliseconds; default 10,000. */
  intervalMs?: number;
}

/** A name for this process that no other has, now or later, for leases and reports. */
export function processId(): string {
  return `${hostname()}/${String(process.pid)}/${randomBytes(4).toString('hex')}`;
}

/** Tells the registry that the process lives: at once, then every ten seconds, and when it ends. */
export class Heartbeat implements Resource {
  readonly name: string;
  private readonly options: HeartbeatOptions;
  private readonly record: ServiceRecord;
  private timer: NodeJS.Timeout | undefined;
  private reporting: Promise<void> = Promise.resolve();

  constructor(options: HeartbeatOptions) {
    const { binary, id = processId(), drivers = [] } = options;
    const now = new Date();
    this.name = `heartbeat of ${binary}`;
    this.options = options;
    this.record = {
      _id: id,
      binary,
      host: hostname(),
      started_at: now,
      last_seen_at: now,
      stopped_at: null,
      report_count: 0,
      created_at: now,
      drivers,
    };
  }

  /** @throws CetusError `store_unavailable` */
  async start(): Promise<void> {
    await this.report();
    this.timer = setInterval(() => {
      this.reporting = this.report().catch((err: unknown) =>
        this.options.logger.warn({ err }, 'heartbeat not written; the next one tries again'),
      );
    }, this.options.intervalMs ?? REPORT_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.reporting;
    this.record.stopped_at = new Date();
    await this.report();
  }

  private async report(): Promise<void> {
    const { record } = this;
    record.last_seen_at = new Date();
    record.report_count += 1;
    await new ServiceRegistry(this.options.backbone.store).report(record);
  }
}
