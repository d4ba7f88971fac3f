/** Between two reports, in milliseconds. Source: oslo.service's periodic tasks, of which one is the report. */
const INTERVAL_MS = 60_000;

/** What Magnum's conductor reports of itself: that it works, when it comes up and then once a minute. */
export class Heartbeat {
  /** Since when it works; null while it does not. Milliseconds since the epoch. */
  #since: number | null;
  #last: number;
  #count = 0;

  constructor(now = Date.now()) {
    this.#since = now;
    this.#last = now;
  }

  /** It comes up, or goes down. */
  set(isUp: boolean, now = Date.now()): void {
    if (isUp === (this.#since !== null)) return;
    if (isUp) {
      this.#since = now;
      return;
    }
    const { at, count } = this.last(now);
    this.#last = at;
    this.#count = count;
    this.#since = null;
  }

  /** The last report, and the how manieth it was. */
  last(now = Date.now()): { at: number; count: number } {
    if (this.#since === null) return { at: this.#last, count: this.#count };
    const more = Math.floor((now - this.#since) / INTERVAL_MS);
    return { at: this.#since + more * INTERVAL_MS, count: this.#count + 1 + more };
  }
}
