import { problemsOf } from '@cetus/shared/applications';
import { CetusError } from '@cetus/shared/errors';
import type { ApplicationForm } from '@cetus/shared/schemas';
import type { AppConfig } from '../config.ts';

/**
 * Refuses a form whose fields do not go together, or that asks for more than the site allows.
 * @throws CetusError naming the field
 */
export function checkForm(
  { CETUS_APPLICATION_HOST_ACCESS: access }: Pick<AppConfig, 'CETUS_APPLICATION_HOST_ACCESS'>,
  form: ApplicationForm,
): void {
  const allowed = new Set(access.split(','));
  const [problem] = problemsOf(form.kind, form, allowed);
  if (problem !== undefined) throw new CetusError(problem.code, problem.detail, { field: problem.field });
}
