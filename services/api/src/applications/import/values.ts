import { canonicalQuantity } from '@cetus/shared/applications';
import { Quantity } from '@cetus/shared/schemas';
import type { Place } from './report.ts';

/** Leaves out what is not there. */
export function given<T extends object>(fields: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

/** Undefined for what has nothing in it. */
export function nonEmpty<T extends object>(value: T): T | undefined {
  return Object.keys(value).length === 0 ? undefined : value;
}

/** Whether a text is one that the schema of a text takes. */
export function matches(schema: object, text: string): boolean {
  const { pattern, maxLength = Infinity } = schema as { pattern?: string; maxLength?: number };
  return [...text].length <= maxLength && (pattern === undefined || new RegExp(pattern, 'u').test(text));
}

const QUANTITY = Quantity('');

/** What Cetus takes as a quantity; undefined, and told of, for what it does not. */
export function quantity(text: string | undefined, at: Place): string | undefined {
  if (text === undefined) return undefined;
  const plain = text.trim();
  if (matches(QUANTITY, plain)) return canonicalQuantity(plain);
  at.lost('It is not an amount such as 500m, 1.5 or 256Mi.');
  return undefined;
}

/** Whole seconds, not less than this and not more than that. */
export function wholeSeconds(value: number, minimum: number, maximum: number, at: Place): number {
  const inside = Math.min(maximum, Math.max(minimum, Math.ceil(value)));
  if (inside !== value) at.changed(`It is ${String(inside)} seconds now.`);
  return inside;
}

/**
 * Keeps a text from being read as a reference to a variable where Kubernetes looks for such: `$(NAME)` stands for a value there, and
 * `$$` for one `$`.
 * Source: https://kubernetes.io/docs/tasks/inject-data-application/define-command-argument-container/
 */
export function literally(text: string): string {
  return text.replace(/\$(?=[$(])/g, '$$$$');
}
