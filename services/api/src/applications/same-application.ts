import { CetusError } from '@cetus/shared/errors';
import type { ApplicationForm, ApplicationReplace, StoredApplication } from '@cetus/shared/schemas';

/**
 * The form of a request that may name the application: the name and the kind must be its own.
 * @throws CetusError `invalid_field`
 */
export function ofSame(
  { name, spec: { kind } }: Pick<StoredApplication, 'name' | 'spec'>,
  { name: otherName = name, kind: otherKind = kind, ...form }: ApplicationReplace,
): ApplicationForm {
  if (otherName !== name) throw fixed('name', name);
  if (otherKind !== kind) throw fixed('kind', kind);
  return { ...form, kind };
}

function fixed(field: string, value: string): CetusError {
  return new CetusError('invalid_field', `The ${field} of the application is ${value}, and stays so`, {
    field,
  });
}
