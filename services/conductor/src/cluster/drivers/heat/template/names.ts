import { WORKER_INDEX } from '../bootstrap/tokens.ts';

/** Name of everything a cluster owns: derived from its id alone, so that whoever looks finds it. */
export function clusterResourceName(uuid: string, suffix: string): string {
  return `cetus-${uuid}-${suffix}`;
}

/** Server name and Kubernetes node name of a master. */
export function masterName(uuid: string, index: number): string {
  return clusterResourceName(uuid, `master-${index}`);
}

/** Server name and Kubernetes node name of a worker; without an index, with Heat's placeholder for it. */
export function workerName(uuid: string, index?: number): string {
  return clusterResourceName(uuid, `worker-${index ?? WORKER_INDEX}`);
}

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
