import { CetusError } from '@cetus/shared/errors';
import { Ref, RefParams, ScopeQuery, type ClusterResize, type ClusterUpgrade } from '@cetus/shared/schemas';
import { CLUSTER } from '@cetus/shared/store';
import type { ApiDeps } from '../deps.ts';
import { Drivers } from '../drivers/drivers.ts';
import {
  ERROR_RESPONSES,
  IfMatchHeaders,
  ifMatchOf,
  NoBody,
  requireMicroversion,
  scopeOfRequest,
  VERSION,
  type TypedApp,
} from '../http/index.ts';
import { changeCluster, ClusterIdRef, refuseZeroNodes } from './accept.ts';
import { planOfResize } from './resize.ts';
import { templateOf } from './template-of.ts';
import { planOfUpgrade } from './upgrade.ts';

const common = {
  tags: ['clusters'],
  params: RefParams,
  querystring: ScopeQuery,
  response: { 202: ClusterIdRef, ...ERROR_RESPONSES },
};

/** What is done to a cluster besides changing its fields: Magnum's `resize` and `upgrade`; `rollback`, `retry` and `resync` of Cetus. */
export function clusterActionRoutes(app: TypedApp, deps: ApiDeps): void {
  const { services, templates } = deps;

  app.post(
    '/v1/clusters/:ref/actions/resize',
    {
      config: { role: 'member' },
      schema: {
        ...common,
        operationId: 'resizeCluster',
        summary: 'Change the number of nodes of a node group',
        headers: IfMatchHeaders,
        body: Ref<ClusterResize>('ClusterResize'),
      },
    },
    async (request, reply) => {
      requireMicroversion(request, VERSION.resize, 'resize');
      const { body } = request;
      refuseZeroNodes(request, body.node_count);
      const drivers = await Drivers.of(services);
      return changeCluster(deps, request, reply.code(202), {
        requested: 'resize',
        plan: (cluster) => planOfResize(drivers, cluster, body),
        ...ifMatchOf(request),
      });
    },
  );

  app.post(
    '/v1/clusters/:ref/actions/upgrade',
    {
      config: { role: 'member' },
      schema: {
        ...common,
        operationId: 'upgradeCluster',
        summary: 'Change a cluster, or one of its node groups, to the image and the version of a template',
        headers: IfMatchHeaders,
        body: Ref<ClusterUpgrade>('ClusterUpgrade'),
      },
    },
    async (request, reply) => {
      requireMicroversion(request, VERSION.upgrade, 'upgrade');
      const { cluster_template: ref, max_batch_size: maxBatchSize = 1, nodegroup } = request.body;
      const drivers = await Drivers.of(services);
      const scope = scopeOfRequest(request);
      // What the address names is looked for first.
      await deps.clusters.get(scope, request.params.ref);
      const template = await templateOf(templates, scope, ref, 'cluster_template');
      return changeCluster(deps, request, reply.code(202), {
        requested: 'upgrade',
        plan: (cluster) => {
          drivers.require(cluster.spec.driver, 'upgrade');
          return planOfUpgrade(cluster, { template, maxBatchSize, nodegroup: nodegroup ?? undefined });
        },
        ...ifMatchOf(request),
      });
    },
  );

  app.post(
    '/v1/clusters/:ref/actions/rollback',
    {
      config: { role: 'member' },
      schema: {
        ...common,
        operationId: 'rollbackCluster',
        summary: 'Go back to what there was before a change that goes on or has failed',
        headers: IfMatchHeaders,
        body: NoBody,
      },
    },
    async (request, reply) => {
      const drivers = await Drivers.of(services);
      return changeCluster(deps, request, reply.code(202), {
        requested: 'rollback',
        plan: (cluster) => {
          drivers.require(cluster.spec.driver, 'rollback');
          if (cluster.status.applied_spec === null)
            throw new CetusError(
              'conflict',
              'There is nothing to go back to: no operation has succeeded yet',
            );
          const parts = cluster.operation?.parts?.map((part) => ({ ...part, action: 'rollback' as const }));
          return parts === undefined ? {} : { parts };
        },
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
