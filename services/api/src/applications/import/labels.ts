import { problemsOf } from '@cetus/shared/applications';
import { LABEL_KEY, LABEL_VALUE, MAX_ITEMS, type ApplicationForm } from '@cetus/shared/schemas';
import type { Place } from './report.ts';
import { matches, nonEmpty } from './values.ts';

/** A label, and where it is from. */
export interface LabelFound {
  key: string;
  text: string;
  at: Place;
}

/** The labels that an application can have. Later ones take the place of earlier ones of the same name. */
export function labelsOf(found: readonly LabelFound[]): Record<string, string> | undefined {
  return read(found, isTaken);
}

/** Labels that nodes must have: those of the system, too. */
export function nodeLabelsOf(found: readonly LabelFound[]): Record<string, string> | undefined {
  return read(found, () => false);
}

function read(
  found: readonly LabelFound[],
  isRefused: (key: string) => boolean,
): Record<string, string> | undefined {
  const labels = new Map<string, string>();
  for (const { key, text, at } of found) {
    if (!matches({ pattern: LABEL_KEY }, key) || !matches({ pattern: LABEL_VALUE }, text))
      at.lost('It is not a label as Kubernetes takes them: 63 letters, digits, `-`, `_` and `.` at most.');
    else if (isRefused(key)) at.note('Cetus sets labels of this name itself, or they are for the system.');
    else if (labels.size >= MAX_ITEMS && !labels.has(key))
      at.lost(`There are at most ${String(MAX_ITEMS)} labels.`);
    else labels.set(key, text);
  }
  return nonEmpty(Object.fromEntries(labels));
}

/** Whether a key is not for applications to set: whoever judges forms says. */
function isTaken(key: string): boolean {
  const form: ApplicationForm = { kind: 'stateless', placements: [], containers: [], labels: { [key]: '' } };
  return problemsOf(form.kind, form, new Set()).some(({ field }) => field.startsWith('labels/'));
}
