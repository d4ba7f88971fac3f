/**
 * Spreads the polling of many stacks over time: each one is looked at about once a second while they are few, and less often the more
 * there are, so that Heat gets a bounded number of requests a second from this process.
 */
export class PollBudget {
  private readonly intervalMs: number;
  private readonly spacingMs: number;
  private last = 0;

  /**
   * @param intervalMs the shortest time between two looks at one stack, in milliseconds
   * @param pollsPerSecond the most looks a second, over all stacks
   */
  constructor(intervalMs: number, pollsPerSecond: number) {
    this.intervalMs = intervalMs;
    this.spacingMs = 1000 / pollsPerSecond;
  }

  /** How long to wait before the next look at a stack, in milliseconds; takes the place. */
  next(now = Date.now()): number {
    this.last = Math.max(now + this.intervalMs, this.last + this.spacingMs);
    return this.last - now;
  }
}
