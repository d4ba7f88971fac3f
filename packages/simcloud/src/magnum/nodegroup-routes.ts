import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { guarded, type Call, type MagnumContext } from './api.ts';
import { NODE_GROUP_FIELDS } from './cluster-fields.ts';
import { identOf } from './cluster-routes.ts';
import { badRequest, conflict } from './errors.ts';
import { readBody } from './fields.ts';
import { pageOf } from './listing.ts';
import { applyPatch, readPatch } from './patch.ts';
import { V1 } from './paths.ts';
import type { ClusterFamily, Labels, NodeGroupRecord } from './records.ts';
import type { MagnumStore } from './store.ts';

const GROUPS = `${V1}/clusters/:cluster/nodegroups`;
/** The version node groups came with. */
const SINCE = 9;

const INTERNAL = [
  ...['/name', '/cluster_id', '/project_id', '/docker_volume_size', '/labels', '/flavor_id', '/image_id'],
  ...[
    '/node_addresses',
    '/node_count',
    '/role',
    '/is_default',
    '/stack_id',
    '/status',
    '/status_reason',
    '/version',
  ],
];

interface GroupRequest {
  name?: string | null;
  docker_volume_size?: number | null;
  labels?: Labels | null;
  flavor_id?: string | null;
  image_id?: string | null;
  node_count?: number;
  role?: string;
  min_node_count?: number;
  max_node_count?: number | null;
  merge_labels?: boolean;
}

/** Node groups of a cluster. */
export function nodeGroupRoutes(app: FastifyInstance, context: MagnumContext): void {
  const { store, views, conductor } = context;
  const one = ({ params }: Call): string => params['group'] ?? '';

  const list = guarded(
    context,
    (call) => {
      const family = store.family(call.all, identOf(call));
      const { role } = call.query;
      const page = pageOf(call, {
        rows: family.nodegroups.filter((group) => role === undefined || group.role === role),
        extra: ['role'],
        marker: (ident) => store.nodeGroup(family, ident),
        key: ({ uuid }) => uuid,
      });
      const path = `clusters/${family.cluster.uuid}/nodegroups`;
      return {
        nodegroups: page.rows.map((group) => views.nodeGroupSummary(group)),
        ...(page.next === undefined ? {} : { next: views.href(`${path}${page.next}`) }),
      };
    },
    SINCE,
  );
  app.get(GROUPS, list);

  const show = guarded(
    context,
    (call) => {
      const family = store.family(call.all, identOf(call));
      return views.nodeGroup(store.nodeGroup(family, one(call)), family.cluster);
    },
    SINCE,
  );
  app.get(`${GROUPS}/:group`, show);

  const create = guarded(
    context,
    async (call, reply) => {
      const wanted = readBody('nodegroup', NODE_GROUP_FIELDS, call.body) as GroupRequest;
      const family = store.family(call.own, identOf(call));
      const group = groupOf(store, family, wanted);
      await conductor.cast({ do: 'createGroup', uuid: family.cluster.uuid, group });
      return reply.code(202).send(views.newNodeGroup(group, family.cluster));
    },
    SINCE,
  );
  app.post(GROUPS, create);

  const patch = guarded(
    context,
    async (call, reply) => {
      const operations = readPatch(call.body, { internal: INTERNAL });
      const family = store.family(call.own, identOf(call));
      const group = store.nodeGroup(family, one(call));
      const next = applyPatch(group, operations, NODE_GROUP_FIELDS, { min_node_count: 0 });
      checkBounds(next);
      await conductor.cast({
        do: 'updateGroup',
        uuid: family.cluster.uuid,
        group: group.uuid,
        min: next.min_node_count,
        max: next.max_node_count,
      });
      return reply.code(202).send(views.nodeGroup(next, family.cluster));
    },
    SINCE,
  );
  app.patch(`${GROUPS}/:group`, patch);

  const remove = guarded(
    context,
    async (call, reply) => {
      const family = store.family(call.own, identOf(call));
      const group = store.nodeGroup(family, one(call));
      if (group.is_default) throw badRequest('Deleting a default nodegroup is not supported.');
      await conductor.cast({ do: 'deleteGroup', uuid: family.cluster.uuid, group: group.uuid });
      return reply.code(204).send();
    },
    SINCE,
  );
  app.delete(`${GROUPS}/:group`, remove);
}

function groupOf(
  store: MagnumStore,
  { cluster, nodegroups }: ClusterFamily,
  wanted: GroupRequest,
): NodeGroupRecord {
  if (cluster.api_address === null) throw conflict('Cluster API address is not available yet');
  const name = wanted.name ?? '';
  if (nodegroups.some((group) => group.name === name)) {
    throw conflict(`A node group with name ${name} already exists in the cluster ${cluster.name}.`);
  }
  const bounds = {
    name: wanted.name ?? 'None',
    node_count: wanted.node_count ?? 1,
    min_node_count: wanted.min_node_count ?? 0,
    max_node_count: wanted.max_node_count ?? null,
  };
  checkBounds(bounds);
  const role = wanted.role ?? 'worker';
  if (role === 'master') throw badRequest('Creating master nodegroups is currently not supported.');
  const inherited = cluster.labels;
  return {
    ...bounds,
    id: 0,
    uuid: randomUUID(),
    name,
    cluster_id: cluster.uuid,
    project_id: cluster.project_id,
    docker_volume_size: wanted.docker_volume_size ?? null,
    labels:
      wanted.labels == null
        ? inherited
        : { ...(wanted.merge_labels === true ? inherited : {}), ...wanted.labels },
    flavor_id: wanted.flavor_id ?? cluster.flavor_id,
    image_id: wanted.image_id ?? store.templates.get(cluster.cluster_template_id)?.image_id ?? null,
    node_addresses: [],
    role,
    is_default: false,
    stack_id: null,
    status: 'CREATE_IN_PROGRESS',
    status_reason: null,
    version: null,
    created_at: Date.now(),
    updated_at: null,
  };
}

type Bounds = Pick<NodeGroupRecord, 'name' | 'node_count' | 'min_node_count' | 'max_node_count'>;

/** A maximum of 0 is none. */
function checkBounds({ name, node_count: count, min_node_count: min, max_node_count: max }: Bounds): void {
  const refuse = (field: string, [less, a]: [string, number], [more, b]: [string, number]): Error =>
    conflict(
      `${field} for ${name} is invalid (${less} (${String(a)}) should be less or equal to ${more} (${String(b)})).`,
    );
  if (max !== null && max > 0) {
    if (max < min) throw refuse('max_node_count', ['min_node_count', min], ['max_node_count', max]);
    if (count > max) throw refuse('max_node_count', ['node_count', count], ['max_node_count', max]);
  }
  if (min > count) throw refuse('min_node_count', ['min_node_count', min], ['node_count', count]);
}
