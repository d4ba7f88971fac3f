import { randomInt } from 'node:crypto';

export interface FaultOptions {
  /** How long processes are killed, in seconds. */
  seconds: number;
  clusters: number;
  /** The same seed gives the same order of victims and the same pauses. */
  seed: number;
  mode: 'all' | 'steps' | 'random';
  /** Steps whose names match it. */
  only: RegExp;
}

/** From FAULT_SECONDS, FAULT_CLUSTERS, SEED and the arguments: what to run, and which steps. */
export function faultOptions(env: NodeJS.ProcessEnv, args: readonly string[]): FaultOptions {
  const mode = args[0] ?? 'all';
  if (mode !== 'all' && mode !== 'steps' && mode !== 'random')
    throw new TypeError(`not a mode: ${mode}; all, steps or random`);
  return {
    seconds: whole('FAULT_SECONDS', env['FAULT_SECONDS'], 60),
    clusters: whole('FAULT_CLUSTERS', env['FAULT_CLUSTERS'], 50),
    seed: whole('SEED', env['SEED'], randomInt(2 ** 31)),
    mode,
    only: new RegExp(args[1] ?? ''),
  };
}

function whole(name: string, text: string | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text);
  if (!Number.isInteger(value) || value < 0)
    throw new TypeError(`${name} must be a whole number, not ${String(text)}`);
  return value;
}

/** Numbers in [0, 1) from a seed (mulberry32). Source: https://github.com/cprosche/mulberry32 */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
