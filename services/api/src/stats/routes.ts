import { hasRole, requireRole } from '@cetus/shared/auth';
import { Ref, StatsQuery, type ServiceView, type StatsView } from '@cetus/shared/schemas';
import { isUp, type ServiceRecord } from '@cetus/shared/service-registry';
import { scopeOf } from '@cetus/shared/store';
import type { ApiDeps } from '../deps.ts';
import { ERROR_RESPONSES, NoQuery, type TypedApp } from '../http/index.ts';
import { magnumTime } from '../time.ts';

/** Magnum's `/v1/stats` and `/v1/mservices`: how much there is, and who serves it. */
export function statsRoutes(app: TypedApp, { stats, services }: Pick<ApiDeps, 'stats' | 'services'>): void {
  app.get(
    '/v1/stats',
    {
      config: { role: 'reader' },
      schema: {
        tags: ['stats'],
        operationId: 'getStats',
        summary: 'Count clusters and nodes of a project; of all, for an administrator who names none',
        querystring: StatsQuery,
        response: { 200: Ref<StatsView>('Stats'), ...ERROR_RESPONSES },
      },
    },
    async (request) => {
      const { caller } = request;
      const admin = hasRole(caller, 'admin');
      const { project_id: projectId } = request.query;
      if (projectId !== undefined && projectId !== caller.projectId) requireRole(caller, 'admin');
      if (projectId === undefined && admin) return stats.count({ kind: 'all' });
      return stats.count(scopeOf({ projectId: projectId ?? caller.projectId }));
    },
  );

  app.get(
    '/v1/mservices',
    {
      config: { role: 'admin' },
      schema: {
        tags: ['services'],
        operationId: 'listServices',
        summary: 'List the processes of all services',
        querystring: NoQuery,
        response: { 200: Ref<{ mservices: ServiceView[] }>('ServiceList'), ...ERROR_RESPONSES },
      },
    },
    async () => ({ mservices: (await services.list()).map(present) }),
  );
}

function present(record: ServiceRecord): ServiceView {
  return {
    id: record._id,
    host: record.host,
    binary: record.binary,
    state: isUp(record) ? 'up' : 'down',
    report_count: record.report_count,
    disabled: false,
    disabled_reason: null,
    created_at: magnumTime(record.created_at),
    updated_at: magnumTime(record.last_seen_at),
    drivers: record.drivers,
  };
}
