import { diffSpecs, qosOf } from '@cetus/shared/applications';
import { CetusError } from '@cetus/shared/errors';
import {
  Ref,
  RefParams,
  RevisionDiffQuery,
  RevisionParams,
  ScopeQuery,
  type ApplicationRevision,
  type ApplicationSpec,
  type RevisionBrief,
  type RevisionDiff,
  type RevisionView,
  type StoredApplication,
} from '@cetus/shared/schemas';
import type { ApiDeps } from '../deps.ts';
import { ERROR_RESPONSES, IfMatchHeaders, scopeOfRequest, type TypedApp } from '../http/index.ts';
import { magnumTime } from '../time.ts';
import { ApplicationIdRef, changeApplication, planOf } from './accept.ts';
import { ifMatchOf } from './entity-tag.ts';
import { FIELDS_WITH_REVISIONS } from './fields.ts';
import { NOTHING_ASKED } from './form.ts';
import { clustersOf, formShown, namesOf } from './presenter.ts';
import { checkRevision, reverted, wayBack } from './revert.ts';
import { currentRevision } from './revisions.ts';

const TAGS = ['applications'];

/** What an application was asked to be before, and the way back to it. */
export function applicationRevisionRoutes(app: TypedApp, deps: ApiDeps): void {
  const { applications, clusters } = deps;

  app.get(
    '/v1/applications/:ref/revisions',
    {
      config: { role: 'reader' },
      schema: {
        tags: TAGS,
        operationId: 'listApplicationRevisions',
        summary: 'List the revisions of an application that are kept, the newest first',
        params: RefParams,
        querystring: ScopeQuery,
        response: {
          200: Ref<{ revisions: RevisionBrief[] }>('ApplicationRevisionList'),
          ...ERROR_RESPONSES,
        },
      },
    },
    async (request) => {
      const scope = scopeOfRequest(request);
      const application = await applications.get(scope, request.params.ref, FIELDS_WITH_REVISIONS);
      return { revisions: application.revisions.toReversed().map((one) => brief(application, one)) };
    },
  );

  app.get(
    '/v1/applications/:ref/revisions/:number',
    {
      config: { role: 'reader' },
      schema: {
        tags: TAGS,
        operationId: 'getApplicationRevision',
        summary: 'Read a revision of an application',
        params: RevisionParams,
        querystring: ScopeQuery,
        response: { 200: Ref<RevisionView>('ApplicationRevision'), ...ERROR_RESPONSES },
      },
    },
    async (request) => {
      const scope = scopeOfRequest(request);
      const { ref, number } = request.params;
      const application = await applications.get(scope, ref, FIELDS_WITH_REVISIONS);
      const revision = revisionAt(application, number);
      const facts = await clustersOf(clusters, scope, [application], [revision.spec]);
      return {
        ...brief(application, revision),
        form: formShown(revision.spec, namesOf(application, facts)),
        qos: qosOf(revision.spec),
      };
    },
  );

  app.get(
    '/v1/applications/:ref/revisions/:number/diff',
    {
      config: { role: 'reader' },
      schema: {
        tags: TAGS,
        operationId: 'compareApplicationRevisions',
        summary: 'Compare a revision of an application with another one',
        params: RevisionParams,
        querystring: RevisionDiffQuery,
        response: { 200: Ref<RevisionDiff>('ApplicationRevisionDiff'), ...ERROR_RESPONSES },
      },
    },
    async (request) => {
      const { ref, number } = request.params;
      const { against } = request.query;
      const application = await applications.get(scopeOfRequest(request), ref, FIELDS_WITH_REVISIONS);
      const after = revisionAt(application, number);
      const before =
        against === undefined
          ? application.revisions.findLast((one) => one.number < number)
          : application.revisions.find((one) => one.number === against);
      if (before === undefined) {
        const which = against === undefined ? `before ${String(number)}` : String(against);
        throw new CetusError('invalid_field', `No revision ${which} is kept`, { field: 'against' });
      }
      return {
        from: before.number,
        to: after.number,
        changes: diffSpecs(comparable(before), comparable(after)),
      };
    },
  );

  app.post(
    '/v1/applications/:ref/actions/rollback',
    {
      config: { role: 'member' },
      schema: {
        tags: TAGS,
        operationId: 'rollbackApplication',
        summary: 'Go back to what there was before a change that goes on or has failed, or to a revision',
        params: RefParams,
        querystring: ScopeQuery,
        headers: IfMatchHeaders,
        body: Ref<{ revision?: number } | null | undefined>('ApplicationRollback'),
        response: { 202: ApplicationIdRef, ...ERROR_RESPONSES },
      },
    },
    async (request, reply) => {
      const { ref } = request.params;
      const seen = await applications.get(scopeOfRequest(request), ref, FIELDS_WITH_REVISIONS);
      const way = wayBack(seen, request.body?.revision);
      if (way.requested === 'revert') await checkRevision(deps, seen, way.number);
      return changeApplication(deps, request, reply.code(202), {
        requested: way.requested,
        plan: (application) =>
          way.requested === 'rollback' ? {} : planOf(application, reverted(application, way.number)),
        ...ifMatchOf(request),
      });
    },
  );
}

function brief(application: StoredApplication, revision: ApplicationRevision): RevisionBrief {
  const { number, generation, requested, user_id, created_at } = revision;
  return {
    number,
    current: currentRevision(application)?.number === number,
    generation,
    requested,
    user_id,
    created_at: magnumTime(created_at),
  };
}

/** What is asked for, whatever actions had asked by then; of what is sealed only enough is read to tell whether it changed. */
function comparable({ spec }: ApplicationRevision): ApplicationSpec {
  return { ...spec, ...NOTHING_ASKED, sealed: spec.sealed ?? null };
}

/** @throws CetusError `not_found` */
function revisionAt({ name, revisions }: StoredApplication, number: number): ApplicationRevision {
  const found = revisions.find((one) => one.number === number);
  if (found !== undefined) return found;
  throw new CetusError('not_found', `No revision ${String(number)} of ${name} is kept`);
}
