import { CetusError } from '@cetus/shared/errors';
import type { ApplicationForm, ApplicationSpec, StoredApplication } from '@cetus/shared/schemas';
import { applicationSpecOf } from '@cetus/shared/schemas';
import { scopeOf } from '@cetus/shared/store';
import type { ApiDeps } from '../deps.ts';
import { checkForm } from './check.ts';
import { askedOf, NOTHING_ASKED } from './form.ts';
import { APPLICATION_BODY_BYTES, isTooLarge } from './limits.ts';
import { resolvePlacements } from './placements.ts';
import { sealSecrets, type SpecSecrets } from './secrets.ts';

/** A form to be made a specification of. */
export interface FormRequest {
  /** The application that it is of, or will be. */
  id: string;
  projectId: string;
  form: ApplicationForm;
  /** What the application is asked to be so far; null: it is new. */
  before: ApplicationSpec | null;
}

/** What a form asks for, with clusters by id and secrets sealed. */
export interface Draft extends Pick<SpecSecrets, 'sealed'> {
  spec: Omit<ApplicationSpec, 'sealed' | keyof typeof NOTHING_ASKED>;
  /** The names of the clusters that the form names anew, by id. */
  names: ReadonlyMap<string, string>;
}

/**
 * Makes of a form what is kept of it. Everything that can be wrong is found before a secret is sealed.
 * @throws CetusError naming the field; what the service says that seals
 */
export async function draftOf(
  deps: Pick<ApiDeps, 'bus' | 'clusters' | 'config'>,
  { id, projectId, form, before }: FormRequest,
): Promise<Draft> {
  checkForm(deps.config, form);
  checkSize(form);
  const kept = new Set(before?.placements.map(({ cluster_id }) => cluster_id ?? ''));
  const scope = scopeOf({ projectId });
  const { placements, names } = await resolvePlacements(deps.clusters, scope, form.placements, kept);
  const { sealed, ...secrets } = await sealSecrets(deps, id, form, before);
  return { spec: { ...form, placements, ...secrets }, sealed, names };
}

/** The specification of a new application. */
export function newSpec({ spec, sealed }: Draft): ApplicationSpec {
  return { ...spec, ...NOTHING_ASKED, sealed: sealed === 'as before' ? null : sealed };
}

/** What an application is asked to be, with another form. */
export function changedSpec(application: StoredApplication, { spec, sealed }: Draft): ApplicationSpec {
  const before = applicationSpecOf(application);
  return { ...spec, ...askedOf(before), sealed: sealed === 'as before' ? before.sealed : sealed };
}

/** What changes add up to is one document, as what one request brings is. */
function checkSize(form: ApplicationForm): void {
  if (!isTooLarge(form)) return;
  const detail = `What an application is asked to be has at most ${String(APPLICATION_BODY_BYTES)} bytes as JSON`;
  throw new CetusError('body_too_large', detail);
}
