import { randomInt } from 'node:crypto';

const WORDS = [
  ...[
    'alpha',
    'beta',
    'gamma',
    'delta',
    'epsilon',
    'zeta',
    'eta',
    'theta',
    'iota',
    'kappa',
    'lambda',
    'mu',
    'nu',
  ],
  ...['xi', 'omicron', 'pi', 'rho', 'sigma', 'tau', 'upsilon', 'phi', 'chi', 'psi', 'omega'],
];

/** A name for what is given none, e.g. `rho-9`. */
export function randomName(): string {
  return `${WORDS[randomInt(WORDS.length)] ?? 'rho'}-${String(randomInt(1, 25))}`;
}
