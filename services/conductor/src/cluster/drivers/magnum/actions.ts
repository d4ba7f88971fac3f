import { CetusError } from '@cetus/shared/errors';
import {
  defaultMasterOf,
  defaultWorkerOf,
  masterCountOf,
  type NodeGroupSpec,
  type Operation,
  type StoredCluster,
} from '@cetus/shared/schemas';
import { hasStatus } from '@cetus/openstack/errors';
import type { HeatClient } from '@cetus/openstack/heat';
import type { CreateMagnumCluster, CreateMagnumNodeGroup, MagnumClient } from '@cetus/openstack/magnum';
import { clusterName, type FoundCluster } from './find-cluster.ts';
import { GROUP_LABEL } from './groups.ts';
import type { Step } from './plan.ts';
import { ensureTemplate } from './templates.ts';

/** What a step is sent with. */
export interface Send {
  magnum: MagnumClient;
  heat: HeatClient;
  signal: AbortSignal;
}

/** Distributions whose driver in Magnum replaces authorities; for others Magnum makes a new one that no node knows, and then fails. */
const ROTATING_DISTRIBUTIONS = new Set(['fedora-coreos']);

/** The create of a cluster, with the rest of the operation's time as its limit. */
export function createBody(
  { _id, spec }: StoredCluster,
  operation: Operation,
  given: { template: string; keypair: string | null },
): CreateMagnumCluster {
  const workers = defaultWorkerOf(spec);
  const masters = defaultMasterOf(spec);
  const flavor = workers?.flavor_id ?? null;
  const masterFlavor = masters?.flavor_id ?? flavor;
  const volume = workers?.docker_volume_size ?? spec.docker_volume_size;
  return {
    name: clusterName(_id),
    cluster_template_id: given.template,
    node_count: workers?.node_count ?? 0,
    master_count: masterCountOf(spec),
    create_timeout: minutesLeft(operation),
    ...(given.keypair === null ? {} : { keypair: given.keypair }),
    ...(flavor === null ? {} : { flavor_id: flavor }),
    ...(masterFlavor === null ? {} : { master_flavor_id: masterFlavor }),
    ...(volume === null ? {} : { docker_volume_size: volume }),
    ...(spec.discovery_url === null ? {} : { discovery_url: spec.discovery_url }),
  };
}

/** Magnum counts in minutes, and Heat takes 0 for no limit. */
function minutesLeft({ deadline_at }: Operation, now = Date.now()): number {
  return Math.max(1, Math.ceil((deadline_at.getTime() - now) / 60_000));
}

/**
 * Tells Magnum to take a step.
 * @returns templates that may be of no use any more
 * @throws CetusError `invalid_field` for a node to remove that is none of its group; what the client throws
 */
export async function take(
  step: Step,
  cluster: StoredCluster,
  found: FoundCluster,
  send: Send,
): Promise<string[]> {
  const { magnum, signal } = send;
  const { uuid, cluster_template_id: current } = found.cluster;
  switch (step.kind) {
    case 'resize': {
      const { want, have } = step;
      const nodes_to_remove = want.node_count < have.node_count ? want.nodes_to_remove : [];
      await checkMembers(have.name, have.stack_id, nodes_to_remove, send);
      await magnum.resizeCluster(
        uuid,
        { node_count: want.node_count, nodegroup: have.uuid, nodes_to_remove },
        { signal },
      );
      return [];
    }
    case 'create-group':
      await createGroup(uuid, step.want, send);
      return [];
    case 'delete-group':
      await magnum.deleteNodeGroup(uuid, step.have.uuid, { signal });
      return [];
    case 'upgrade': {
      const template = step.ownTemplate ? current : await ensureTemplate(magnum, cluster, signal);
      const { max_batch_size } = cluster.spec;
      await magnum.upgradeCluster(
        uuid,
        { cluster_template: template, nodegroup: step.have.uuid, max_batch_size },
        { signal },
      );
      return template === current ? [] : [current];
    }
    case 'rotate-ca': {
      const distribution = (await magnum.getTemplate(current, { signal }))?.cluster_distro ?? '';
      if (!ROTATING_DISTRIBUTIONS.has(distribution)) {
        const message = `Magnum cannot replace the authority of a cluster whose nodes run ${distribution}`;
        throw new CetusError('unsupported', message);
      }
      await magnum.rotateCa(uuid, { signal });
      return [];
    }
  }
}

async function createGroup(cluster: string, want: NodeGroupSpec, { magnum, signal }: Send): Promise<void> {
  try {
    await magnum.createNodeGroup(cluster, groupBody(want), { signal });
  } catch (error) {
    if (!hasStatus(error, 409)) throw error;
    // What a process sent that has died since may have arrived in this moment.
    const there = await magnum.getNodeGroup(cluster, want.name, { signal });
    if (there?.labels[GROUP_LABEL] !== want.uuid) throw error;
  }
}

function groupBody(want: NodeGroupSpec): CreateMagnumNodeGroup {
  return {
    name: want.name,
    role: want.role,
    node_count: want.node_count,
    image_id: want.image_id,
    labels: { ...want.labels, [GROUP_LABEL]: want.uuid },
    ...(want.flavor_id === null ? {} : { flavor_id: want.flavor_id }),
    ...(want.docker_volume_size === null ? {} : { docker_volume_size: want.docker_volume_size }),
  };
}

/** Heat passes over nodes that it does not know, and another node would go. */
async function checkMembers(
  group: string,
  stack: string | null,
  nodes: readonly string[],
  { heat, signal }: Send,
): Promise<void> {
  if (nodes.length === 0 || stack === null) return;
  const servers = await heat.listResources(stack, { nestedDepth: 3, type: 'OS::Nova::Server', signal });
  const known = new Set(servers.map(({ physical_resource_id }) => physical_resource_id));
  const stranger = nodes.find((node) => !known.has(node));
  if (stranger === undefined) return;
  const message = `nodes_to_remove names ${stranger}, which is no server of the node group ${group}`;
  throw new CetusError('invalid_field', message, { field: 'nodes_to_remove' });
}
