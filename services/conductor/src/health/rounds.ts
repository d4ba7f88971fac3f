export interface RoundsOptions {
  /** One round; it must not throw. */
  run: () => Promise<void>;
  /** How long after a round the next one follows at the latest, in milliseconds; a tenth more or less, so that processes do not keep step. */
  everyMs: number;
}

/** Does something again and again, and earlier when it is told to: one round after the other, never two at once. */
export class Rounds {
  private readonly options: RoundsOptions;
  private running: Promise<void> = Promise.resolve();
  private timer: NodeJS.Timeout | undefined;
  /** When the timer ends, by the clock that only goes forward. */
  private nextAt = Number.POSITIVE_INFINITY;
  private stopped = false;

  constructor(options: RoundsOptions) {
    this.options = options;
  }

  /** A round begins in so many milliseconds, or earlier when one is due then, or when the one that goes on has ended. */
  within(ms: number): void {
    const at = performance.now() + ms;
    if (this.stopped || at >= this.nextAt) return;
    clearTimeout(this.timer);
    this.nextAt = at;
    this.timer = setTimeout(() => {
      this.nextAt = Number.POSITIVE_INFINITY;
      this.running = this.running.then(() => this.round());
    }, ms);
  }

  /** No round begins any more; waits for the one that goes on. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.running;
  }

  private async round(): Promise<void> {
    if (this.stopped) return;
    await this.options.run();
    this.within(this.options.everyMs * (0.9 + Math.random() * 0.2));
  }
}
