import { CetusError } from '@cetus/shared/errors';
import { newObject } from '@cetus/shared/operations';
import {
  ClusterListQuery,
  Ref,
  RefParams,
  ScopeQuery,
  type ClusterBrief,
  type ClusterCreate,
  type ClusterView,
  type JsonPatch,
  type StoredCluster,
  type StoredClusterTemplate,
} from '@cetus/shared/schemas';
import { CLUSTER, scopeOf } from '@cetus/shared/store';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { namedReferences, validateWithDriver } from '../cluster-validation.ts';
import type { ApiDeps } from '../deps.ts';
import { requesterOf, scopeOfRequest } from '../http/caller.ts';
import { ifMatchOf, notModified } from '../http/conditional.ts';
import { firstAnswer, idempotencyOf } from '../http/idempotency.ts';
import type { LinkBuilder } from '../http/links.ts';
import { requireMicroversion, VERSION } from '../http/microversion.ts';
import { nextLink, pageOf } from '../http/paging.ts';
import {
  Empty,
  ERROR_RESPONSES,
  IdempotencyHeaders,
  IfMatchHeaders,
  IfNoneMatchHeaders,
  NoQuery,
  type TypedApp,
} from '../http/route.ts';
import { makeUpName } from '../names.ts';
import { changeCluster, ClusterIdRef, refuseZeroNodes } from './accept.ts';
import { clusterSpec, createTimeoutMs, overridesTemplate, unknownStatus } from './create.ts';
import { patchedSpec } from './patch.ts';
import { BRIEF_FIELDS, ClusterPresenter } from './presenter.ts';

const TAGS = ['clusters'];

/** Magnum's `/v1/clusters`. */
export function clusterRoutes(app: TypedApp, deps: ApiDeps, links: LinkBuilder): void {
  const { clusters, templates, dispatcher, config } = deps;
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
      const accepted = (object: StoredCluster): { uuid: string } => {
        // A later operation is not what the request was answered with first.
        if (object.operation?.generation === 1) reply.header('cetus-operation-id', object.operation.uuid);
        reply.code(202).header('location', links.self(base, 'clusters', object._id));
        return { uuid: object._id };
      };
      const first = await firstAnswer(clusters, caller, idempotency);
      if (first !== null) return accepted(first);
      refuseZeroNodes(request, body.node_count);
      const template = await templateOf(body.cluster_template_id, caller.projectId);
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
      const { object, replayed } = await clusters.create(
        newObject({
          kind: CLUSTER,
          caller,
          name: body.name ?? makeUpName('cluster'),
          spec,
          status: unknownStatus(),
          deadlineMs: createTimeoutMs(spec),
          ...(idempotency === undefined ? {} : { idempotency }),
        }),
      );
      if (!replayed) await dispatcher.dispatch(CLUSTER, object);
      return accepted(object);
    },
  );

  /** The template that a request names; that it does not exist is a mistake in the body, not in the address. */
  async function templateOf(ref: string, projectId: string): Promise<StoredClusterTemplate> {
    try {
      return await templates.get(scopeOf({ projectId }), ref);
    } catch (cause) {
      const field = 'cluster_template_id';
      if (cause instanceof CetusError && cause.code === 'not_found') {
        throw new CetusError('cluster_template_not_found', `There is no cluster template ${ref}`, {
          cause,
          field,
        });
      }
      if (cause instanceof CetusError && cause.code === 'ambiguous_name') {
        throw new CetusError('ambiguous_reference', cause.message, { cause, field });
      }
      throw cause;
    }
  }

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
      const page = pageOf(request.query, config, { sortKey: 'uuid' });
      const presenter = present(request);
      const { items, nextMarker } = await clusters.list(scopeOfRequest(request), page, BRIEF_FIELDS);
      const next = nextLink(`${links.base(request)}/v1/clusters`, request.query, page.limit, nextMarker);
      return { clusters: items.map((one) => presenter.brief(one)), ...(next === undefined ? {} : { next }) };
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
      const page = pageOf(request.query, config, { sortKey: 'uuid' });
      const presenter = present(request);
      const { items, nextMarker } = await clusters.list(scopeOfRequest(request), page);
      const next = nextLink(
        `${links.base(request)}/v1/clusters/detail`,
        request.query,
        page.limit,
        nextMarker,
      );
      return { clusters: items.map((one) => presenter.full(one)), ...(next === undefined ? {} : { next }) };
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
      schema: {
        tags: TAGS,
        operationId: 'updateCluster',
        summary: 'Change the number of workers of a cluster',
        params: RefParams,
        querystring: Type.Object(
          {
            ...ScopeQuery.properties,
            rollback: Type.Optional(
              Type.String({
                pattern: '^([Tt]rue|[Ff]alse|0|1)$',
                description: 'Magnum’s; only `false` is supported.',
              }),
            ),
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
      if (rollback !== undefined) {
        requireMicroversion(request, VERSION.rollback, 'rollback');
        if (/^(true|1)$/i.test(rollback)) {
          throw new CetusError('unsupported', 'A change that fails is not rolled back; it can be retried', {
            field: 'rollback',
          });
        }
      }
      const update = (spec: Parameters<typeof patchedSpec>[0]) => {
        const next = patchedSpec(spec, request.body);
        refuseZeroNodes(request, next.node_count);
        return next;
      };
      return changeCluster(deps, request, reply.code(202), {
        requested: 'update',
        update,
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
        querystring: ScopeQuery,
        headers: IfMatchHeaders,
        response: { 204: Empty, ...ERROR_RESPONSES },
      },
    },
    async (request, reply) => {
      await changeCluster(deps, request, reply, { requested: 'delete', ...ifMatchOf(request) });
      return reply.code(204).send(undefined);
    },
  );
}
