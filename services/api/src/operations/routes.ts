import type { StoredOperation } from '@cetus/shared/operations';
import { OperationListQuery, Ref, ScopeQuery, UuidParams, type OperationView } from '@cetus/shared/schemas';
import type { ApiDeps } from '../deps.ts';
import {
  answerPage,
  ERROR_RESPONSES,
  scopeOfRequest,
  type LinkBuilder,
  type TypedApp,
} from '../http/index.ts';
import { magnumTime } from '../time.ts';

const TAGS = ['operations'];

/** `/v1/operations`: what was asked of objects and how it went. */
export function operationRoutes(app: TypedApp, deps: ApiDeps, links: LinkBuilder): void {
  app.get(
    '/v1/operations',
    {
      config: { role: 'reader' },
      schema: {
        tags: TAGS,
        operationId: 'listOperations',
        summary: 'List operations, the newest first',
        querystring: OperationListQuery,
        response: {
          200: Ref<{ operations: OperationView[]; next?: string }>('OperationList'),
          ...ERROR_RESPONSES,
        },
      },
    },
    async (request) => {
      const { object, state } = request.query;
      const base = links.base(request);
      const scope = scopeOfRequest(request);
      const filter = {
        ...(object === undefined ? {} : { object: object.toLowerCase() }),
        ...(state === undefined ? {} : { state }),
      };
      return answerPage({ config: deps.config, links }, request, {
        name: 'operations',
        path: '/v1/operations',
        sort: { key: 'accepted_at', dir: 'desc' },
        read: (page) => deps.operations.list(scope, { ...page, ...filter }),
        present: (one) => present(one, links, base),
      });
    },
  );

  app.get(
    '/v1/operations/:uuid',
    {
      config: { role: 'reader' },
      schema: {
        tags: TAGS,
        operationId: 'getOperation',
        summary: 'Read an operation',
        params: UuidParams,
        querystring: ScopeQuery,
        response: { 200: Ref<OperationView>('Operation'), ...ERROR_RESPONSES },
      },
    },
    async (request) => {
      const base = links.base(request);
      return present(await deps.operations.get(scopeOfRequest(request), request.params.uuid), links, base);
    },
  );
}

function present(operation: StoredOperation, links: LinkBuilder, base: string): OperationView {
  return {
    uuid: operation._id,
    action: operation.action,
    requested: operation.requested,
    state: operation.state,
    object: { kind: operation.kind, uuid: operation.object_id, name: operation.object_name },
    generation: operation.generation,
    project_id: operation.project_id,
    user_id: operation.user_id,
    request_id: operation.request_id,
    accepted_at: magnumTime(operation.accepted_at),
    started_at: operation.started_at === undefined ? null : magnumTime(operation.started_at),
    deadline_at: magnumTime(operation.deadline_at),
    finished_at: operation.finished_at === null ? null : magnumTime(operation.finished_at),
    progress: operation.progress,
    error: operation.error,
    parts: operation.parts ?? [],
    rollback_on_failure: operation.rollback_on_failure ?? false,
    force: operation.force ?? false,
    blocked_by: operation.blocked_by ?? [],
    left_behind: operation.left_behind ?? [],
    links: links.object(base, 'operations', operation._id),
  };
}
