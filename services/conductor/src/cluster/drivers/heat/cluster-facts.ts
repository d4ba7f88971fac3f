import { defaultMasterOf, isMaster, type NodeGroupFacts, type StoredCluster } from '@cetus/shared/schemas';
import type { Stack } from '@cetus/openstack/heat';
import type { ClusterFacts } from '../../cluster-driver.ts';
import { GONE } from '../openstack/gone.ts';
import type { StackResourceState } from '../openstack/stack-failure.ts';
import type { ClusterSecretStore } from './cluster-secret-store.ts';
import { certificatesOf, kubeconfigFor } from './credentials.ts';
import { apiUrl, readGroupOutputs, readStackOutputs, type StackOutput } from './read-outputs.ts';
import { isUpgrading } from './upgrade/stack-versions.ts';
import { countsOf, groupKey } from './worker-groups.ts';

/**
 * What a stack that has its outputs says about its cluster.
 * @param resources those of a stack that failed, nested ones too: its outputs name servers that were never made
 */
export function clusterFacts(
  cluster: StoredCluster,
  stack: Stack,
  secrets: ClusterSecretStore,
  resources?: readonly StackResourceState[],
): ClusterFacts {
  const outputs = readStackOutputs(stack.outputs);
  const port = cluster.spec.apiserver_port ?? 6443;
  const api_address = outputs.apiAddress === null ? null : apiUrl(outputs.apiAddress, port);
  const { groups, addresses, count } = workerFacts(cluster, stack, resources);
  const masters = defaultMasterOf(cluster.spec);
  const known = new Map(cluster.status.node_groups.map((group) => [group.uuid, group.version]));
  // Until an upgrade has ended, its nodes know better than the stack.
  const withVersion = (group: NodeGroupFacts): NodeGroupFacts =>
    isUpgrading(cluster.status.driver_state) ? { ...group, version: known.get(group.uuid) ?? null } : group;
  return {
    stack_id: stack.id,
    api_address,
    master_addresses: outputs.masterAddresses,
    node_addresses: addresses,
    actual_node_count: count,
    actual_master_count: outputs.masterServerIds.length,
    coe_version: outputs.masterVersion,
    node_groups: [
      ...(masters === undefined
        ? []
        : [
            groupFacts(masters.uuid, {
              addresses: outputs.masterAddresses,
              serverIds: outputs.masterServerIds,
              version: outputs.masterVersion,
            }),
          ]),
      ...groups,
    ].map(withVersion),
    certificates: certificatesOf(cluster, secrets),
    // Made once, and again when the address changes.
    ...(api_address === null ||
    (cluster.status.kubeconfig !== null && cluster.status.api_address === api_address)
      ? {}
      : { kubeconfig: kubeconfigFor(cluster, api_address, secrets) }),
  };
}

/** The workers of all groups that the stack has; those that are to go are there too until they are gone. */
function workerFacts(
  cluster: StoredCluster,
  stack: Stack,
  resources: readonly StackResourceState[] | undefined,
): { groups: NodeGroupFacts[]; addresses: string[]; count: number } {
  const outputs: readonly StackOutput[] | undefined = stack.outputs;
  const servers = resources === undefined ? undefined : serversOf(resources);
  const isServer = (id: string): boolean => servers?.has(id) ?? true;
  const workers = cluster.spec.node_groups.filter((group) => !isMaster(group));
  const known = new Map(workers.map((group) => [groupKey(group), group.uuid]));
  const found = [...countsOf(stack.parameters).keys()].map((key) => ({
    uuid: known.get(key),
    ...readGroupOutputs(outputs, key, isServer),
  }));
  return {
    groups: found.flatMap(({ uuid, ...group }) => (uuid === undefined ? [] : [groupFacts(uuid, group)])),
    addresses: found.flatMap(({ addresses }) => addresses),
    count: found.reduce((sum, { serverIds }) => sum + serverIds.length, 0),
  };
}

/** Ids of servers that exist, even where something went wrong with them later. */
function serversOf(resources: readonly StackResourceState[]): Set<string> {
  const made = resources.filter(
    ({ resource_type, resource_status }) =>
      resource_type === 'OS::Nova::Server' && !/^(INIT|CREATE_FAILED|DELETE_COMPLETE)/.test(resource_status),
  );
  return new Set(made.map(({ physical_resource_id }) => physical_resource_id ?? ''));
}

function groupFacts(
  uuid: string,
  { addresses, serverIds, version }: { addresses: string[]; serverIds: string[]; version: string | null },
): NodeGroupFacts {
  return {
    uuid,
    stack_id: null,
    actual_node_count: serverIds.length,
    node_addresses: addresses,
    version,
    rollout: null,
  };
}

/** {@link GONE}, and the authorities that only this driver keeps. */
export const STACK_GONE: ClusterFacts = {
  ...GONE,
  certificates: { ca_expires_at: null, client_expires_at: null },
  secrets: null,
};
