import { problemsOf } from '@cetus/shared/applications';
import type { ErrorCode } from '@cetus/shared/errors';
import { ApplicationCreate } from '@cetus/shared/schemas';
import { scopeOf } from '@cetus/shared/store';
import type { ApiDeps } from '../../deps.ts';
import { compileBody, fieldErrors } from '../../http/validation.ts';
import { APPLICATION_BODY_BYTES } from '../limits.ts';
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
  const { name, kind } = form;
  const allowed = new Set(config.CETUS_APPLICATION_HOST_ACCESS.split(','));
  const isTaken = await applications.exists(scopeOf({ projectId }), { name });
  const detail = `name is taken: the project has an application named ${name}`;
  return [
    ...problemsOf(kind, form, allowed),
    ...secretProblems(form),
    ...sizeProblems(form),
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

function sizeProblems(form: ApplicationCreate): FormProblem[] {
  if (Buffer.byteLength(JSON.stringify(form)) <= APPLICATION_BODY_BYTES) return [];
  const detail = `It has more than ${String(APPLICATION_BODY_BYTES)} bytes as JSON`;
  return [{ code: 'body_too_large', field: '', detail }];
}
