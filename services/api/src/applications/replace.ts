import { CetusError } from '@cetus/shared/errors';
import {
  applicationSpecOf,
  type ApplicationForm,
  type DryRunView,
  type StoredApplication,
} from '@cetus/shared/schemas';
import { checkIfMatch } from '@cetus/shared/store';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ApiDeps } from '../deps.ts';
import { isTrue, scopeOfRequest } from '../http/index.ts';
import { changeApplication, isRolledBack, planOf } from './accept.ts';
import { dryRunOfChange } from './dry-run.ts';
import { ifMatchOf } from './entity-tag.ts';
import { FULL_FIELDS } from './fields.ts';
import { changedSpec, draftOf } from './spec.ts';

type ReplaceRequest = FastifyRequest<{
  Params: { ref: string };
  Querystring: { all_projects?: boolean; dry_run?: boolean; rollback?: string };
}>;

/** How often a change is drawn up again because another one came first. */
const ATTEMPTS = 10;

/** Another change came between drawing one up and writing it. */
class Outdated extends Error {}

/**
 * Gives an application another form. Clusters are looked up and secrets sealed before the write, so the form is drawn up from what the
 * application is asked to be now, and drawn up again when that is no longer so.
 * @param read the form that the request asks for, of the application as it is
 * @throws CetusError naming the field
 */
export async function replaceForm(
  deps: ApiDeps,
  request: ReplaceRequest,
  reply: FastifyReply,
  read: (application: StoredApplication) => ApplicationForm,
): Promise<{ uuid: string } | DryRunView> {
  const { dry_run, rollback } = request.query;
  const { ifMatch } = ifMatchOf(request);
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const seen = await deps.applications.get(scopeOfRequest(request), request.params.ref, FULL_FIELDS);
    checkIfMatch(ifMatch, seen);
    const form = read(seen);
    if (dry_run === true) return dryRunOfChange(deps, seen, form);
    const before = applicationSpecOf(seen);
    const draft = await draftOf(deps, { id: seen._id, projectId: seen.project_id, form, before });
    try {
      return await changeApplication(deps, request, reply.code(202), {
        requested: 'update',
        plan: (current) => {
          if (!sameBase(seen, current)) throw new Outdated();
          return planOf(current, changedSpec(current, draft), { rollbackOnFailure: isTrue(rollback) });
        },
        ...(ifMatch === undefined ? {} : { ifMatch }),
      });
    } catch (error) {
      if (!(error instanceof Outdated)) throw error;
    }
  }
  throw new CetusError('conflict', 'The application is changed by others all the time; try again');
}

/** Whether what a change was drawn up from still counts. */
function sameBase(seen: StoredApplication, current: StoredApplication): boolean {
  return seen.generation === current.generation && isRolledBack(seen) === isRolledBack(current);
}
