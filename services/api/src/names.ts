import { randomInt } from 'node:crypto';

// Source of the words: the Greek alphabet, as in Magnum's generator.
const LETTERS = [
  'alpha', 'beta', 'gamma', 'delta', 'epsilon', 'zeta', 'eta', 'theta', 'iota', 'kappa', 'lambda', 'mu',
  'nu', 'xi', 'omicron', 'pi', 'rho', 'sigma', 'tau', 'upsilon', 'phi', 'chi', 'psi', 'omega',
] as const; // prettier-ignore

/** A name for what was given none, such as `zeta-22-cluster`. Names need not be unique. */
export function makeUpName(kind: 'cluster' | 'template'): string {
  return `${LETTERS[randomInt(LETTERS.length)] ?? 'alpha'}-${randomInt(1, 100_000)}-${kind}`;
}
