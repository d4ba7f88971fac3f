import type { FastifyInstance } from 'fastify';
import { guarded, type MagnumContext } from './api.ts';
import { RESIZE_FIELDS, UPGRADE_FIELDS } from './cluster-fields.ts';
import { identOf, refuseZero } from './cluster-routes.ts';
import { badRequest, conflict, MagnumError } from './errors.ts';
import { readBody } from './fields.ts';
import { V1 } from './paths.ts';
import { defaultGroup } from './store.ts';

const ACTIONS = `${V1}/clusters/:cluster/actions`;

interface ResizeRequest {
  node_count: number;
  nodes_to_remove?: string[] | null;
  nodegroup?: string | null;
}

interface UpgradeRequest {
  cluster_template?: string;
  max_batch_size?: number;
  nodegroup?: string | null;
}

/** Changing the number of nodes, and the versions. */
export function actionRoutes(app: FastifyInstance, context: MagnumContext): void {
  const { store, conductor } = context;

  const resize = guarded(
    context,
    async (call, reply) => {
      const wanted = readBody('cluster_resize_req', RESIZE_FIELDS, call.body) as unknown as ResizeRequest;
      refuseZero(call, wanted.node_count);
      const family = store.family(call.own, identOf(call));
      const group =
        wanted.nodegroup == null ? defaultGroup(family, 'worker') : store.nodeGroup(family, wanted.nodegroup);
      if (group.role === 'master') throw badRequest('Resizing a master nodegroup is not supported.');
      const { min_node_count: min, max_node_count: max } = group;
      // A maximum of 0 is none.
      if (wanted.node_count < min || (max !== null && max > 0 && wanted.node_count > max)) {
        const range = `min_node_count = ${String(min)}, max_node_count = ${max === null ? 'None' : String(max)}`;
        throw badRequest(`Resizing ${group.name} outside the allowed range: ${range}`);
      }
      await conductor.cast({
        do: 'resize',
        uuid: family.cluster.uuid,
        status: family.cluster.status,
        group: group.uuid,
        nodeCount: wanted.node_count,
        nodesToRemove: wanted.nodes_to_remove ?? [],
      });
      return reply.code(202).send({ uuid: family.cluster.uuid });
    },
    7,
  );
  app.post(`${ACTIONS}/resize`, resize);

  const upgrade = guarded(
    context,
    async (call, reply) => {
      const wanted = readBody('cluster_upgrade_req', UPGRADE_FIELDS, call.body) as UpgradeRequest;
      if (call.version < 8) {
        throw badRequest('Cluster upgrade is not supported in the provided microversion.');
      }
      const family = store.family(call.all, identOf(call));
      const template = store.template(call.all, wanted.cluster_template ?? 'Unset');
      const group =
        wanted.nodegroup == null ? defaultGroup(family, 'worker') : store.nodeGroup(family, wanted.nodegroup);
      if (!group.is_default && template.uuid !== family.cluster.cluster_template_id) {
        const own = store.templates.get(family.cluster.cluster_template_id)?.name ?? 'None';
        throw conflict(
          `Cluster Template is not valid for upgrade: Nodegroup ${group.name} can be upgraded only to match ` +
            `cluster's template (${own}).`,
        );
      }
      // Without a number Magnum cannot put the request into words for its conductor.
      if (wanted.max_batch_size === undefined) throw new MagnumError(500, 'Circular reference detected');
      await conductor.upgrade(family, { template, group, maxBatchSize: wanted.max_batch_size });
      return reply.code(202).send({ uuid: family.cluster.uuid });
    },
    7,
  );
  app.post(`${ACTIONS}/upgrade`, upgrade);
}
