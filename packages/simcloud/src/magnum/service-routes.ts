import type { FastifyInstance } from 'fastify';
import { adminOnly, guarded, openly, type MagnumContext } from './api.ts';
import { badRequest, MagnumError } from './errors.ts';
import { ROOT, V1 } from './paths.ts';
import { negotiate } from './versions.ts';
import { counts } from './views.ts';

const COLLECTIONS = ['clustertemplates', 'clusters', 'quotas', 'certificates', 'mservices', 'stats'];

const asText = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}+00:00`;

/** What the service says of itself, and how much it keeps. */
export function serviceRoutes(app: FastifyInstance, context: MagnumContext): void {
  const { store, views } = context;
  const startedAt = Date.now();

  // Without a token: clients look here for the versions first.
  const versions = () => ({
    name: 'OpenStack Magnum API',
    description: 'Magnum is an OpenStack project which aims to provide container cluster management.',
    versions: [
      {
        id: 'v1',
        links: [{ href: views.href(''), rel: 'self' }],
        status: 'CURRENT',
        max_version: `1.${String(context.maxMicroversion)}`,
        min_version: '1.1',
      },
    ],
  });
  app.get(ROOT, versions);

  // Without a token too, but with the headers that tell the versions.
  const description = openly((request, reply) => {
    negotiate(request, reply, context.maxMicroversion);
    return {
      id: 'v1',
      media_types: [{ base: 'application/json', type: 'application/vnd.openstack.magnum.v1+json' }],
      links: [{ href: views.href(''), rel: 'self' }],
      ...Object.fromEntries(COLLECTIONS.map((name) => [name, views.links(`${name}/`)])),
      nodegroups: views.links('clusters/{cluster_id}/nodegroups'),
    };
  });
  app.get(V1, description);

  app.get(
    `${V1}/stats`,
    guarded(context, ({ query, isAdmin, caller }) => {
      const { type = 'cluster' } = query;
      if (type.toLowerCase() !== 'cluster') {
        throw badRequest("Invalid stats type. Allowed values are 'cluster'");
      }
      const project = query['project_id'] ?? (isAdmin ? undefined : caller.projectId);
      if (!isAdmin && project !== caller.projectId) throw new MagnumError(403, 'Not authorized.');
      const families = [...store.families.values()].filter(
        ({ cluster }) => project === undefined || cluster.project_id === project,
      );
      // Masters are nodes here.
      const nodes = families.map(counts).reduce((sum, one) => sum + one.node_count + one.master_count, 0);
      return { clusters: families.length, nodes };
    }),
  );

  app.get(
    `${V1}/mservices`,
    adminOnly(context, 'magnum-service:get_all', () => {
      const isUp = context.isConductorUp();
      const { at, count } = context.conductor.heartbeat.last();
      return {
        mservices: [
          {
            host: null,
            binary: 'magnum-conductor',
            state: isUp ? 'up' : 'down',
            id: 1,
            report_count: count,
            disabled: false,
            disabled_reason: null,
            created_at: asText(startedAt),
            updated_at: asText(at),
          },
        ],
      };
    }),
  );
}
