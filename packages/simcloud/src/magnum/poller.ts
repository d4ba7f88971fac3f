import { isFailed, type ClusterFamily, type NodeGroupRecord } from './records.ts';
import type { ClusterStacks } from './stacks.ts';
import { summarize } from './states.ts';

/** Version of the container engine that Magnum's driver claims for every cluster. */
const CONTAINER_VERSION = '1.12.6';
/** Port of the Kubernetes API; with TLS disabled it is another. */
const PORTS = { https: 6443, http: 8080 };

/**
 * Reads the stacks of a cluster into its groups and itself, as Magnum's conductor does at every look.
 * @returns false when the cluster has been deleted.
 */
export function readStacks(stacks: ClusterStacks, family: ClusterFamily, tlsDisabled: boolean): boolean {
  const { cluster } = family;
  for (const group of [...family.nodegroups]) {
    if (group.stack_id === null) continue;
    const isGone = !readGroup(stacks, family, group, tlsDisabled);
    if (isGone && !group.is_default) family.nodegroups.splice(family.nodegroups.indexOf(group), 1);
  }
  const { status, reason } = summarize(family, family.nodegroups);
  cluster.status = status;
  cluster.status_reason = reason;
  cluster.updated_at = Date.now();
  return status !== 'DELETE_COMPLETE';
}

/** @returns false when the group's stack has been deleted. */
function readGroup(
  stacks: ClusterStacks,
  { cluster }: ClusterFamily,
  group: NodeGroupRecord,
  tlsDisabled: boolean,
): boolean {
  const report = stacks.report(group.stack_id ?? '', cluster.floating_ip_enabled);
  if (report === undefined) {
    const verb = group.status.split('_', 1)[0] ?? '';
    if (group.status.endsWith('_IN_PROGRESS')) {
      group.status = verb === 'DELETE' ? 'DELETE_COMPLETE' : `${verb}_FAILED`;
      group.status_reason = `Stack with id ${String(cluster.stack_id)} not found in Heat.`;
    }
    return group.status !== 'DELETE_COMPLETE';
  }
  const { status } = report;
  const isSettled = status === 'CREATE_COMPLETE' || status === 'UPDATE_COMPLETE' || isFailed(status);
  if (status === group.status && !isSettled) return true;
  if (isSettled || status === 'ROLLBACK_COMPLETE') {
    if (report.apiAddress !== null) {
      const scheme = tlsDisabled ? 'http' : 'https';
      cluster.api_address = `${scheme}://${report.apiAddress}:${String(PORTS[scheme])}`;
    }
    group.node_addresses = group.role === 'master' ? report.masterAddresses : report.nodeAddresses;
    // Each group in its turn: what the last one says stays, however old its nodes are.
    cluster.coe_version = report.kubeTag;
    cluster.container_version = CONTAINER_VERSION;
  }
  if (status !== group.status) group.updated_at = Date.now();
  group.status = status;
  group.status_reason = report.reason;
  return status !== 'DELETE_COMPLETE';
}
