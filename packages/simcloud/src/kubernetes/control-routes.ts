import type { FastifyInstance } from 'fastify';
import type { UpgradeFault } from './controllers/controller-context.ts';
import type { NodeReadiness } from './controllers/nodes.ts';
import type { KubernetesHost } from './kubernetes-host.ts';
import type { Network } from './listener.ts';
import type { SimCluster } from './sim-cluster.ts';
import type { WriteGateSpec } from './write-gate.ts';

/** What may be switched of one cluster; what is not named stays. */
interface ClusterSwitches {
  network?: Network;
  latencyMs?: number;
  /** By node. */
  nodes?: Record<string, NodeReadiness>;
  /** How the upgrade of a node goes wrong, null: not at all. */
  upgrades?: Record<string, UpgradeFault | null>;
  /** What ails a component, null: nothing. */
  components?: Record<string, string | null>;
  /** True: all watches end with 410. */
  expireWatches?: boolean;
  /** True: lists of any version stay as they are now; false: they are as it is then. */
  frozenCache?: boolean;
  /** What becomes of writes; null: they are carried out and answered. */
  writes?: WriteGateSpec | null;
}

const NETWORKS: readonly unknown[] = ['up', 'refused', 'hanging'];
const READINESS: readonly unknown[] = ['True', 'False', 'Unknown'];

/**
 * The switches of clusters over HTTP, without authentication: `GET /_control/kubernetes` lists the clusters,
 * `PUT /_control/kubernetes/<id>` switches what it names.
 */
export function kubernetesControlRoutes(app: FastifyInstance, host: KubernetesHost): void {
  app.get('/_control/kubernetes', async () =>
    host.ids().flatMap((id) => {
      const cluster = host.get(id);
      return cluster === undefined ? [] : [viewOf(cluster)];
    }),
  );
  app.put('/_control/kubernetes/:id', async (request, reply) => {
    const { id } = request.params as { id: string };
    const cluster = host.get(id);
    if (cluster === undefined)
      return reply.code(404).send({ error: { message: `There is no cluster ${id}.` } });
    const change = (request.body ?? {}) as ClusterSwitches;
    const problem = problemOf(change, cluster);
    if (problem !== undefined) return reply.code(400).send({ error: { message: problem } });
    await set(cluster, change);
    return viewOf(cluster);
  });
}

function viewOf(cluster: SimCluster): object {
  const { id, version, nodes } = cluster.spec;
  return {
    id,
    url: cluster.url,
    version,
    network: cluster.network,
    nodes: nodes.map((node) => node.name),
    components: Object.fromEntries(cluster.health),
    watches: cluster.watches.size,
    writes: { passed: cluster.writes.passed, waiting: cluster.writes.waiting },
  };
}

function problemOf(
  { network, nodes = {}, upgrades = {}, writes }: ClusterSwitches,
  cluster: SimCluster,
): string | undefined {
  if (network !== undefined && !NETWORKS.includes(network))
    return `network is one of ${NETWORKS.join(', ')}.`;
  if (writes != null && (!Number.isInteger(writes.after) || !['hold', 'swallow'].includes(writes.then)))
    return 'writes is null or { "after": <number>, "then": "hold" | "swallow" }.';
  const hasNode = (name: string): boolean => cluster.spec.nodes.some((node) => node.name === name);
  for (const [name, readiness] of Object.entries(nodes)) {
    if (!READINESS.includes(readiness)) return `A node is one of ${READINESS.join(', ')}.`;
    if (!hasNode(name)) return `There is no node ${name}.`;
  }
  for (const [name, fault] of Object.entries(upgrades)) {
    if (fault !== null && fault !== 'hang' && typeof fault.fail !== 'string')
      return 'An upgrade is null, "hang" or { "fail": "<message>" }.';
    if (!hasNode(name)) return `There is no node ${name}.`;
  }
  return undefined;
}

async function set(cluster: SimCluster, change: ClusterSwitches): Promise<void> {
  for (const [name, readiness] of Object.entries(change.nodes ?? {})) cluster.setNodeReady(name, readiness);
  for (const [name, problem] of Object.entries(change.components ?? {})) cluster.setComponent(name, problem);
  for (const [name, fault] of Object.entries(change.upgrades ?? {})) cluster.setUpgradeFault(name, fault);
  if (change.latencyMs !== undefined) cluster.setLatency(change.latencyMs);
  if (change.writes !== undefined) cluster.writes.set(change.writes);
  if (change.expireWatches === true) cluster.expireWatches();
  if (change.frozenCache !== undefined) cluster.freezeCache(change.frozenCache);
  if (change.network !== undefined) await cluster.setNetwork(change.network);
}
