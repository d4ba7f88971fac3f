import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { guarded, type Call, type MagnumContext } from './api.ts';
import { CLUSTER_FIELDS } from './cluster-fields.ts';
import { badRequest, MagnumError } from './errors.ts';
import { readBody } from './fields.ts';
import { pageOf } from './listing.ts';
import { randomName } from './names.ts';
import { applyPatch, readPatch } from './patch.ts';
import { V1 } from './paths.ts';
import type { ClusterFamily, ClusterRecord, Labels, TemplateRecord } from './records.ts';
import { defaultGroup } from './store.ts';
import { checkDriver, checkKeypair, checkResources, checkVolumes } from './template-checks.ts';
import { counts } from './views.ts';

const CLUSTERS = `${V1}/clusters`;

const INTERNAL = [
  ...[
    '/api_address',
    '/node_addresses',
    '/master_addresses',
    '/stack_id',
    '/ca_cert_ref',
    '/magnum_cert_ref',
  ],
  ...['/trust_id', '/trustee_user_name', '/trustee_password', '/trustee_user_id', '/etcd_ca_cert_ref'],
  '/front_proxy_ca_cert_ref',
];
const PATCHABLE = ['node_count', 'health_status', 'health_status_reason'];

interface ClusterRequest {
  uuid?: string;
  name?: string | null;
  cluster_template_id: string;
  keypair?: string | null;
  node_count?: number;
  master_count?: number;
  docker_volume_size?: number | null;
  labels?: Labels | null;
  master_flavor_id?: string | null;
  flavor_id?: string | null;
  create_timeout?: number;
  fixed_network?: string | null;
  fixed_subnet?: string | null;
  floating_ip_enabled?: boolean;
  master_lb_enabled?: boolean;
  merge_labels?: boolean;
}

/** The cluster a path names. */
export const identOf = ({ params }: Call): string => params['cluster'] ?? '';

/** Refused before 1.10. */
export function refuseZero({ version }: Call, count: number | undefined): void {
  if (count === 0 && version < 10) {
    throw badRequest('Resizing a nodegroup to zero is not supported in the provided microversion.');
  }
}

/** Clusters: lists, one, and what is done with one. */
export function clusterRoutes(app: FastifyInstance, context: MagnumContext): void {
  const { store, views, conductor } = context;
  const templateOf = ({ cluster }: ClusterFamily): TemplateRecord | undefined =>
    store.templates.get(cluster.cluster_template_id);

  for (const path of ['', '/detail']) {
    app.get(
      `${CLUSTERS}${path}`,
      guarded(context, (call) => {
        const rows = store.clusters(call.all);
        const marker = (ident: string): ClusterRecord => store.family(call.all, ident).cluster;
        const page = pageOf(call, { rows, marker, key: ({ uuid }) => uuid });
        const clusters = page.rows.flatMap(({ uuid }) => {
          const family = store.families.get(uuid);
          if (family === undefined) return [];
          return path === ''
            ? views.clusterSummary(family, call.version)
            : views.cluster(family, templateOf(family), call.version, false);
        });
        return {
          clusters,
          ...(page.next === undefined ? {} : { next: views.href(`clusters${path}${page.next}`) }),
        };
      }),
    );
  }

  app.get(
    `${CLUSTERS}/:cluster`,
    guarded(context, (call) => {
      const family = store.family(call.all, identOf(call));
      return views.cluster(family, templateOf(family), call.version, true);
    }),
  );

  app.post(
    CLUSTERS,
    guarded(context, async (call, reply) => {
      const wanted = readBody('cluster', CLUSTER_FIELDS, call.body) as unknown as ClusterRequest;
      refuseZero(call, wanted.node_count);
      const template = store.template(call.own, wanted.cluster_template_id, call.version < 10 ? 400 : 404);
      checkDriver(template);
      checkVolumes(template, wanted.docker_volume_size ?? template.docker_volume_size);
      refuseOverQuota(context, call);
      const cluster = clusterOf(call, wanted, template);
      checkResources({
        ...cluster,
        image_id: template.image_id,
        external_network_id: template.external_network_id,
      });
      checkKeypair(cluster.keypair);
      const masterCount = wanted.master_count ?? 1;
      if (masterCount > 1 && !cluster.master_lb_enabled) {
        throw badRequest('master_count must be 1 when master_lb_enabled is False');
      }
      const family: ClusterFamily = { cluster, nodegroups: [], authorities: null, served: null };
      const nodeCount = wanted.node_count ?? 1;
      await conductor.cast({ do: 'create', uuid: cluster.uuid, family, masterCount, nodeCount });
      return reply.code(202).send({ uuid: cluster.uuid });
    }),
  );

  app.patch(
    `${CLUSTERS}/:cluster`,
    guarded(context, async (call, reply) => {
      const operations = readPatch(call.body, { internal: INTERNAL, mandatory: ['/cluster_template_id'] });
      const family = store.family(call.all, identOf(call));
      const { cluster } = family;
      const document = { ...cluster, ...counts(family) };
      const next = applyPatch(document, operations, CLUSTER_FIELDS, { node_count: 1 });
      const changed = (Object.keys(next) as (keyof typeof next)[]).filter(
        (field) => JSON.stringify(next[field]) !== JSON.stringify(document[field]),
      );
      const fixed = changed.filter((field) => !PATCHABLE.includes(field));
      if (fixed.length > 0) throw badRequest(`cannot change cluster property(ies) ${fixed.join(', ')}.`);
      // The cluster shows the nodes of all groups, but is told those of the default one.
      const isSized = operations.some(({ path }) => path === '/node_count');
      const nodeCount = isSized ? next.node_count : defaultGroup(family, 'worker').node_count;
      refuseZero(call, nodeCount);
      await conductor.cast({
        do: 'update',
        uuid: cluster.uuid,
        status: cluster.status,
        nodeCount,
        health: { status: next.health_status, reason: next.health_status_reason },
        rollback: call.query['rollback']?.toLowerCase() === 'true',
      });
      return reply.code(202).send({ uuid: cluster.uuid });
    }),
  );

  app.delete(
    `${CLUSTERS}/:cluster`,
    guarded(context, async (call, reply) => {
      const { cluster } = store.family(call.all, identOf(call));
      await conductor.cast({ do: 'delete', uuid: cluster.uuid });
      return reply.code(204).send();
    }),
  );
}

