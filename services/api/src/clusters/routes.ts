import { randomUUID } from 'node:crypto';
import {
  ClusterListQuery,
  defaultWorkerOf,
  MagnumBoolean,
  nodeCountOf,
  Ref,
  RefParams,
  ScopeQuery,
  type ClusterBrief,
  type ClusterCreate,
  type ClusterView,
  type JsonPatch,
} from '@cetus/shared/schemas';
import { scopeOf } from '@cetus/shared/store';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { namedReferences, validateWithDriver } from '../cluster-validation.ts';
import type { ApiDeps } from '../deps.ts';
import { Drivers } from '../drivers/drivers.ts';
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
  requireMicroversion,
  scopeOfRequest,
  VERSION,
  type LinkBuilder,
  type TypedApp,
} from '../http/index.ts';
import { makeUpName } from '../names.ts';
import {
  accepted,
  changeCluster,
  ClusterIdRef,
  currentSpec,
  planOfDelete,
  refuseZeroNodes,
} from './accept.ts';
import { refuseWithApplications } from './applications-in.ts';
import { briefPage } from './brief-page.ts';
import { clusterSpec, overridesTemplate } from './create.ts';
import { insertCluster } from './insert.ts';
import { KUBECONFIG_BODY_BYTES, replaceKubeconfig } from './kubeconfig.ts';
import { isKubeconfigPatch, readNodeCountPatch } from './patch.ts';
import { ClusterPresenter } from './presenter.ts';
import { planOfResize } from './resize.ts';
import { templateOf } from './template-of.ts';

const TAGS = ['clusters'];

