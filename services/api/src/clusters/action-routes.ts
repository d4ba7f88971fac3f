import { CetusError } from '@cetus/shared/errors';
import { Ref, RefParams, ScopeQuery, type ClusterResize } from '@cetus/shared/schemas';
import { CLUSTER } from '@cetus/shared/store';
import type { ApiDeps } from '../deps.ts';
import { scopeOfRequest } from '../http/caller.ts';
import { ifMatchOf } from '../http/conditional.ts';
import { requireMicroversion, VERSION } from '../http/microversion.ts';
import { ERROR_RESPONSES, IfMatchHeaders, NoBody, type TypedApp } from '../http/route.ts';
import { changeCluster, ClusterIdRef, refuseZeroNodes } from './accept.ts';

const common = {
  tags: ['clusters'],
  params: RefParams,
  querystring: ScopeQuery,
  response: { 202: ClusterIdRef, ...ERROR_RESPONSES },
};

/** What is done to a cluster besides changing its fields: Magnum's `resize`, and `retry` and `resync` of Cetus. */
export function clusterActionRoutes(app: TypedApp, deps: ApiDeps): void {
  app.post(
    '/v1/clusters/:ref/actions/resize',
    {
      config: { role: 'member' },
      schema: {
        ...common,
        operationId: 'resizeCluster',
        summary: 'Change the number of workers of a cluster',
        headers: IfMatchHeaders,
        body: Ref<ClusterResize>('ClusterResize'),
      },
    },
    async (request, reply) => {
      requireMicroversion(request, VERSION.resize, 'resize');
      const { node_count, nodes_to_remove, nodegroup } = request.body;
      refuseZeroNodes(request, node_count);
      if (nodes_to_remove !== undefined && nodes_to_remove.length > 0) {
        throw new CetusError('unsupported', 'Which nodes are removed cannot be chosen', {
          field: 'nodes_to_remove',
        });
      }
      if (nodegroup != null && nodegroup !== 'default-worker') {
        throw new CetusError('unsupported', 'A cluster has no node groups but default-worker', {
          field: 'nodegroup',
        });
      }
      const update = <T extends object>(spec: T) => ({ ...spec, node_count });
      return changeCluster(deps, request, reply.code(202), {
        requested: 'update',
        update,
        ...ifMatchOf(request),
      });
    },
  );

  app.post(
    '/v1/clusters/:ref/actions/retry',
    {
      config: { role: 'member' },
      schema: {
        ...common,
        operationId: 'retryCluster',
        summary: 'Try again what failed',
        headers: IfMatchHeaders,
        body: NoBody,
      },
    },
    async (request, reply) =>
      changeCluster(deps, request, reply.code(202), { requested: 'retry', ...ifMatchOf(request) }),
  );

  app.post(
    '/v1/clusters/:ref/actions/resync',
    {
      config: { role: 'member' },
      schema: {
        ...common,
        operationId: 'resyncCluster',
        summary: 'Compare a cluster with the cloud now',
        body: NoBody,
      },
    },
    async (request, reply) => {
      const cluster = await deps.clusters.get(scopeOfRequest(request), request.params.ref);
      await deps.dispatcher.wakeUp(CLUSTER, cluster, 'resync');
      reply.code(202);
      return { uuid: cluster._id };
    },
  );
}
