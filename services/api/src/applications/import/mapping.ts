import type { ImportSeverity } from '@cetus/shared/schemas';
import type { Place } from './report.ts';

export type Fields = Record<string, unknown>;

/** Fields that are told of, whatever they hold. */
export type Told = Readonly<Record<string, readonly [severity: ImportSeverity, message: string]>>;

/** What a reader of a list gets. */
export interface Item {
  value: unknown;
  at: Place;
}

/**
 * A mapping of a document. What is read of it is remembered, so that the rest can be told of: nothing is left out in silence. What is of
 * another type than it is asked for is told of and counts as absent, as does null.
 */
export class Mapping {
  readonly at: Place;
  private readonly fields: Fields;
  private readonly known = new Set<string>();

  constructor(fields: Fields, at: Place) {
    this.fields = fields;
    this.at = at;
  }

  /** Whether there is something; nothing counts as read. */
  has(key: string): boolean {
    return this.look(key) !== undefined;
  }

  /** Any value; undefined for null. */
  any(key: string): unknown {
    this.known.add(key);
    return this.look(key);
  }

  /** A text; numbers and booleans are taken as texts. */
  text(key: string): string | undefined {
    const value = this.any(key);
    const text = textOf(value);
    if (value !== undefined && text === undefined) this.at.in(key).lost('It must be a text.');
    return text;
  }

  /** A whole number, also as a text; what is outside of the bounds is brought inside, and told of. */
  integer(key: string, minimum: number, maximum: number): number | undefined {
    const value = this.any(key);
    if (value === undefined) return undefined;
    const number = typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : value;
    if (typeof number !== 'number' || !Number.isInteger(number)) {
      this.at.in(key).lost('It must be a whole number.');
      return undefined;
    }
    const inside = Math.min(maximum, Math.max(minimum, number));
    if (inside !== number)
      this.at
        .in(key)
        .changed(`It must be from ${String(minimum)} to ${String(maximum)}, and is ${String(inside)} now.`);
    return inside;
  }

  /** A boolean, also as a text. */
  flag(key: string): boolean | undefined {
    const value = this.any(key);
    if (value === undefined || typeof value === 'boolean') return value;
    if (typeof value === 'string' && /^(true|yes|on|false|no|off)$/i.test(value))
      return /^(true|yes|on)$/i.test(value);
    this.at.in(key).lost('It must be true or false.');
    return undefined;
  }

  mapping(key: string): Mapping | undefined {
    const value = this.any(key);
    if (isFields(value)) return new Mapping(value, this.at.in(key));
    if (value !== undefined) this.at.in(key).lost('It must be a mapping.');
    return undefined;
  }

  /** The items of a list. */
  list(key: string): Item[] {
    const value = this.any(key);
    if (Array.isArray(value))
      return value.map((item: unknown, index) => ({ value: item ?? undefined, at: this.at.in(key, index) }));
    if (value !== undefined) this.at.in(key).lost('It must be a list.');
    return [];
  }

  /** The mappings of a list. */
  mappings(key: string): Mapping[] {
    return this.list(key).flatMap(({ value, at }) => {
      if (isFields(value)) return [new Mapping(value, at)];
      at.lost('It must be a mapping.');
      return [];
    });
  }

  /** The texts of a list. */
  texts(key: string): string[] {
    return this.list(key).flatMap(({ value, at }) => {
      const text = textOf(value);
      if (text === undefined) at.lost('It must be a text.');
      return text ?? [];
    });
  }

  /** The fields of a mapping whose keys are what somebody made up. All count as read. */
  entries(): { key: string; value: unknown; at: Place }[] {
    return Object.entries(this.fields).flatMap(([key, value]) => {
      this.known.add(key);
      const at = this.at.in(key);
      // It is a name that can be read as something else, and nothing else's.
      if (key !== '__proto__') return [{ key, value: value ?? undefined, at }];
      at.lost('This name is not possible.');
      return [];
    });
  }

  /** The texts of a mapping whose keys are what somebody made up. */
  textEntries(): { key: string; text: string; at: Place }[] {
    return this.entries().flatMap(({ key, value, at }) => {
      const text = textOf(value);
      if (text !== undefined) return [{ key, text, at }];
      at.lost('It must be a text.');
      return [];
    });
  }

  /** Fields that need no word. */
  silent(...keys: string[]): void {
    for (const key of keys) this.known.add(key);
  }

  /** Fields that are as they would be anyway, and need no word then. */
  usual(defaults: Fields): void {
    for (const [key, value] of Object.entries(defaults)) if (this.look(key) === value) this.known.add(key);
  }

  /** Tells of fields that cannot be carried over. Empty ones say nothing. */
  tell(told: Told): void {
    for (const [key, [severity, message]] of Object.entries(told)) {
      if (this.known.has(key)) continue;
      const value = this.any(key);
      if (!isEmpty(value)) this.at.in(key).say(severity, message);
    }
  }

  /** Tells of all that was not read. */
  rest(message = 'It is not carried over.'): void {
    for (const key of Object.keys(this.fields))
      if (!this.known.has(key) && !isEmpty(this.fields[key])) this.at.in(key).lost(message);
  }

  private look(key: string): unknown {
    return Object.hasOwn(this.fields, key) ? (this.fields[key] ?? undefined) : undefined;
  }
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A text, a number or a boolean as a text. */
export function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value.toWellFormed();
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === '') return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}
