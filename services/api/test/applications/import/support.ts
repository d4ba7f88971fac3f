import { strict as assert } from 'node:assert';
import { problemsOf } from '@cetus/shared/applications';
import { ApplicationCreate, type ApplicationImport, type ImportReportItem } from '@cetus/shared/schemas';
import { convert } from '../../../src/applications/import/convert.ts';
import type { Conversion } from '../../../src/applications/import/converted.ts';
import { compileBody, fieldErrors } from '../../../src/http/validation.ts';

const isForm = compileBody<ApplicationCreate>(ApplicationCreate);

/** Converts a text for one cluster. */
export function converted(content: string, options: Partial<ApplicationImport> = {}): Conversion {
  return convert({ format: 'auto', placements: [{ cluster: 'prod' }], ...options, content });
}

/** What is wrong with a form, by its schema and by the rules across its fields. */
export function wrongWith(form: ApplicationCreate): unknown[] {
  if (!isForm(form)) return fieldErrors(isForm.errors ?? [], 'body');
  const { name: _name, ...rest } = form;
  return problemsOf(form.kind, rest, new Set());
}

/** The forms by name, after a check that each could be accepted. */
export function goodForms({ applications }: Conversion): Record<string, ApplicationCreate> {
  for (const { source, form } of applications) assert.deepEqual(wrongWith(form), [], source);
  return Object.fromEntries(applications.map(({ form }) => [form.name, form]));
}

/** A report as lines: `lost services/web build`. */
export function lines(report: readonly ImportReportItem[]): string[] {
  return report.map(({ severity, source, path }) => `${severity} ${source} ${path}`.trim());
}
