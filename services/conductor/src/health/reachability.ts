import type { Condition } from '@cetus/shared/schemas';
import type { Trouble } from './trouble.ts';

type Said = Pick<Condition, 'status' | 'reason' | 'message'>;

/** A silence counts when it was broken into so often. */
const MIN_ATTEMPTS = 2;

/** Whether a cluster answers: `False` only when every attempt failed for a while, `True` at the first answer. */
export class Reachability {
  private readonly unreachableMs: number;
  private said: Said;
  private lastContact: number | null;
  private failing: { since: number; attempts: number; trouble: Trouble } | undefined;

  /**
   * @param before what was said last, by whatever process
   * @param lastContact when it last answered, in milliseconds
   */
  constructor(unreachableMs: number, before: Said | undefined, lastContact: number | null) {
    this.unreachableMs = unreachableMs;
    this.said =
      before === undefined
        ? { status: 'Unknown', reason: 'NotYetKnown', message: 'The cluster was not asked yet' }
        : { status: before.status, reason: before.reason, message: before.message };
    this.lastContact = lastContact;
  }

  /** When it last answered, in milliseconds; null: never. */
  get contactedAt(): number | null {
    return this.lastContact;
  }

  /** Whether something was asked in vain since. */
  get isFailing(): boolean {
    return this.failing !== undefined;
  }

  /** Whether it was said that it cannot be reached, and still is not. */
  get isGone(): boolean {
    return this.said.status === 'False';
  }

  /** It answered, as it should. */
  contact(now: number): void {
    this.lastContact = now;
    this.failing = undefined;
    this.said = { status: 'True', reason: 'Answered', message: 'The Kubernetes API answers' };
  }

  /** @param since when the attempt began */
  trouble(trouble: Trouble, since: number): void {
    // It is there, and it is it: only its answers are of no use.
    if (trouble.reason === 'CredentialsRefused') this.lastContact = Math.max(this.lastContact ?? 0, since);
    const { failing } = this;
    this.failing = { since: failing?.since ?? since, attempts: (failing?.attempts ?? 0) + 1, trouble };
  }

  /** What can be said now. */
  condition(now: number): Said {
    const { failing } = this;
    if (failing !== undefined) {
      const long = now - failing.since >= this.unreachableMs && failing.attempts >= MIN_ATTEMPTS;
      const certain = failing.trouble.reason === 'DifferentCluster';
      if (long || certain || this.said.status === 'False')
        this.said = { status: 'False', ...failing.trouble };
    }
    return this.said;
  }
}
