import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { AuthError, IdentityUnavailableError } from './auth-error.ts';
import type { TokenInfo, TokenValidator } from './token-validator.ts';

export interface TokenCacheOptions {
  /** How many good tokens are kept, the least recently used forgotten first. Default 10,000. */
  max?: number;
  /** How many bad ones, apart from the good ones so that a flood of them forgets none. Default 10,000. */
  negativeMax?: number;
  /** How long a good token is believed without asking again, in seconds: how late a revocation is seen. Default 60. */
  ttlSeconds?: number;
  /** The same for a bad one. Default 10. */
  negativeTtlSeconds?: number;
  /** How much longer a good token is believed while Keystone cannot be asked, in seconds. Default 0. */
  graceSeconds?: number;
  /** How many questions are asked at once. Default 32. */
  concurrency?: number;
  /** How many more wait for their turn; past it a new token is answered with `identity_unavailable`. Default 1,000. */
  queueMax?: number;
  /** For one question, in milliseconds, its waiting included. Default 10,000. */
  timeoutMs?: number;
  /** The clock, in milliseconds since 1970. */
  now?: () => number;
}

export interface TokenCache {
  /**
   * What the token is for.
   *
   * @param signal stops waiting for the answer; others that wait for the same token are not disturbed.
   * @throws AuthError `unauthenticated`; IdentityUnavailableError when the token is not in the cache and cannot be asked for.
   */
  validate(token: string, signal?: AbortSignal): Promise<TokenInfo>;
  /** Forgets a token, such as one that a back end has just refused. */
  forget(token: string): void;
  /** For metrics. */
  readonly size: { good: number; bad: number; asking: number; waiting: number };
}

/** Longer than any token that Keystone issues, shorter than what would be work to hash: Fernet's are below 300 characters. */
const MAX_TOKEN_LENGTH = 8_192;
const TOKEN = /^[\x21-\x7e]+$/;

interface GoodToken {
  info: TokenInfo;
  /** Asked for again after this. */
  freshUntil: number;
  /** Never believed after this. */
  usableUntil: number;
}

/**
 * A cache in front of a validator, so that a burst of requests with one token asks Keystone once, and Keystone's absence is
 * felt by new tokens only. Tokens are kept as hashes, never as they are.
 */
export function createTokenCache(validator: TokenValidator, options: TokenCacheOptions = {}): TokenCache {
  return new BoundedTokenCache(validator, options);
}

class BoundedTokenCache implements TokenCache {
  readonly #validator: TokenValidator;
  readonly #good: LRUCache<string, GoodToken>;
  readonly #bad: LRUCache<string, number>;
  readonly #flights = new Map<string, Promise<TokenInfo | null>>();
  readonly #options: Required<TokenCacheOptions>;
  readonly #waiting: (() => void)[] = [];
  #asking = 0;

