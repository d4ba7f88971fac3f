import { createHash, randomBytes, randomInt } from 'node:crypto';

/** An id that is the same on every start: 32 hex digits, as Keystone's. */
export function stableHexId(seed: string): string {
  return createHash('sha256').update(`simcloud/${seed}`).digest('hex').slice(0, 32);
}

/** The same as a UUID. */
export function stableUuid(seed: string): string {
  const hex = stableHexId(seed);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `5${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20),
  ].join('-');
}

/** A random id of 32 hex digits. */
export function hexId(): string {
  return randomBytes(16).toString('hex');
}

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';

/** Twelve random lower-case characters, as at the end of Heat's physical names. */
export function shortId(): string {
  return Array.from(randomBytes(12), (byte) => ALPHABET[byte & 31]).join('');
}

/** An address that belongs to an id, in one of ten networks 127.x.0.0/16, so nothing that follows it leaves the machine. */
export function addressOf(id: string, firstNet: number): string {
  const [a = 0, b = 0, c = 0] = createHash('sha1').update(id).digest();
  return `127.${String(firstNet + (c % 10))}.${String(a)}.${String(1 + (b % 254))}`;
}

/** A random address of this machine, one of 6 million, so that simulated clouds beside each other do not meet. */
export function randomAddress(): string {
  return ['127', randomInt(160, 255), randomInt(0, 256), randomInt(1, 255)].join('.');
}
