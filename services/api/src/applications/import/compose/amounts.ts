import { canonicalQuantity } from '@cetus/shared/applications';
import type { Place } from '../report.ts';
import { quantity, wholeSeconds } from '../values.ts';

const UNIT_SECONDS: Readonly<Record<string, number>> = {
  ns: 1e-9,
  us: 1e-6,
  µs: 1e-6,
  ms: 1e-3,
  s: 1,
  m: 60,
  h: 3_600,
  d: 86_400,
};

/**
 * Seconds of a duration as Compose writes it: `1m30s`. Undefined, and told of, for anything else.
 * Source: https://github.com/compose-spec/compose-spec/blob/main/11-extension.md#specifying-durations
 */
function duration(text: string | undefined, at: Place): number | undefined {
  if (text === undefined) return undefined;
  const plain = text.trim().slice(0, 64);
  if (plain === '0') return 0;
  if (!/^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h|d))+$/.test(plain)) {
    at.lost('It is not a duration such as 1m30s.');
    return undefined;
  }
  let sum = 0;
  for (const [, number = '', unit = ''] of plain.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d)/g))
    sum += Number(number) * (UNIT_SECONDS[unit] ?? 0);
  return sum;
}

/** The same in whole seconds, within bounds. */
export function durationSeconds(
  text: string | undefined,
  minimum: number,
  at: Place,
  maximum = 86_400,
): number | undefined {
  const found = duration(text, at);
  return found === undefined ? undefined : wholeSeconds(found, minimum, maximum, at);
}

const UNIT_EXPONENTS = ['b', 'k', 'm', 'g', 't', 'p'];

/**
 * A quantity of a number of bytes as Compose writes it: `512m` is 512 MiB. Undefined, and told of, for anything else; also for 0, which
 * says that there is no limit.
 * Source: https://github.com/compose-spec/compose-spec/blob/main/11-extension.md#specifying-byte-values
 */
export function byteQuantity(text: string | undefined, at: Place): string | undefined {
  if (text === undefined) return undefined;
  const match = /^(\d{1,15})(?:\.(\d{1,9}))?\s*([bkmgtp]?)(?:i?b)?$/i.exec(text.trim());
  if (match === null) {
    at.lost('It is not a number of bytes such as 512m.');
    return undefined;
  }
  const [, whole = '0', fraction = '', unit = ''] = match;
  const exponent = Math.max(0, UNIT_EXPONENTS.indexOf(unit.toLowerCase()));
  const parts = 10n ** BigInt(fraction.length);
  const bytes = (BigInt(whole + fraction) * 1024n ** BigInt(exponent) + parts - 1n) / parts;
  if (bytes === 0n) return undefined;
  if (bytes >= 10n ** 18n) {
    at.lost('It is more than can be counted.');
    return undefined;
  }
  return canonicalQuantity(bytes % 1024n === 0n ? `${String(bytes / 1024n)}Ki` : String(bytes));
}

/** A quantity of processors; 0 says that there is no limit. */
export function cpuQuantity(text: string | undefined, at: Place): string | undefined {
  const found = quantity(text, at);
  return found === '0' ? undefined : found;
}
