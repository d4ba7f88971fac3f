import { CetusError } from '@cetus/shared/errors';
import {
  NodeGroupListQuery,
  NodeGroupParams,
  Ref,
  RefParams,
  ScopeQuery,
  withNodeGroup,
  type JsonPatch,
  type NodeGroupBrief,
  type NodeGroupCreate,
  type NodeGroupSpec,
  type NodeGroupView,
  type StoredCluster,
} from '@cetus/shared/schemas';
import { entityTag } from '@cetus/shared/store';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { namedReferences, validateWithDriver } from '../cluster-validation.ts';
import { changedCluster, currentSpec, refuseZeroNodes } from '../clusters/accept.ts';
import type { ApiDeps } from '../deps.ts';
import { Drivers } from '../drivers/drivers.ts';
import {
  answerPage,
  Empty,
  ERROR_RESPONSES,
  IdempotencyHeaders,
  idempotencyOf,
  IfMatchHeaders,
  ifMatchOf,
  IfNoneMatchHeaders,
  notModified,
  requesterOf,
  requireMicroversion,
  scopeOfRequest,
  VERSION,
  type LinkBuilder,
  type TypedApp,
} from '../http/index.ts';
import { firstNodeGroup, newNodeGroup, withNewNodeGroup } from './create.ts';
import { pageOfNodeGroups } from './list.ts';
import { changed, nodeGroupAt, nodeGroupsSeen, partOf } from './node-groups.ts';
import { nodeFieldOf, patchNodeGroup } from './patch.ts';
import { presentBrief, presentNodeGroup } from './presenter.ts';

const TAGS = ['node groups'];
const LIST = '/v1/clusters/:ref/nodegroups';
const ONE = `${LIST}/:group` as const;
const NodeGroupRef = Ref<NodeGroupView>('NodeGroup');

