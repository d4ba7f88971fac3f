import { randomUUID } from 'node:crypto';
import {
  ApplicationCreateQuery,
  ApplicationListQuery,
  Ref,
  RefParams,
  ScopeQuery,
  type ApplicationBrief,
  type ApplicationCreate,
  type ApplicationView,
  type DryRunView,
  type EndpointView,
} from '@cetus/shared/schemas';
import type { FastifyRequest } from 'fastify';
import type { ApiDeps } from '../deps.ts';
import {
  answerPage,
  Empty,
  ERROR_RESPONSES,
  firstAnswer,
  IdempotencyHeaders,
  idempotencyOf,
  IfNoneMatchHeaders,
  notModified,
  requesterOf,
  scopeOfRequest,
  type LinkBuilder,
  type TypedApp,
} from '../http/index.ts';
import { accepted, ApplicationIdRef } from './accept.ts';
import { dryRunOfNew } from './dry-run.ts';
import { viewTag } from './entity-tag.ts';
import { BRIEF_FIELDS, FULL_FIELDS } from './fields.ts';
import { filterOf } from './filter.ts';
import { insertApplication } from './insert.ts';
import { APPLICATION_BODY_BYTES } from './limits.ts';
import { ApplicationPresenter, clustersOf, endpointViews, type ClusterFacts } from './presenter.ts';
import { currentNumbers } from './current-numbers.ts';
import { draftOf } from './spec.ts';

const TAGS = ['applications'];

/** `/v1/applications`: what runs in the clusters of a project. */
export function applicationCoreRoutes(app: TypedApp, deps: ApiDeps, links: LinkBuilder): void {
  const { applications, clusters, config } = deps;
  const lists = { config, links };
  const present = (request: FastifyRequest): ApplicationPresenter =>
    new ApplicationPresenter(links, links.base(request));

  app.post(
    '/v1/applications',
    {
      config: { role: 'member' },
      bodyLimit: APPLICATION_BODY_BYTES,
      schema: {
        tags: TAGS,
        operationId: 'createApplication',
        summary: 'Create an application, or see what would become of it',
        querystring: ApplicationCreateQuery,
        headers: IdempotencyHeaders,
        body: Ref<ApplicationCreate>('ApplicationCreate'),
        response: { 200: Ref<DryRunView>('ApplicationDryRun'), 202: ApplicationIdRef, ...ERROR_RESPONSES },
      },
    },
    async (request, reply) => {
      const { name, ...form } = request.body;
      const caller = requesterOf(request);
      if (request.query.dry_run === true) return dryRunOfNew(deps, caller, name, form);
      const idempotency = idempotencyOf(request);
      const base = links.base(request);
      const first = await firstAnswer(applications, caller, idempotency);
      if (first !== null) return accepted(reply, links, base, first);
      const uuid = randomUUID();
      const draft = await draftOf(deps, { id: uuid, projectId: caller.projectId, form, before: null });
      const application = await insertApplication(deps, { uuid, caller, name, draft, idempotency });
      return accepted(reply, links, base, application);
    },
  );

  app.get(
    '/v1/applications',
    {
      config: { role: 'reader' },
      schema: {
        tags: TAGS,
        operationId: 'listApplications',
        summary: 'List applications in brief',
        querystring: ApplicationListQuery,
        response: {
          200: Ref<{ applications: ApplicationBrief[]; next?: string }>('ApplicationBriefList'),
          ...ERROR_RESPONSES,
        },
      },
    },
    async (request) => {
      const presenter = present(request);
      const scope = scopeOfRequest(request);
      return answerPage(lists, request, {
        name: 'applications',
        path: '/v1/applications',
        read: (page) => applications.list(scope, page, BRIEF_FIELDS, filterOf(request.query)),
        present: (one) => presenter.brief(one),
      });
    },
  );

  app.get(
    '/v1/applications/detail',
    {
      config: { role: 'reader' },
      schema: {
        tags: TAGS,
        operationId: 'listApplicationsInDetail',
        summary: 'List applications',
        querystring: ApplicationListQuery,
        response: {
          200: Ref<{ applications: ApplicationView[]; next?: string }>('ApplicationList'),
          ...ERROR_RESPONSES,
        },
      },
    },
    async (request) => {
      const presenter = present(request);
      const scope = scopeOfRequest(request);
      let facts: ClusterFacts = new Map();
      let numbers: ReadonlyMap<string, number | null> = new Map();
      return answerPage(lists, request, {
        name: 'applications',
        path: '/v1/applications/detail',
        read: async (page) => {
          const found = await applications.list(scope, page, FULL_FIELDS, filterOf(request.query));
          facts = await clustersOf(clusters, scope, found.items);
          numbers = await currentNumbers(applications, scope, found.items);
          return found;
        },
        present: (one) => presenter.full(one, facts, numbers.get(one._id) ?? null),
      });
    },
  );

  app.get(
    '/v1/applications/:ref',
    {
      config: { role: 'reader' },
      schema: {
        tags: TAGS,
        operationId: 'getApplication',
        summary: 'Read an application',
        params: RefParams,
        querystring: ScopeQuery,
        headers: IfNoneMatchHeaders,
        response: { 200: Ref<ApplicationView>('Application'), 304: Empty, ...ERROR_RESPONSES },
      },
    },
    async (request, reply) => {
      const presenter = present(request);
      const scope = scopeOfRequest(request);
      const application = await applications.get(scope, request.params.ref, FULL_FIELDS);
      const facts = await clustersOf(clusters, scope, [application]);
      const tag = viewTag(application, facts);
      if (notModified(request, reply, application, tag)) return reply.send(undefined);
      const numbers = await currentNumbers(applications, scope, [application]);
      return presenter.full(application, facts, numbers.get(application._id) ?? null);
    },
  );

  app.get(
    '/v1/applications/:ref/endpoints',
    {
      config: { role: 'reader' },
      schema: {
        tags: TAGS,
        operationId: 'listApplicationEndpoints',
        summary: 'List where an application can be reached',
        params: RefParams,
        querystring: ScopeQuery,
        response: {
          200: Ref<{ endpoints: EndpointView[] }>('ApplicationEndpointList'),
          ...ERROR_RESPONSES,
        },
      },
    },
    async (request) => {
      const scope = scopeOfRequest(request);
      const application = await applications.get(scope, request.params.ref, FULL_FIELDS);
      return { endpoints: endpointViews(application, await clustersOf(clusters, scope, [application])) };
    },
  );
}
