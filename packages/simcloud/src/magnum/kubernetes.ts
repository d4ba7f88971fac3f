import { isDeepStrictEqual } from 'node:util';
import type { SimClusterSpec, SimNode } from '../kubernetes/spec.ts';
import type { ClusterHost } from './cluster-host.ts';
import type { ClusterFamily, NodeGroupRecord } from './records.ts';
import { DEFAULT_KUBE_TAG } from './stack-template.ts';
import type { ClusterStacks, Server } from './stacks.ts';
import { defaultGroup } from './store.ts';

/** Keeps the Kubernetes APIs of clusters as the stacks say: nodes follow servers, versions follow upgrades. */
export class ClusterApis {
  readonly #host: ClusterHost | undefined;
  readonly #stacks: ClusterStacks;
  readonly #log: (message: string) => void;
  readonly #applied = new Map<string, SimClusterSpec>();

  constructor(parts: {
    host: ClusterHost | undefined;
    stacks: ClusterStacks;
    log: (message: string) => void;
  }) {
    this.#host = parts.host;
    this.#stacks = parts.stacks;
    this.#log = parts.log;
  }

  /** The cluster that runs for a family, as last applied. */
  applied(family: ClusterFamily): SimClusterSpec | undefined {
    return this.#applied.get(family.cluster.uuid);
  }

  /** Makes the cluster what its stacks are; nothing while it has no address or no authority, or is on its way out. */
  async follow(family: ClusterFamily): Promise<void> {
    const { cluster, served } = family;
    if (this.#host === undefined || served === null || cluster.api_address === null) return;
    if (cluster.status.startsWith('DELETE')) return;
    const { hostname, port } = new URL(cluster.api_address);
    const before = new Map(this.applied(family)?.nodes.map((node) => [node.name, node.version]));
    const nodes = family.nodegroups.flatMap((group) => this.#nodesOf(group, before));
    const kubeTag = defaultGroup(family, 'master').labels['kube_tag'] ?? DEFAULT_KUBE_TAG;
    const wanted: SimClusterSpec = {
      id: cluster.uuid,
      address: hostname,
      port: Number(port),
      authority: served,
      version: nodes.find((node) => node.role === 'master')?.version ?? versionOf(kubeTag),
      nodes,
      // Magnum's `cloud_provider_enabled` is true by default.
      cloudControllers: true,
    };
    if (isDeepStrictEqual(wanted, this.applied(family))) return;
    try {
      await this.#host.apply(wanted);
      this.#applied.set(cluster.uuid, wanted);
    } catch (error) {
      this.#log(`The Kubernetes API of cluster ${cluster.uuid} could not be changed: ${String(error)}`);
    }
  }

  /** Ends the cluster. */
  async remove(uuid: string): Promise<void> {
    this.#applied.delete(uuid);
    await this.#host?.remove(uuid);
  }

  #nodesOf(group: NodeGroupRecord, before: ReadonlyMap<string, string>): SimNode[] {
    if (group.stack_id === null) return [];
    const isMaster = group.role === 'master';
    const servers = this.#stacks.servers(group.stack_id, isMaster ? 'kube_masters' : 'kube_minions');
    return servers.map((server) => nodeOf(server, group, before.get(server.name)));
  }
}

function nodeOf(server: Server, group: NodeGroupRecord, versionBefore: string | undefined): SimNode {
  const isMaster = group.role === 'master';
  return {
    name: server.name,
    role: isMaster ? 'master' : 'worker',
    address: server.address,
    version: server.settled ? versionOf(server.kubeTag) : (versionBefore ?? versionOf(server.kubeTag)),
    labels: {
      'magnum.openstack.org/nodegroup': group.name,
      'magnum.openstack.org/role': group.role,
      ...(isMaster ? { 'node-role.kubernetes.io/master': '' } : {}),
    },
    taints: isMaster ? [{ key: 'node-role.kubernetes.io/master', effect: 'NoSchedule' }] : [],
  };
}

/** The version of Kubernetes in a tag of its containers: `v1.23.3` of `v1.23.3-rancher1`. */
export function versionOf(kubeTag: string): string {
  const [version] = /^v?\d+\.\d+\.\d+/.exec(kubeTag) ?? [DEFAULT_KUBE_TAG.split('-', 1)[0] ?? ''];
  return version.startsWith('v') ? version : `v${version}`;
}