/** Magnum's `/v1/clusters/{cluster}/nodegroups`. Entity tags are those of the cluster, which the groups are parts of. */
export function nodeGroupRoutes(app: TypedApp, deps: ApiDeps, links: LinkBuilder): void {
  const { clusters, config, services } = deps;
  const requireVersion = (request: FastifyRequest): void =>
    requireMicroversion(request, VERSION.nodeGroups, 'the resource nodegroups');
  const present = (request: FastifyRequest, cluster: StoredCluster, group: NodeGroupSpec): NodeGroupView =>
    presentNodeGroup(cluster, group, { links, base: links.base(request), version: request.microversion });
  const accepted = (
    request: FastifyRequest,
    reply: FastifyReply,
    cluster: StoredCluster,
    ref: string,
  ): NodeGroupView => {
    reply.code(202).header('etag', entityTag(cluster));
    return present(request, cluster, nodeGroupAt(cluster, ref));
  };

  app.get(
    LIST,
    {
      config: { role: 'reader' },
      schema: {
        tags: TAGS,
        operationId: 'listNodeGroups',
        summary: 'List the node groups of a cluster',
        params: RefParams,
        querystring: NodeGroupListQuery,
        response: {
          200: Ref<{ nodegroups: NodeGroupBrief[]; next?: string }>('NodeGroupList'),
          ...ERROR_RESPONSES,
        },
      },
    },
    async (request) => {
      requireVersion(request);
      const { query } = request;
      const cluster = await clusters.get(scopeOfRequest(request), request.params.ref);
      return answerPage({ config, links }, request, {
        name: 'nodegroups',
        path: `/v1/clusters/${cluster._id}/nodegroups`,
        read: (page) =>
          pageOfNodeGroups(nodeGroupsSeen(cluster), {
            ...page,
            sortKey: query.sort_key ?? 'id',
            role: query.role,
          }),
        present: (group) => presentBrief(cluster, group),
      });
    },
  );

  app.post(
    LIST,
    {
      config: { role: 'member' },
      schema: {
        tags: TAGS,
        operationId: 'createNodeGroup',
        summary: 'Add a node group to a cluster',
        params: RefParams,
        querystring: ScopeQuery,
        headers: IdempotencyHeaders,
        body: Ref<NodeGroupCreate>('NodeGroupCreate'),
        response: { 202: NodeGroupRef, ...ERROR_RESPONSES },
      },
    },
    async (request, reply) => {
      requireVersion(request);
      const { body } = request;
      refuseZeroNodes(request, body.node_count);
      const nodeField = (['node_labels', 'node_taints'] as const).find((field) => body[field] !== undefined);
      if (nodeField !== undefined) requireMicroversion(request, VERSION.nodeLabels, nodeField);
      const idempotency = idempotencyOf(request);
      const drivers = await Drivers.of(services);
      const before = await clusters.get(scopeOfRequest(request), request.params.ref);
      const base = currentSpec(before);
      const group = newNodeGroup(body, base, idempotency);
      // A request that is sent again is answered as the first time, whatever has gone since.
      const again = firstNodeGroup(base, idempotency) !== undefined;
      if (!again) {
        drivers.require(base.driver, 'node-groups');
        if (nodeField !== undefined) drivers.require(base.driver, 'node-labels', nodeField);
        await validate(request, before, body, group);
      }
      let made = group;
      const { cluster, changed: isNew } = await changedCluster(deps, request, {
        requested: 'node-group-create',
        plan: (current) => {
          const spec = currentSpec(current);
          const first = firstNodeGroup(spec, idempotency);
          made = first ?? group;
          if (first !== undefined) return null;
          return { spec: withNewNodeGroup(spec, group), parts: [partOf(group, 'create')] };
        },
      });
      if (isNew) setOperation(reply, cluster);
      reply.header(
        'location',
        links.self(links.base(request), `clusters/${cluster._id}/nodegroups`, made.uuid),
      );
      return accepted(request, reply, cluster, made.uuid);
    },
  );

  app.get(
    ONE,
    {
      config: { role: 'reader' },
      schema: {
        tags: TAGS,
        operationId: 'getNodeGroup',
        summary: 'Read a node group',
        params: NodeGroupParams,
        querystring: ScopeQuery,
        headers: IfNoneMatchHeaders,
        response: { 200: NodeGroupRef, 304: Empty, ...ERROR_RESPONSES },
      },
    },
    async (request, reply) => {
      requireVersion(request);
      const cluster = await clusters.get(scopeOfRequest(request), request.params.ref);
      const group = nodeGroupAt(cluster, request.params.group);
      if (notModified(request, reply, cluster)) return reply.send(undefined);
      return present(request, cluster, group);
    },
  );

  app.patch(
    ONE,
    {
      config: { role: 'member' },
      schema: {
        tags: TAGS,
        operationId: 'updateNodeGroup',
        summary: 'Change the bounds of a node group, or the labels and taints of its nodes',
        params: NodeGroupParams,
        querystring: ScopeQuery,
        headers: IfMatchHeaders,
        body: Ref<JsonPatch>('JsonPatch'),
        response: { 202: NodeGroupRef, ...ERROR_RESPONSES },
      },
    },
    async (request, reply) => {
      requireVersion(request);
      const { body } = request;
      const { group: ref } = request.params;
      const nodeField = nodeFieldOf(body);
      if (nodeField !== undefined) requireMicroversion(request, VERSION.nodeLabels, nodeField);
      const drivers = await Drivers.of(services);
      const { cluster } = await changedCluster(deps, request, {
        requested: 'node-group-update',
        plan: (current) => {
          const spec = currentSpec(current);
          const group = nodeGroupAt(current, ref);
          if (nodeField !== undefined) drivers.require(spec.driver, 'node-labels', nodeField);
          const next = patchNodeGroup(group, body);
          return { spec: withNodeGroup(spec, group.uuid, () => next), parts: [partOf(group, 'update')] };
        },
        ...ifMatchOf(request),
      });
      setOperation(reply, cluster);
      return accepted(request, reply, cluster, ref);
    },
  );

  app.delete(
    ONE,
    {
      config: { role: 'member' },
      schema: {
        tags: TAGS,
        operationId: 'deleteNodeGroup',
        summary: 'Remove a node group from a cluster; it goes on in the background',
        params: NodeGroupParams,
        querystring: ScopeQuery,
        headers: IfMatchHeaders,
        response: { 204: Empty, ...ERROR_RESPONSES },
      },
    },
    async (request, reply) => {
      requireVersion(request);
      const { cluster } = await changedCluster(deps, request, {
        requested: 'node-group-delete',
        plan: (current) => {
          const group = nodeGroupAt(current, request.params.group);
          if (group.is_default) {
            throw new CetusError('unsupported', `The default node group ${group.name} cannot be deleted`);
          }
          const { operation } = current;
          const goesOn =
            operation?.state === 'IN_PROGRESS' &&
            operation.parts?.some(({ uuid, action }) => uuid === group.uuid && action === 'delete') === true;
          if (goesOn) return null;
          const next = changed(group, { deleted: true });
          return {
            spec: withNodeGroup(currentSpec(current), group.uuid, () => next),
            parts: [partOf(group, 'delete')],
          };
        },
        ...ifMatchOf(request),
      });
      setOperation(reply, cluster);
      return reply.code(204).send(undefined);
    },
  );

  /** Asks the conductor about what a new group has otherwise than its cluster. */
  async function validate(
    request: FastifyRequest,
    cluster: StoredCluster,
    body: NodeGroupCreate,
    group: NodeGroupSpec,
  ): Promise<void> {
    const { image_id, flavor_id, labels, docker_volume_size } = body;
    if (image_id == null && flavor_id == null && labels == null && docker_volume_size == null) return;
    const spec = withNewNodeGroup(currentSpec(cluster), group);
    const caller = { projectId: cluster.project_id, userId: requesterOf(request).userId };
    await validateWithDriver(deps, caller, {
      driver: spec.driver,
      references: namedReferences({ image_id, flavor_id }),
      spec,
    });
  }
}

function setOperation(reply: FastifyReply, { operation }: StoredCluster): void {
  if (operation !== null) reply.header('cetus-operation-id', operation.uuid);
}
