/** Billionths: the smallest part that Kubernetes keeps of a quantity. */
const NANO = 1_000_000_000n;
const NANO_PER_MILLI = 1_000_000n;

const DECIMAL = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'] as const;
const BINARY = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'] as const;

/** What Kubernetes counts up to, in whole units. */
export const MAX_QUANTITY = 2n ** 63n - 1n;

type Format = 'decimal' | 'binary' | 'exponent';

interface Parsed {
  nano: bigint;
  format: Format;
}

/**
 * A quantity in billionths, exactly; what is finer is rounded up, as Kubernetes does. It is not negative, and has no upper bound but
 * the one of its digits: see {@link MAX_QUANTITY}.
 * Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
 * @throws RangeError when it is no quantity
 */
export function parseQuantity(text: string): bigint {
  return parse(text).nano;
}

/** In thousandths, rounded up: of processors what Kubernetes reckons with. @throws RangeError */
export function milliValue(text: string): bigint {
  return divideUp(parse(text).nano, NANO_PER_MILLI);
}

/** In whole units, rounded up: of memory bytes. @throws RangeError */
export function wholeValue(text: string): bigint {
  return divideUp(parse(text).nano, NANO);
}

/** Less than 0 when the first is smaller, 0 when both are as much. @throws RangeError */
export function compareQuantities(a: string, b: string): number {
  const [left, right] = [parseQuantity(a), parseQuantity(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Whether two values are the same amount, however they are written: `1` and `1000m`. What is no quantity is none. */
export function isSameQuantity(a: unknown, b: unknown): boolean {
  const [left, right] = [amountOf(a), amountOf(b)];
  return left !== undefined && left === right;
}

function amountOf(value: unknown): bigint | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  try {
    return parseQuantity(String(value));
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/**
 * A quantity as Kubernetes writes it, which it answers as it is: `1024Mi` is `1Gi`, `0.5` is `500m`. Thousandths are the finest, as in
 * what containers and volumes ask for.
 * @throws RangeError when it is no quantity
 */
export function canonicalQuantity(text: string): string {
  const { nano, format } = parse(text);
  const rounded = divideUp(nano, NANO_PER_MILLI) * NANO_PER_MILLI;
  if (format === 'binary' && rounded % NANO === 0n && rounded >= 1024n * NANO) {
    const [value, exponent] = reduce(rounded / NANO, 1024n, BINARY.length - 1);
    return `${String(value)}${BINARY[exponent] ?? ''}`;
  }
  if (rounded === 0n) return '0';
  if (format === 'exponent') {
    const [value, thousands] = reduce(rounded, 1000n, Number.POSITIVE_INFINITY);
    const exponent = 3 * thousands - 9;
    return `${String(value)}${exponent === 0 ? '' : `e${String(exponent)}`}`;
  }
  const [value, thousands] = reduce(rounded, 1000n, DECIMAL.length - 1);
  return `${String(value)}${DECIMAL[thousands] ?? ''}`;
}

function parse(text: string): Parsed {
  const match = /^(\d+)(?:\.(\d*))?(?:[eE]([+-]?\d{1,2})|([numkMGTPE]|[KMGTPE]i)?)$/.exec(text);
  if (match === null) throw new RangeError('not a quantity');
  const [, whole = '', fraction = '', exponent, suffix = ''] = match;
  const digits = BigInt(whole + fraction);
  const parts = 10n ** BigInt(fraction.length);
  const binary = suffix === '' ? -1 : BINARY.indexOf(suffix as (typeof BINARY)[number]);
  if (binary > 0) return { nano: divideUp(digits * NANO * 1024n ** BigInt(binary), parts), format: 'binary' };
  if (exponent !== undefined) {
    const tens = Number(exponent);
    const [up, down] = [10n ** BigInt(Math.max(tens, 0)), 10n ** BigInt(Math.max(-tens, 0))];
    return { nano: divideUp(digits * NANO * up, parts * down), format: 'exponent' };
  }
  const thousands = DECIMAL.indexOf(suffix as (typeof DECIMAL)[number]);
  return { nano: divideUp(digits * 1000n ** BigInt(thousands), parts), format: 'decimal' };
}

/** Takes a factor out as often as it is in, at most so often. */
function reduce(value: bigint, factor: bigint, most: number): [value: bigint, times: number] {
  let [rest, times] = [value, 0];
  while (times < most && rest !== 0n && rest % factor === 0n) [rest, times] = [rest / factor, times + 1];
  return [rest, times];
}

function divideUp(value: bigint, divisor: bigint): bigint {
  return (value + divisor - 1n) / divisor;
}
