import { CetusError } from '@cetus/shared/errors';
import {
  applicationSpecOf,
  stateOf,
  type ApplicationRevision,
  type ApplicationSpec,
  type StoredApplication,
} from '@cetus/shared/schemas';
import { scopeOf } from '@cetus/shared/store';
import type { ApiDeps } from '../deps.ts';
import { checkForm } from './check.ts';
import { askedOf, formOf } from './form.ts';
import { resolvePlacements } from './placements.ts';
import { currentRevision } from './revisions.ts';

/** What a request to go back means for an application as it is. */
export type WayBack = { requested: 'rollback' } | { requested: 'revert'; number: number };

/**
 * How an application goes back: from a change that goes on or has failed to what was applied before, else to the revision that is asked
 * for, or to the one before.
 * @throws CetusError `conflict` when there is nothing to go back to, `invalid_field` when the revision is not kept
 */
export function wayBack(application: StoredApplication, number: number | undefined): WayBack {
  if (number !== undefined)
    return { requested: 'revert', number: revisionNumbered(application, number).number };
  const state = stateOf(application);
  if (state === 'UPDATE_IN_PROGRESS' || state === 'UPDATE_FAILED') {
    if (application.status.applied_spec == null)
      throw new CetusError('conflict', 'There is nothing to go back to: no operation has succeeded yet');
    return { requested: 'rollback' };
  }
  const { revisions } = application;
  const current = currentRevision(application);
  const before = revisions.findLast((one) => current === undefined || one.number < current.number);
  if (before === undefined) {
    throw new CetusError('conflict', 'There is nothing to go back to: no revision before is kept');
  }
  return { requested: 'revert', number: before.number };
}

/**
 * Sees whether a revision may come back: its clusters may have gone, and the site may have become stricter.
 * @throws CetusError with the field `revision`
 */
export async function checkRevision(
  deps: ApiDeps,
  application: StoredApplication,
  number: number,
): Promise<void> {
  const { spec } = revisionNumbered(application, number);
  const form = formOf(spec);
  const kept = new Set(applicationSpecOf(application).placements.map(({ cluster_id }) => cluster_id ?? ''));
  try {
    checkForm(deps.config, form);
    await resolvePlacements(
      deps.clusters,
      scopeOf({ projectId: application.project_id }),
      form.placements,
      kept,
    );
  } catch (cause) {
    if (!(cause instanceof CetusError) || cause.field === undefined) throw cause;
    const detail = `The revision ${String(number)} cannot come back: ${cause.message}`;
    throw new CetusError(cause.code, detail, { cause, field: 'revision' });
  }
}

/** What an application is asked to be when a revision comes back: what actions have asked since stays. */
export function reverted(application: StoredApplication, number: number): ApplicationSpec {
  const { spec } = revisionNumbered(application, number);
  return { ...spec, ...askedOf(applicationSpecOf(application)) };
}

/** @throws CetusError `invalid_field` */
function revisionNumbered({ revisions }: StoredApplication, number: number): ApplicationRevision {
  const found = revisions.find((one) => one.number === number);
  if (found !== undefined) return found;
  const kept = revisions.map((one) => String(one.number)).join(', ');
  throw new CetusError('invalid_field', `The revision ${String(number)} is not kept; ${kept} are`, {
    field: 'revision',
  });
}
