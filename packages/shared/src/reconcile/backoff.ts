/** Full jitter: anything between half and all of an exponentially growing delay. All in milliseconds. */
export interface BackoffOptions {
  initialMs: number;
  maxMs: number;
}

export const DEFAULT_BACKOFF: BackoffOptions = { initialMs: 1_000, maxMs: 60_000 };

/**
 * How long to wait before the next attempt, in milliseconds.
 * @param attempts failed attempts in a row so far, at least 1
 * @param random a number in [0, 1)
 */
export function backoff(
  attempts: number,
  options: BackoffOptions = DEFAULT_BACKOFF,
  random = Math.random(),
): number {
  // 2^30 times the initial delay is beyond any maximum; larger exponents would overflow.
  const ceiling = Math.min(options.maxMs, options.initialMs * 2 ** Math.min(attempts - 1, 30));
  return Math.round(ceiling / 2 + (ceiling / 2) * random);
}
