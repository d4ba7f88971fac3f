import type { FastifyInstance } from 'fastify';
import { adminOnly, guarded, type MagnumContext } from './api.ts';
import { conflict, MagnumError } from './errors.ts';
import { readBody, readonly, type Fields } from './fields.ts';
import { pageOf } from './listing.ts';
import { V1 } from './paths.ts';
import type { QuotaRecord } from './records.ts';

const QUOTAS = `${V1}/quotas`;
const QUOTA = `${QUOTAS}/:project/:resource`;

const FIELDS: Fields = {
  id: { kind: 'integer', min: 1 },
  hard_limit: { kind: 'integer', min: 0 },
  project_id: { kind: 'string', min: 1, max: 255 },
  resource: { kind: 'enum', values: ['Cluster'] },
  created_at: readonly,
  updated_at: readonly,
};

/** Numbers of clusters that projects may have. */
export function quotaRoutes(app: FastifyInstance, context: MagnumContext): void {
  const { store, views, identity } = context;
  const find = (projectId: string, resource: string): QuotaRecord => {
    const quota = resource === 'Cluster' ? store.quotas.get(projectId) : undefined;
    if (quota !== undefined) return quota;
    throw new MagnumError(404, `Quota could not be found: project_id ${projectId} resource ${resource}.`);
  };

  app.get(
    QUOTAS,
    adminOnly(context, 'quota:get_all', (call) => {
      const isAll = call.query['all_tenants']?.toLowerCase() === 'true';
      const page = pageOf(call, {
        rows: [...store.quotas.values()].filter(
          (quota) => isAll || quota.project_id === call.caller.projectId,
        ),
        extra: ['all_tenants'],
        numbered: true,
        marker: (ident) => {
          const found = [...store.quotas.values()].find(({ id }) => String(id) === ident);
          if (found === undefined) throw new MagnumError(404, `Quota could not be found: ${ident}`);
          return found;
        },
        key: ({ id }) => String(id),
      });
      return {
        quotas: page.rows.map((quota) => views.quota(quota)),
        ...(page.next === undefined ? {} : { next: views.href(`quotas${page.next}`) }),
      };
    }),
  );

  app.get(
    QUOTA,
    guarded(context, ({ params, caller, isAdmin }) => {
      const { project = '', resource = '' } = params;
      if (!isAdmin && project !== caller.projectId) throw new MagnumError(403, 'Not authorized.');
      const quota = store.quotas.get(project);
      if (quota !== undefined && resource === 'Cluster') return views.quota(quota);
      return { hard_limit: context.maxClustersPerProject, project_id: project, resource: 'Cluster' };
    }),
  );

  app.post(
    QUOTAS,
    adminOnly(context, 'quota:create', async ({ body }, reply) => {
      const wanted = readBody('quota', FIELDS, body) as { hard_limit?: number; project_id?: string };
      const { project_id: projectId, hard_limit: hardLimit = 1 } = wanted;
      if (projectId === undefined) throw new MagnumError(500, "'project'");
      if (!identity.projects.has(projectId)) {
        throw new MagnumError(404, `The project_id ${projectId} could not be found.`);
      }
      if (store.quotas.has(projectId)) {
        throw conflict(`Quota for project ${projectId} already exists for resource Cluster.`);
      }
      const quota: QuotaRecord = {
        id: store.nextId(),
        hard_limit: hardLimit,
        project_id: projectId,
        resource: 'Cluster',
        created_at: Date.now(),
        updated_at: null,
      };
      await store.saveQuota(quota);
      return reply.code(201).send(views.quota(quota, 'create'));
    }),
  );

  app.patch(
    QUOTA,
    adminOnly(context, 'quota:update', async ({ params, body }, reply) => {
      const { hard_limit: hardLimit } = readBody('quotapatch', FIELDS, body) as { hard_limit?: number };
      const quota = find(params['project'] ?? '', params['resource'] ?? '');
      quota.hard_limit = hardLimit ?? 1;
      quota.updated_at = Date.now();
      await store.saveQuota(quota);
      return reply.code(202).send(views.quota(quota, 'update'));
    }),
  );

  app.delete(
    QUOTA,
    adminOnly(context, 'quota:delete', async ({ params }, reply) => {
      await store.removeQuota(find(params['project'] ?? '', params['resource'] ?? ''));
      return reply.code(204).send();
    }),
  );
}
