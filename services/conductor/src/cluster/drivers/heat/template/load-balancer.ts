import { getAttr, getResource, type HotResource, type HotValue } from '../hot.ts';
import type { ResolvedStackInput } from '../stack-input.ts';
import { masterAddress } from './addresses.ts';
import { clusterResourceName, masterPort, RESOURCE } from './names.ts';
import { routed, subnetReference } from './network.ts';

const LISTENER = 'api_listener';
const POOL = 'api_pool';
const MONITOR = 'api_monitor';

/** What depends on Octavia's provider: OVN knows one algorithm and no HTTPS monitor. */
function providerProperties(input: ResolvedStackInput): {
  algorithm: string;
  monitor: Record<string, HotValue>;
} {
  const ovn = input.labels.octavia_provider === 'ovn';
  return {
    algorithm: input.labels.octavia_lb_algorithm ?? (ovn ? 'SOURCE_IP_PORT' : 'ROUND_ROBIN'),
    monitor: ovn
      ? { type: 'TCP' }
      : { type: 'HTTPS', http_method: 'GET', url_path: '/readyz', expected_codes: '200' },
  };
}

function memberResources(input: ResolvedStackInput, subnet: HotValue): Record<string, HotResource> {
  return Object.fromEntries(
    Array.from({ length: input.masterCount }, (_, index) => [
      `api_member_${index}`,
      {
        type: 'OS::Octavia::PoolMember',
        properties: {
          pool: getResource(POOL),
          address: masterAddress(index),
          protocol_port: input.apiserverPort,
          subnet,
        },
      },
    ]),
  );
}

/** The load balancer of the API with its listener, pool, members and monitor; nothing for a single master without one. */
export function loadBalancerResources(input: ResolvedStackInput): Record<string, HotResource> {
  if (!input.loadBalanced) return {};
  // On a network whose subnet Neutron chooses, the VIP goes where it put the first master.
  const subnet = subnetReference(input) ?? getAttr(masterPort(0), 'fixed_ips', 0, 'subnet_id');
  const { algorithm, monitor } = providerProperties(input);
  const provider = input.labels.octavia_provider;
  return {
    [RESOURCE.loadBalancer]: {
      type: 'OS::Octavia::LoadBalancer',
      properties: {
        name: clusterResourceName(input.uuid, 'api'),
        vip_subnet: subnet,
        ...(provider === undefined ? {} : { provider }),
      },
    },
    [LISTENER]: {
      type: 'OS::Octavia::Listener',
      properties: {
        name: clusterResourceName(input.uuid, 'api'),
        loadbalancer: getResource(RESOURCE.loadBalancer),
        protocol: 'TCP',
        protocol_port: input.apiserverPort,
      },
    },
    [POOL]: {
      type: 'OS::Octavia::Pool',
      properties: {
        name: clusterResourceName(input.uuid, 'api'),
        listener: getResource(LISTENER),
        protocol: 'TCP',
        lb_algorithm: algorithm,
      },
    },
    [MONITOR]: {
      type: 'OS::Octavia::HealthMonitor',
      properties: { pool: getResource(POOL), delay: 5, timeout: 4, max_retries: 3, ...monitor },
    },
    ...memberResources(input, subnet),
  };
}

/** The floating address of the API: on the load balancer's VIP, or on the single master. */
export function apiFloatingIpResources(input: ResolvedStackInput): Record<string, HotResource> {
  if (!input.floatingIpEnabled) return {};
  return {
    [RESOURCE.apiFloatingIp]: {
      type: 'OS::Neutron::FloatingIP',
      ...routed(input),
      properties: {
        floating_network: input.externalNetwork,
        port_id: input.loadBalanced
          ? getAttr(RESOURCE.loadBalancer, 'vip_port_id')
          : getResource(masterPort(0)),
      },
    },
  };
}
