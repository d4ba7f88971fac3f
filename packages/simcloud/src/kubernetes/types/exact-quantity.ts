/** An amount that sums are made of: exact, and with the notation in which Kubernetes shows it. */
export interface Quantity {
  /** Billionths. */
  amount: bigint;
  /** Shown in powers of 1024. */
  isBinary: boolean;
}

const BILLION = 10n ** 9n;
const DECIMAL = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'];
const BINARY = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const FORM = /^([+-]?)(?=\.?\d)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,2})|([numkMGTPE]|[KMGTPE]i)?)$/;

export const NONE: Quantity = { amount: 0n, isBinary: false };

/** Reads a quantity such as `500m` or `2Gi`; undefined when it is none. */
export function readQuantity(value: unknown): Quantity | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  const match = FORM.exec(String(value));
  if (match === null) return undefined;
  const [, sign, whole = '', fraction = '', exponent = '0', suffix = ''] = match;
  const isBinary = suffix.endsWith('i');
  const unit = isBinary
    ? 1024n ** BigInt(BINARY.indexOf(suffix)) * BILLION
    : 1000n ** BigInt(DECIMAL.indexOf(suffix));
  const power = Number(exponent) - fraction.length;
  const digits = BigInt(`${whole}${fraction}`) * unit;
  const size = power >= 0 ? digits * 10n ** BigInt(power) : roundUp(digits, 10n ** BigInt(-power));
  return { amount: sign === '-' ? -size : size, isBinary };
}

function roundUp(dividend: bigint, divisor: bigint): bigint {
  return (dividend + divisor - 1n) / divisor;
}

/** The sum, in the notation of the first that is not zero. */
export function sum(a: Quantity, b: Quantity): Quantity {
  return { amount: a.amount + b.amount, isBinary: a.amount === 0n ? b.isBinary : a.isBinary };
}

export function larger(a: Quantity, b: Quantity): Quantity {
  return b.amount > a.amount ? b : a;
}

/** As Kubernetes writes it: the largest unit without a fraction. */
export function quantityText({ amount, isBinary }: Quantity): string {
  if (amount === 0n) return '0';
  const isLarge = amount >= 1024n * BILLION || amount <= -1024n * BILLION;
  if (isBinary && isLarge && amount % BILLION === 0n) return scaled(amount / BILLION, 1024n, BINARY);
  return scaled(amount, 1000n, DECIMAL);
}

function scaled(amount: bigint, step: bigint, units: readonly string[]): string {
  let rest = amount;
  let unit = 0;
  while (unit < units.length - 1 && rest % step === 0n) {
    rest /= step;
    unit += 1;
  }
  return `${String(rest)}${units[unit] ?? ''}`;
}