function clusterOf({ caller }: Call, wanted: ClusterRequest, template: TemplateRecord): ClusterRecord {
  const inherited = template.labels ?? {};
  const own = wanted.labels ?? {};
  const hasOwn = Object.keys(own).length > 0;
  return {
    id: 0,
    uuid: randomUUID(),
    name: wanted.name ?? `${randomName()}-cluster`,
    project_id: caller.projectId,
    user_id: caller.userId,
    cluster_template_id: template.uuid,
    keypair: wanted.keypair ?? template.keypair_id,
    docker_volume_size: wanted.docker_volume_size ?? template.docker_volume_size,
    labels: hasOwn ? { ...(wanted.merge_labels === true ? inherited : {}), ...own } : inherited,
    master_flavor_id: wanted.master_flavor_id ?? template.master_flavor_id,
    flavor_id: wanted.flavor_id ?? template.flavor_id,
    create_timeout: wanted.create_timeout ?? 60,
    stack_id: null,
    status: 'CREATE_IN_PROGRESS',
    status_reason: null,
    health_status: null,
    health_status_reason: {},
    discovery_url: null,
    api_address: null,
    coe_version: null,
    container_version: null,
    fixed_network: wanted.fixed_network ?? template.fixed_network,
    fixed_subnet: wanted.fixed_subnet ?? template.fixed_subnet,
    floating_ip_enabled: wanted.floating_ip_enabled ?? template.floating_ip_enabled,
    master_lb_enabled: wanted.master_lb_enabled ?? template.master_lb_enabled,
    created_at: Date.now(),
    updated_at: null,
  };
}

/** Only rows count: what is accepted and not yet written does not, so several at once may pass. */
function refuseOverQuota({ store, maxClustersPerProject }: MagnumContext, { caller, own }: Call): void {
  const limit = store.quotas.get(caller.projectId)?.hard_limit ?? maxClustersPerProject;
  if (store.clusters(own).length < limit) return;
  throw new MagnumError(
    403,
    `Resource limit exceeded: You have reached the maximum clusters per project, ${String(limit)}. ` +
      'You may delete a cluster to make room for a new one.',
  );
}
