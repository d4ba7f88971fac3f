import type { HotResource, HotValue } from '../hot.ts';
import type { ResolvedStackInput } from '../stack-input.ts';
import { clusterResourceName, RESOURCE } from './names.ts';

/** flannel's VXLAN port on Linux. */
const VXLAN_PORT = 8472;

type Source = 'anywhere' | 'same group';

function ingress(protocol: 'tcp' | 'udp', first: number, last: number, source: Source): HotValue {
  const remote: Record<string, HotValue> =
    // Without remote_group_id Heat means the group itself.
    source === 'anywhere' ? { remote_ip_prefix: '0.0.0.0/0' } : { remote_mode: 'remote_group_id' };
  return {
    direction: 'ingress',
    ethertype: 'IPv4',
    protocol,
    port_range_min: first,
    port_range_max: last,
    ...remote,
  };
}

function securityGroup(uuid: string, suffix: string, description: string, rules: HotValue[]): HotResource {
  return {
    type: 'OS::Neutron::SecurityGroup',
    properties: { name: clusterResourceName(uuid, suffix), description, rules },
  };
}

/**
 * Three groups: one all nodes share, which is also how they recognise each other, one for masters, one for workers.
 * Egress stays as Neutron makes it: open.
 */
export function securityGroupResources(input: ResolvedStackInput): Record<string, HotResource> {
  const ssh = input.sshPublicKey === undefined ? [] : [ingress('tcp', 22, 22, 'anywhere')];
  return {
    [RESOURCE.clusterSecurityGroup]: securityGroup(input.uuid, 'nodes', 'all nodes of a cluster', [
      ingress('udp', VXLAN_PORT, VXLAN_PORT, 'same group'),
      ingress('tcp', 10250, 10250, 'same group'),
      ...ssh,
    ]),
    [RESOURCE.masterSecurityGroup]: securityGroup(input.uuid, 'masters', 'masters of a cluster', [
      ingress('tcp', input.apiserverPort, input.apiserverPort, 'anywhere'),
      ingress('tcp', 2379, 2380, 'same group'),
    ]),
    [RESOURCE.workerSecurityGroup]: securityGroup(input.uuid, 'workers', 'workers of a cluster', [
      ingress('tcp', 30_000, 32_767, 'anywhere'),
      ingress('udp', 30_000, 32_767, 'anywhere'),
    ]),
  };
}
