import assert from 'node:assert/strict';
import { HOST_ACCESS, problemsOf, type Problem } from '../../src/applications/index.ts';
import type { ApplicationForm, ApplicationKind, Container } from '../../src/schemas/index.ts';
import { formOf } from './forms.ts';

export const NOTHING: ReadonlySet<string> = new Set();
export const EVERYTHING: ReadonlySet<string> = new Set(HOST_ACCESS);

export const problems = (
  kind: ApplicationKind,
  more: Partial<ApplicationForm>,
  allowed = NOTHING,
): Problem[] => problemsOf(kind, formOf(kind, more), allowed);

export const fields = (kind: ApplicationKind, more: Partial<ApplicationForm>, allowed = NOTHING): string[] =>
  problems(kind, more, allowed).map(({ field }) => field);

export const web = (more: Partial<Container>): Partial<ApplicationForm> => ({
  containers: [{ name: 'web', image: 'web:1', ...more }],
});

/** What is wrong, by the fields that are named. */
export function refuses(cases: [ApplicationKind, Partial<ApplicationForm>, string[]][]): void {
  for (const [kind, more, expected] of cases)
    assert.deepEqual(fields(kind, more), expected, JSON.stringify([kind, more]));
}