  constructor(validator: TokenValidator, options: TokenCacheOptions) {
    this.#validator = validator;
    this.#options = {
      max: 10_000,
      negativeMax: 10_000,
      ttlSeconds: 60,
      negativeTtlSeconds: 10,
      graceSeconds: 0,
      concurrency: 32,
      queueMax: 1_000,
      timeoutMs: 10_000,
      now: Date.now,
      ...options,
    };
    this.#good = new LRUCache({ max: this.#options.max });
    this.#bad = new LRUCache({ max: this.#options.negativeMax });
  }

  get size() {
    return {
      good: this.#good.size,
      bad: this.#bad.size,
      asking: this.#asking,
      waiting: this.#waiting.length,
    };
  }

  async validate(token: string, signal?: AbortSignal): Promise<TokenInfo> {
    if (token.length === 0 || token.length > MAX_TOKEN_LENGTH || !TOKEN.test(token)) throw refused();
    const key = keyOf(token);
    const now = this.#options.now();
    const good = this.#good.get(key);
    if (good && now < good.freshUntil) return good.info;
    const badUntil = this.#bad.get(key);
    if (badUntil !== undefined && now < badUntil) throw refused();

    let info: TokenInfo | null;
    try {
      info = await abortable(this.#flight(key, token), signal);
    } catch (error) {
      if (!(error instanceof IdentityUnavailableError)) throw error;
      if (good && this.#options.now() < good.usableUntil) return good.info;
      throw error;
    }
    if (!info) throw refused();
    return info;
  }

  forget(token: string): void {
    const key = keyOf(token);
    this.#good.delete(key);
    this.#bad.delete(key);
    // An answer that is on its way may be from before: it is not kept.
    this.#flights.delete(key);
  }

  #flight(key: string, token: string): Promise<TokenInfo | null> {
    const existing = this.#flights.get(key);
    if (existing) return existing;
    const flight: Promise<TokenInfo | null> = this.#ask(token).then(
      (info) => {
        if (this.#flights.get(key) !== flight) return info;
        this.#flights.delete(key);
        return this.#remember(key, info);
      },
      (error: unknown) => {
        if (this.#flights.get(key) === flight) this.#flights.delete(key);
        throw error;
      },
    );
    this.#flights.set(key, flight);
    return flight;
  }

  #remember(key: string, found: TokenInfo | null): TokenInfo | null {
    const { ttlSeconds, negativeTtlSeconds, graceSeconds } = this.#options;
    const now = this.#options.now();
    if (!found || found.expiresAt.getTime() <= now) {
      this.#good.delete(key);
      this.#bad.set(key, now + negativeTtlSeconds * 1_000);
      return null;
    }
    const expiresAt = found.expiresAt.getTime();
    const info = Object.freeze({ ...found, roles: Object.freeze([...found.roles]) });
    this.#bad.delete(key);
    this.#good.set(key, {
      info,
      freshUntil: Math.min(expiresAt, now + ttlSeconds * 1_000),
      usableUntil: Math.min(expiresAt, now + (ttlSeconds + graceSeconds) * 1_000),
    });
    return info;
  }

  async #ask(token: string): Promise<TokenInfo | null> {
    const signal = AbortSignal.timeout(this.#options.timeoutMs);
    await this.#turn(signal);
    try {
      return await abortable(this.#validator.validateToken(token, signal), signal);
    } catch (cause) {
      throw unavailable(
        signal.aborted ? 'Keystone did not answer in time.' : 'Keystone cannot be asked.',
        cause,
      );
    } finally {
      const next = this.#waiting.shift();
      // The turn is handed on; only when nobody waits does it end.
      if (next) next();
      else this.#asking -= 1;
    }
  }

  /** Waits until fewer than `concurrency` questions are being asked. */
  async #turn(signal: AbortSignal): Promise<void> {
    if (this.#asking < this.#options.concurrency) {
      this.#asking += 1;
      return;
    }
    if (this.#waiting.length >= this.#options.queueMax) {
      throw unavailable('Too many unknown tokens are waiting for Keystone.', undefined);
    }
    await new Promise<void>((resolve, reject) => {
      const go = (): void => {
        signal.removeEventListener('abort', giveUp);
        resolve();
      };
      const giveUp = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(go), 1);
        reject(unavailable('Keystone did not answer in time.', signal.reason));
      };
      signal.addEventListener('abort', giveUp, { once: true });
      this.#waiting.push(go);
    });
  }
}

function keyOf(token: string): string {
  return createHash('sha256').update(token).digest('base64');
}

function refused(): AuthError {
  return new AuthError('unauthenticated', 'The token is not valid; ask Keystone for a new one.');
}

function unavailable(message: string, cause: unknown): IdentityUnavailableError {
  return new IdentityUnavailableError(message, cause === undefined ? undefined : { cause });
}

/** Waits for a promise until the signal is aborted; the promise itself goes on. */
async function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () =>
      reject(signal.reason instanceof Error ? signal.reason : new Error('aborted', { cause: signal.reason }));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    if (onAbort) signal.removeEventListener('abort', onAbort);
  }
}
