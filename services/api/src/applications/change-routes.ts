import {
  ApplicationChangeQuery,
  ApplicationDeleteQuery,
  applicationSpecOf,
  Ref,
  RefParams,
  type ApplicationReplace,
  type DryRunView,
  type JsonPatch,
} from '@cetus/shared/schemas';
import type { ApiDeps } from '../deps.ts';
import { Empty, ERROR_RESPONSES, IfMatchHeaders, isTrue, type TypedApp } from '../http/index.ts';
import { ApplicationIdRef, changeApplication } from './accept.ts';
import { ifMatchOf } from './entity-tag.ts';
import { APPLICATION_BODY_BYTES } from './limits.ts';
import { patchForm } from './patch.ts';
import { replaceForm } from './replace.ts';
import { ofSame } from './same-application.ts';

const TAGS = ['applications'];

const change = {
  tags: TAGS,
  params: RefParams,
  querystring: ApplicationChangeQuery,
  headers: IfMatchHeaders,
  response: { 200: Ref<DryRunView>('ApplicationDryRun'), 202: ApplicationIdRef, ...ERROR_RESPONSES },
};

/** What changes an application as a whole. What it was asked before that still goes on is given up. */
export function applicationChangeRoutes(app: TypedApp, deps: ApiDeps): void {
  app.put(
    '/v1/applications/:ref',
    {
      config: { role: 'member' },
      bodyLimit: APPLICATION_BODY_BYTES,
      schema: {
        ...change,
        operationId: 'replaceApplication',
        summary: 'Say anew what an application shall be, or see what would become of it',
        body: Ref<ApplicationReplace>('ApplicationReplace'),
      },
    },
    (request, reply) => replaceForm(deps, request, reply, (application) => ofSame(application, request.body)),
  );

  app.patch(
    '/v1/applications/:ref',
    {
      config: { role: 'member' },
      bodyLimit: APPLICATION_BODY_BYTES,
      schema: {
        ...change,
        operationId: 'updateApplication',
        summary: 'Change fields of what an application shall be, or see what would become of it',
        body: Ref<JsonPatch>('JsonPatch'),
      },
    },
    (request, reply) =>
      replaceForm(deps, request, reply, (application) => patchForm(application, request.body)),
  );

  app.delete(
    '/v1/applications/:ref',
    {
      config: { role: 'member' },
      schema: {
        tags: TAGS,
        operationId: 'deleteApplication',
        summary: 'Delete an application; it goes on in the background',
        params: RefParams,
        querystring: ApplicationDeleteQuery,
        headers: IfMatchHeaders,
        response: { 204: Empty, ...ERROR_RESPONSES },
      },
    },
    async (request, reply) => {
      const force = isTrue(request.query.force);
      await changeApplication(deps, request, reply, {
        requested: 'delete',
        // After a rollback, what it went back to is what is there to be removed and to be shown.
        plan: (application) => ({ spec: applicationSpecOf(application), force }),
        ...ifMatchOf(request),
      });
      return reply.code(204).send(undefined);
    },
  );
}
