import { hasRole, requireRole } from '@cetus/shared/auth';
import { CetusError } from '@cetus/shared/errors';
import { deleteAtOnce, newObject, updateAtOnce } from '@cetus/shared/operations';
import {
  QuotaListQuery,
  QuotaParams,
  Ref,
  type QuotaCreate,
  type QuotaUpdate,
  type QuotaView,
  type StoredQuota,
} from '@cetus/shared/schemas';
import { entityTag, isDuplicateKey, QUOTA, scopeOf } from '@cetus/shared/store';
import type { ApiDeps } from '../deps.ts';
import {
  answerPage,
  Empty,
  ERROR_RESPONSES,
  firstAnswer,
  IdempotencyHeaders,
  idempotencyOf,
  IfMatchHeaders,
  ifMatchOf,
  IfNoneMatchHeaders,
  isTrue,
  notModified,
  NoQuery,
  requesterOf,
  scopeOfRequest,
  type LinkBuilder,
  type TypedApp,
} from '../http/index.ts';
import { magnumTime, magnumUpdated } from '../time.ts';

const TAGS = ['quotas'];
const QuotaRef = Ref<QuotaView>('Quota');

/** Magnum's `/v1/quotas`: how many clusters a project may have. Administrators set them; a project reads its own. */
export function quotaRoutes(app: TypedApp, deps: ApiDeps, links: LinkBuilder): void {
  const { quotas, dispatcher, config, ledger } = deps;
  // Also an administrator's quotas are of the project in the address, whatever its token is for.
  const scopeOfProject = (request: { params: { project_id: string } }) =>
    scopeOf({ projectId: request.params.project_id });

  app.get(
    '/v1/quotas',
    {
      config: { role: 'reader' },
      schema: {
        tags: TAGS,
        operationId: 'listQuotas',
        summary: 'List the quotas that were set',
        querystring: QuotaListQuery,
        response: { 200: Ref<{ quotas: QuotaView[]; next?: string }>('QuotaList'), ...ERROR_RESPONSES },
      },
    },
    async (request) => {
      const { query } = request;
      // As in Magnum, `all_tenants` of one who is no administrator means its own project.
      const all = isTrue(query.all_tenants) && hasRole(request.caller, 'admin');
      const scope = all ? ({ kind: 'all' } as const) : scopeOfRequest(request);
      return answerPage({ config, links }, request, {
        name: 'quotas',
        path: '/v1/quotas',
        read: (page) => quotas.list(scope, page),
        present,
      });
    },
  );

  app.post(
    '/v1/quotas',
    {
      config: { role: 'admin' },
      schema: {
        tags: TAGS,
        operationId: 'createQuota',
        summary: 'Set the quota of a project',
        querystring: NoQuery,
        headers: IdempotencyHeaders,
        body: Ref<QuotaCreate>('QuotaCreate'),
        response: { 201: QuotaRef, ...ERROR_RESPONSES },
      },
    },
    async (request, reply) => {
      const { project_id: projectId, resource = 'Cluster', hard_limit = 1 } = request.body;
      const caller = { ...requesterOf(request), projectId };
      const idempotency = idempotencyOf(request);
      reply.code(201);
      const first = await firstAnswer(quotas, caller, idempotency);
      if (first !== null) return present(first);
      const quota = newObject({
        kind: QUOTA,
        caller,
        name: resource,
        spec: { resource, hard_limit },
        status: {},
        deadlineMs: null,
      });
      try {
        const { object, replayed } = await quotas.create(quota, idempotency);
        if (!replayed) await changed(object);
        return present(object);
      } catch (error) {
        if (!isDuplicateKey(error, 'spec.resource')) throw error;
        throw new CetusError('conflict', `The project ${projectId} has a quota for ${resource} already`, {
          cause: error,
        });
      }
    },
  );

  app.get(
    '/v1/quotas/:project_id/:resource',
    {
      config: { role: 'reader' },
      schema: {
        tags: TAGS,
        operationId: 'getQuota',
        summary: 'Read the quota of a project; the default when none was set',
        params: QuotaParams,
        querystring: NoQuery,
        headers: IfNoneMatchHeaders,
        response: { 200: QuotaRef, 304: Empty, ...ERROR_RESPONSES },
      },
    },
    async (request, reply) => {
      const { project_id, resource } = request.params;
      if (project_id !== request.caller.projectId) requireRole(request.caller, 'admin');
      try {
        const quota = await quotas.get(scopeOfProject(request), resource);
        if (notModified(request, reply, quota)) return await reply.send(undefined);
        return present(quota);
      } catch (error) {
        if (!(error instanceof CetusError) || error.code !== 'not_found') throw error;
        const hard_limit = config.CETUS_QUOTA_CLUSTERS;
        return { id: null, project_id, resource, hard_limit, created_at: null, updated_at: null };
      }
    },
  );

  app.patch(
    '/v1/quotas/:project_id/:resource',
    {
      config: { role: 'admin' },
      schema: {
        tags: TAGS,
        operationId: 'updateQuota',
        summary: 'Change the quota of a project',
        params: QuotaParams,
        querystring: NoQuery,
        headers: IfMatchHeaders,
        body: Ref<QuotaUpdate>('QuotaUpdate'),
        response: { 202: QuotaRef, ...ERROR_RESPONSES },
      },
    },
    async (request, reply) => {
      const { hard_limit, ...named } = request.body;
      for (const field of ['project_id', 'resource'] as const) {
        if (named[field] !== undefined && named[field] !== request.params[field])
          throw new CetusError('invalid_field', `${field} is not the one of the address`, { field });
      }
      const caller = requesterOf(request);
      const quota = await quotas.change(
        scopeOfProject(request),
        request.params.resource,
        (current) => updateAtOnce(current, { kind: QUOTA, caller, spec: { ...current.spec, hard_limit } }),
        ifMatchOf(request),
      );
      await changed(quota);
      reply.code(202).header('etag', entityTag(quota));
      return present(quota);
    },
  );

  app.delete(
    '/v1/quotas/:project_id/:resource',
    {
      config: { role: 'admin' },
      schema: {
        tags: TAGS,
        operationId: 'deleteQuota',
        summary: 'Give a project the default quota again',
        params: QuotaParams,
        querystring: NoQuery,
        headers: IfMatchHeaders,
        response: { 204: Empty, ...ERROR_RESPONSES },
      },
    },
    async (request, reply) => {
      const caller = requesterOf(request);
      const quota = await quotas.change(
        scopeOfProject(request),
        request.params.resource,
        (current) => deleteAtOnce(current, { kind: QUOTA, caller }),
        ifMatchOf(request),
      );
      await changed(quota);
      return reply.code(204).send(undefined);
    },
  );

  /** Announces a quota; and counts what there is, which nobody did if there was no limit before. */
  async function changed(quota: StoredQuota): Promise<void> {
    await dispatcher.dispatch(QUOTA, quota);
    await ledger.heal(quota.project_id);
  }
}

function present(quota: StoredQuota): QuotaView {
  return {
    id: quota._id,
    project_id: quota.project_id,
    resource: quota.spec.resource,
    hard_limit: quota.spec.hard_limit,
    created_at: magnumTime(quota.created_at),
    updated_at: magnumUpdated(quota),
  };
}
