import type { Bus, Subscription } from '@cetus/shared/bus';
import type { CloudEvent } from '@cetus/shared/schemas';
import type { Logger } from '@cetus/shared/service';
import type { ObservationStore, PlacedApplication } from '@cetus/shared/store';

export interface ApplicationNewsOptions {
  bus: Pick<Bus, 'subscribeNotifications'>;
  store: Pick<ObservationStore, 'find'>;
  logger: Pick<Logger, 'warn'>;
  /** An application has changed, or one may have: as it is now. */
  onChanged: (application: PlacedApplication) => void;
  /** There is no such application any more. */
  onGone: (id: string) => void;
}

/** Notifications that come so close together are looked at as one, in milliseconds. */
const GATHER_MS = 100;
/**
 * While an operation goes on, clusters come to those that it is in, and nothing tells of that: how long after its beginning it is looked
 * where it is, in milliseconds. What is missed all the same is found by its objects, or by the next comparison.
 */
const LOOKS_MS = [500, 1_000, 2_000, 4_000, 8_000, 16_000];
/** Applications that are read at once. */
const BATCH = 500;

/** Tells those who follow clusters which applications are in them, as soon as it changes: one for all clusters of a process. */
export class ApplicationNews {
  private readonly options: ApplicationNewsOptions;
  /** How often each was looked at since its operation began. */
  private readonly waiting = new Map<string, number>();
  private readonly timers = new Set<NodeJS.Timeout>();
  private readonly reading = new Set<Promise<void>>();
  private gathering: NodeJS.Timeout | undefined;
  private subscription: Subscription | undefined;
  private stopped = false;

  constructor(options: ApplicationNewsOptions) {
    this.options = options;
  }

  /** @throws CetusError `bus_unavailable` */
  async start(): Promise<void> {
    this.subscription = await this.options.bus.subscribeNotifications('application.*.*', (event, key) =>
      this.hear(event, key),
    );
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.subscription?.close();
    clearTimeout(this.gathering);
    for (const timer of this.timers) clearTimeout(timer);
    await Promise.all(this.reading);
  }

  private hear({ subject }: CloudEvent, key: string): void {
    // How it does is what the followers themselves have told.
    if (!key.endsWith('.changed')) this.ask(subject, 0);
  }

  private ask(id: string, looks: number): void {
    if (this.stopped) return;
    this.waiting.set(id, looks);
    this.gathering ??= setTimeout(() => {
      this.gathering = undefined;
      const asked = [...this.waiting];
      this.waiting.clear();
      for (let from = 0; from < asked.length; from += BATCH) {
        const reading = this.read(new Map(asked.slice(from, from + BATCH))).finally(() =>
          this.reading.delete(reading),
        );
        this.reading.add(reading);
      }
    }, GATHER_MS);
  }

  private async read(asked: ReadonlyMap<string, number>): Promise<void> {
    const { store, logger, onChanged, onGone } = this.options;
    try {
      const found = new Map((await store.find([...asked.keys()])).map((one) => [one._id, one]));
      if (this.stopped) return;
      for (const [id, looks] of asked) {
        const application = found.get(id);
        if (application === undefined) onGone(id);
        else {
          onChanged(application);
          if (application.operation?.state === 'IN_PROGRESS') this.askLater(id, looks);
        }
      }
    } catch (err) {
      logger.warn({ err }, 'applications not read; those who follow them find out later');
      for (const [id, looks] of asked) this.askLater(id, looks);
    }
  }

  private askLater(id: string, looks: number): void {
    const wait = LOOKS_MS[looks];
    if (wait === undefined || this.stopped) return;
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      // A newer operation has begun meanwhile.
      if (!this.waiting.has(id)) this.ask(id, looks + 1);
    }, wait);
    this.timers.add(timer);
  }
}
