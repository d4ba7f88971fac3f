import { problemsOf, type Problem } from '@cetus/shared/applications';
import { CetusError } from '@cetus/shared/errors';
import type { ApplicationForm } from '@cetus/shared/schemas';
import type { AppConfig } from '../config.ts';

/** What is wrong with a form: fields that do not go together, and what the site does not allow. */
export function formProblems(
  { CETUS_APPLICATION_HOST_ACCESS: access }: Pick<AppConfig, 'CETUS_APPLICATION_HOST_ACCESS'>,
  form: ApplicationForm,
): Problem[] {
  return problemsOf(form.kind, form, new Set(access.split(',')));
}

/**
 * Refuses a form whose fields do not go together, or that asks for more than the site allows.
 * @throws CetusError naming the field
 */
export function checkForm(
  config: Pick<AppConfig, 'CETUS_APPLICATION_HOST_ACCESS'>,
  form: ApplicationForm,
): void {
  const [problem] = formProblems(config, form);
  if (problem !== undefined) throw new CetusError(problem.code, problem.detail, { field: problem.field });
}