/** Magnum's `/v1/clusters`. */
export function clusterRoutes(app: TypedApp, deps: ApiDeps, links: LinkBuilder): void {
  const { clusters, templates, services, config } = deps;
  const lists = { config, links };
  const present = (request: FastifyRequest): ClusterPresenter =>
    new ClusterPresenter(links, links.base(request), request.microversion);

  app.post(
    '/v1/clusters',
    {
      config: { role: 'member' },
      schema: {
        tags: TAGS,
        operationId: 'createCluster',
        summary: 'Create a cluster',
        querystring: NoQuery,
        headers: IdempotencyHeaders,
        body: Ref<ClusterCreate>('ClusterCreate'),
        response: { 202: ClusterIdRef, ...ERROR_RESPONSES },
      },
    },
    async (request, reply) => {
      const { body } = request;
      const caller = requesterOf(request);
      const idempotency = idempotencyOf(request);
      const base = links.base(request);
      const first = await firstAnswer(clusters, caller, idempotency);
      if (first !== null) return accepted(reply, links, base, first);
      refuseZeroNodes(request, body.node_count);
      const drivers = await Drivers.of(services);
      const template = await templateOf(templates, scopeOf(caller), body.cluster_template_id);
      drivers.require(template.spec.driver, 'create', 'cluster_template_id');
      const spec = clusterSpec(body, template);
      // The template itself was asked about when it was made.
      if (overridesTemplate(body)) {
        const { keypair, flavor_id, master_flavor_id, fixed_network, fixed_subnet } = body;
        await validateWithDriver(deps, caller, {
          driver: spec.driver,
          references: namedReferences({
            keypair,
            flavor_id,
            master_flavor_id,
            fixed_network,
            fixed_subnet,
          }),
          spec,
        });
      }
      const cluster = await insertCluster(deps, {
        uuid: randomUUID(),
        caller,
        name: body.name ?? makeUpName('cluster'),
        spec,
        requested: 'create',
        idempotency,
      });
      return accepted(reply, links, base, cluster);
    },
  );

  app.get(
    '/v1/clusters',
    {
      config: { role: 'reader' },
      schema: {
        tags: TAGS,
        operationId: 'listClusters',
        summary: 'List clusters in brief',
        querystring: ClusterListQuery,
        response: {
          200: Ref<{ clusters: ClusterBrief[]; next?: string }>('ClusterBriefList'),
          ...ERROR_RESPONSES,
        },
      },
    },
    async (request) => {
      const presenter = present(request);
      const scope = scopeOfRequest(request);
      return answerPage(lists, request, {
        name: 'clusters',
        path: '/v1/clusters',
        read: (page) => briefPage(clusters, scope, page),
        present: (one) => presenter.brief(one),
      });
    },
  );

  app.get(
    '/v1/clusters/detail',
    {
      config: { role: 'reader' },
      schema: {
        tags: TAGS,
        operationId: 'listClustersInDetail',
        summary: 'List clusters',
        querystring: ClusterListQuery,
        response: { 200: Ref<{ clusters: ClusterView[]; next?: string }>('ClusterList'), ...ERROR_RESPONSES },
      },
    },
    async (request) => {
      const presenter = present(request);
      const scope = scopeOfRequest(request);
      return answerPage(lists, request, {
        name: 'clusters',
        path: '/v1/clusters/detail',
        read: (page) => clusters.list(scope, page),
        present: (one) => presenter.full(one),
      });
    },
  );

  app.get(
    '/v1/clusters/:ref',
    {
      config: { role: 'reader' },
      schema: {
        tags: TAGS,
        operationId: 'getCluster',
        summary: 'Read a cluster',
        params: RefParams,
        querystring: ScopeQuery,
        headers: IfNoneMatchHeaders,
        response: { 200: Ref<ClusterView>('Cluster'), 304: Empty, ...ERROR_RESPONSES },
      },
    },
    async (request, reply) => {
      const presenter = present(request);
      const cluster = await clusters.get(scopeOfRequest(request), request.params.ref);
      if (notModified(request, reply, cluster)) return reply.send(undefined);
      return presenter.full(cluster);
    },
  );

  app.patch(
    '/v1/clusters/:ref',
    {
      config: { role: 'member' },
      bodyLimit: KUBECONFIG_BODY_BYTES,
      schema: {
        tags: TAGS,
        operationId: 'updateCluster',
        summary: 'Change the number of workers of a cluster, or the kubeconfig of one that others made',
        params: RefParams,
        querystring: Type.Object(
          {
            ...ScopeQuery.properties,
            rollback: MagnumBoolean('Whether the change is undone when it fails.'),
          },
          { additionalProperties: false },
        ),
        headers: IfMatchHeaders,
        body: Ref<JsonPatch>('JsonPatch'),
        response: { 202: ClusterIdRef, ...ERROR_RESPONSES },
      },
    },
    async (request, reply) => {
      const { rollback } = request.query;
      if (rollback !== undefined) requireMicroversion(request, VERSION.rollback, 'rollback');
      const rollbackOnFailure = isTrue(rollback);
      reply.code(202);
      if (isKubeconfigPatch(request.body))
        return replaceKubeconfig(deps, request, reply, { rollbackOnFailure });
      const drivers = await Drivers.of(services);
      return changeCluster(deps, request, reply, {
        requested: 'update',
        plan: (cluster) => {
          const spec = currentSpec(cluster);
          const asked = readNodeCountPatch(request.body, nodeCountOf(spec));
          if (rollbackOnFailure) drivers.require(spec.driver, 'rollback', 'rollback');
          refuseZeroNodes(request, asked);
          const node_count = asked ?? defaultWorkerOf(spec)?.node_count ?? 0;
          return { ...planOfResize(drivers, cluster, { node_count }), rollbackOnFailure };
        },
        ...ifMatchOf(request),
      });
    },
  );

  app.delete(
    '/v1/clusters/:ref',
    {
      config: { role: 'member' },
      schema: {
        tags: TAGS,
        operationId: 'deleteCluster',
        summary: 'Delete a cluster; it goes on in the background',
        params: RefParams,
        querystring: Type.Object(
          {
            ...ScopeQuery.properties,
            force: MagnumBoolean(
              'Whether what cannot be removed is left behind, also by a deletion that goes on.',
            ),
          },
          { additionalProperties: false },
        ),
        headers: IfMatchHeaders,
        response: { 204: Empty, ...ERROR_RESPONSES },
      },
    },
    async (request, reply) => {
      const force = isTrue(request.query.force);
      if (!force) await refuseWithApplications(deps, scopeOfRequest(request), request.params.ref);
      await changeCluster(deps, request, reply, {
        requested: 'delete',
        plan: planOfDelete(force),
        ...ifMatchOf(request),
      });
      return reply.code(204).send(undefined);
    },
  );
}
