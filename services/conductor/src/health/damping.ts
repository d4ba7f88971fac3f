import type { Condition } from '@cetus/shared/schemas';

type Status = Condition['status'];

export interface DampingOptions {
  /** How long it must be bad before it is said so, in milliseconds. */
  badMs: number;
  /** How long it must be good after it was bad, in milliseconds. */
  goodMs: number;
}

/** The status of a condition that does not follow every blink. */
export class Damping {
  private readonly options: DampingOptions;
  private status: Status;
  private turning: { to: 'True' | 'False'; since: number } | undefined;

  /** @param status what was said last, by whatever process */
  constructor(status: Status, options: DampingOptions) {
    this.status = status;
    this.options = options;
  }

  /** What can be said now that this was found; `Unknown` at once when nothing could be. */
  say(found: Status, now: number): Status {
    if (found === 'Unknown' || found === this.status) {
      this.turning = undefined;
      this.status = found;
      return found;
    }
    if (this.turning?.to !== found) this.turning = { to: found, since: now };
    if (now - this.turning.since >= this.waitMs(found)) {
      this.status = found;
      this.turning = undefined;
    }
    return this.status;
  }

  private waitMs(to: 'True' | 'False'): number {
    if (to === 'False') return this.options.badMs;
    return this.status === 'Unknown' ? 0 : this.options.goodMs;
  }
}
