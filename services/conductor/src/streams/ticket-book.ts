import { createHash, randomBytes } from 'node:crypto';

const TOKEN_BYTES = 32;

interface Entry<T> {
  value: T;
  /** Milliseconds since 1970. */
  until: number;
}

/** Tickets that were given out and not used yet: each is good once, for a short time. Only the hashes of their tokens are kept. */
export class TicketBook<T> {
  readonly #lifetimeMs: number;
  readonly #forgotten: (value: T) => void;
  /** By the hash of the token; all live equally long, so the first is the oldest. */
  readonly #entries = new Map<string, Entry<T>>();
  #sweep: NodeJS.Timeout | undefined;

  /** @param forgotten is told of each that nobody used in time */
  constructor(lifetimeMs: number, forgotten: (value: T) => void) {
    this.#lifetimeMs = lifetimeMs;
    this.#forgotten = forgotten;
  }

  get size(): number {
    return this.#entries.size;
  }

  issue(value: T): { token: string; expiresAt: Date } {
    const token = randomBytes(TOKEN_BYTES).toString('base64url');
    const until = Date.now() + this.#lifetimeMs;
    this.#entries.set(hashOf(token), { value, until });
    this.#sweepLater();
    return { token, expiresAt: new Date(until) };
  }

  /** What a ticket is for; undefined for one that there is not, that was used or is too old. */
  redeem(token: string): T | undefined {
    const hash = hashOf(token);
    const entry = this.#entries.get(hash);
    if (entry === undefined) return undefined;
    this.#entries.delete(hash);
    if (entry.until > Date.now()) return entry.value;
    this.#forgotten(entry.value);
    return undefined;
  }

  /** Forgets all. */
  close(): void {
    clearTimeout(this.#sweep);
    for (const { value } of this.#entries.values()) this.#forgotten(value);
    this.#entries.clear();
  }

  #sweepLater(): void {
    const [first] = this.#entries.values();
    if (first === undefined || this.#sweep !== undefined) return;
    this.#sweep = setTimeout(() => this.#sweepNow(), Math.max(1, first.until - Date.now()));
  }

  #sweepNow(): void {
    this.#sweep = undefined;
    const now = Date.now();
    for (const [hash, { value, until }] of this.#entries) {
      if (until > now) break;
      this.#entries.delete(hash);
      this.#forgotten(value);
    }
    this.#sweepLater();
  }
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('base64');
}
