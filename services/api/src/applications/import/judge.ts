import type { ErrorCode } from '@cetus/shared/errors';
import { ApplicationCreate } from '@cetus/shared/schemas';
import { scopeOf } from '@cetus/shared/store';
import type { ApiDeps } from '../../deps.ts';
import { compileBody, fieldErrors } from '../../http/validation.ts';
import { formProblems } from '../check.ts';
import { APPLICATION_BODY_BYTES, isTooLarge } from '../limits.ts';
import type { Converted } from './converted.ts';

/** Why a form could not become an application. */
export interface FormProblem {
  code: ErrorCode;
  field: string;
  detail: string;
}

const isForm = compileBody<ApplicationCreate>(ApplicationCreate);

/**
 * All that is wrong with a form, as creating the application would say it, placements aside; and its name, if the project has it
 * already. Nothing is sealed, nothing is written.
 * @throws CetusError `store_unavailable`
 */
export async function problemsWith(
  { applications, config }: Pick<ApiDeps, 'applications' | 'config'>,
  projectId: string,
  { form }: Converted,
): Promise<FormProblem[]> {
  if (!isForm(form)) return fieldErrors(isForm.errors ?? [], 'body');
  const { name } = form;
  const isTaken = await applications.exists(scopeOf({ projectId }), { name });
  const detail = `name is taken: the project has an application named ${name}`;
  return [
    ...formProblems(config, form),
    ...secretProblems(form),
    ...(isTooLarge(form) ? [TOO_LARGE] : []),
    ...(isTaken ? [{ code: 'conflict' as const, field: 'name', detail }] : []),
  ];
}

/** Of a new application all values must be there. */
function secretProblems({ secrets = [] }: ApplicationCreate): FormProblem[] {
  return secrets.flatMap(({ name, values }, index) => {
    const field = `secrets/${String(index)}/values`;
    const detail = `${field} is missing: what ${name} holds is not a part of what is imported`;
    return values === undefined ? [{ code: 'missing_field' as const, field, detail }] : [];
  });
}

const TOO_LARGE: FormProblem = {
  code: 'body_too_large',
  field: '',
  detail: `It has more than ${String(APPLICATION_BODY_BYTES)} bytes as JSON`,
};
