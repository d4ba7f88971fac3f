import { WORKER_INDEX } from '../bootstrap/tokens.ts';

/** Name of everything a cluster owns: derived from its id alone, so that whoever looks finds it. */
export function clusterResourceName(uuid: string, suffix: string): string {
  return `cetus-${uuid}-${suffix}`;
}

/** Server name and Kubernetes node name of a master. */
export function masterName(uuid: string, index: number): string {
  return clusterResourceName(uuid, `master-${index}`);
}

/** Server name and Kubernetes node name of a worker of a group, with Heat's placeholder for its number. */
export function workerName(uuid: string, groupKey: string | null): string {
  return clusterResourceName(uuid, `${groupKey ?? 'worker'}-${WORKER_INDEX}`);
}

/** The name of a resource, parameter or output that every group of workers has. */
export function groupName(name: string, groupKey: string | null): string {
  return groupKey === null ? name : `${name}_${groupKey}`;
}

/** What is a parameter for each group: these change without a new template. */
export const PARAMETER = { nodeCount: 'node_count', nodesToRemove: 'nodes_to_remove' } as const;

export const RESOURCE = {
  network: 'network',
  subnet: 'subnet',
  router: 'router',
  routerInterface: 'router_interface',
  clusterSecurityGroup: 'cluster_security_group',
  masterSecurityGroup: 'master_security_group',
  workerSecurityGroup: 'worker_security_group',
  masterGroup: 'master_group',
  loadBalancer: 'api_load_balancer',
  apiFloatingIp: 'api_floating_ip',
  signalHandle: 'bootstrap_handle',
  signal: 'bootstrap',
  workers: 'workers',
} as const;

export function masterPort(index: number): string {
  return `master_${index}_port`;
}

export function masterServer(index: number): string {
  return `master_${index}`;
}
