import { CetusError } from '@cetus/shared/errors';
import {
  applicationSpecOf,
  ApplicationCreate,
  ApplicationView,
  type ApplicationForm,
  type JsonPatch,
  type StoredApplication,
} from '@cetus/shared/schemas';
import { compileBody, fieldErrors } from '../http/validation.ts';
import { applyPatch } from '../json-patch.ts';
import { formShown, namesOf } from './presenter.ts';
import { ofSame } from './same-application.ts';

const validate = compileBody<ApplicationCreate>(ApplicationCreate);

const CHANGEABLE = new Set(Object.keys(ApplicationCreate.properties));
const READ_ONLY = new Set(Object.keys(ApplicationView.properties).filter((field) => !CHANGEABLE.has(field)));

/** What is shown within the form, and not of it. */
const SHOWN_ONLY = [/^\/placements\/[^/]+\/cluster_name$/, /^\/secrets\/[^/]+\/keys(\/|$)/];

/**
 * The form of an application after a patch, checked like a new one.
 * @throws CetusError `unknown_field`, `invalid_field`, `missing_field`, `invalid_patch`
 */
export function patchForm(application: StoredApplication, patch: JsonPatch): ApplicationForm {
  patch.forEach(checkOperation);
  const shown = {
    name: application.name,
    ...formShown(applicationSpecOf(application), namesOf(application, new Map())),
  };
  const after = withoutShown(patched(shown, patch));
  if (!validate(after)) {
    const [first] = fieldErrors(validate.errors ?? [], 'body');
    throw new CetusError(first?.code ?? 'invalid_field', first?.detail ?? 'The result is not acceptable', {
      ...(first === undefined ? {} : { field: first.field }),
    });
  }
  return ofSame(application, after);
}

/** What a patch makes; what goes wrong is told without what it says, which may be a secret. */
function patched(shown: object, patch: JsonPatch): unknown {
  try {
    return applyPatch<unknown>(shown, patch);
  } catch (error) {
    if (!(error instanceof CetusError)) throw error;
    const { code, message, field } = error;
    throw new CetusError(code, message, field === undefined ? {} : { field });
  }
}

function checkOperation({ op, path, value }: JsonPatch[number], index: number): void {
  const root = path.split('/')[1] ?? '';
  const field = path.slice(1);
  if (!CHANGEABLE.has(root)) {
    if (!READ_ONLY.has(root)) throw new CetusError('unknown_field', `${path} is not known`, { field });
    throw new CetusError('invalid_field', `${root} is set by the service and cannot be changed`, { field });
  }
  if (op !== 'remove' && value === undefined) {
    throw new CetusError('invalid_patch', `The operation ${op} needs a value`, {
      field: `${String(index)}/value`,
    });
  }
  if (op !== 'test' && SHOWN_ONLY.some((pattern) => pattern.test(path))) {
    throw new CetusError('invalid_field', `${path} is set by the service and cannot be changed`, { field });
  }
}

/** A form without what is only shown in it. Whatever else is wrong is found by its schema. */
function withoutShown(form: unknown): unknown {
  if (!isRecord(form)) return form;
  return {
    ...form,
    ...without(form, 'placements', 'cluster_name'),
    ...without(form, 'secrets', 'keys'),
  };
}

function without(form: Record<string, unknown>, list: string, field: string): Record<string, unknown> {
  const items = form[list];
  if (!Array.isArray(items)) return {};
  return {
    [list]: items.map((item: unknown) => {
      if (!isRecord(item)) return item;
      const { [field]: _shown, ...rest } = item;
      return rest;
    }),
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
