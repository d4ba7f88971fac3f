import { getResource, type HotResource, type HotValue } from '../hot.ts';
import type { ResolvedStackInput } from '../stack-input.ts';
import { clusterResourceName, RESOURCE } from './names.ts';

/** Network, subnet and router of a cluster; nothing when it is put on an existing network. */
export function networkResources(input: ResolvedStackInput): Record<string, HotResource> {
  if (!input.ownNetwork) return {};
  return {
    [RESOURCE.network]: {
      type: 'OS::Neutron::Net',
      properties: { name: clusterResourceName(input.uuid, 'network') },
    },
    [RESOURCE.subnet]: {
      type: 'OS::Neutron::Subnet',
      properties: {
        name: clusterResourceName(input.uuid, 'subnet'),
        network: getResource(RESOURCE.network),
        cidr: input.nodeCidr,
        ip_version: 4,
        dns_nameservers: [...input.dnsNameservers],
      },
    },
    [RESOURCE.router]: {
      type: 'OS::Neutron::Router',
      properties: {
        name: clusterResourceName(input.uuid, 'router'),
        external_gateway_info: { network: input.externalNetwork },
      },
    },
    [RESOURCE.routerInterface]: {
      type: 'OS::Neutron::RouterInterface',
      properties: { router: getResource(RESOURCE.router), subnet: getResource(RESOURCE.subnet) },
    },
  };
}

export function networkReference(input: ResolvedStackInput): HotValue {
  return input.fixedNetwork ?? getResource(RESOURCE.network);
}

/** Undefined on an existing network whose subnet is left to Neutron. */
export function subnetReference(input: ResolvedStackInput): HotValue | undefined {
  return input.ownNetwork ? getResource(RESOURCE.subnet) : input.fixedSubnet;
}

/**
 * What must wait for the way out, and be gone before it: a floating address needs the route, a router whose subnet
 * still carries floating addresses cannot be deleted, and a server without it could not install anything.
 */
export function routed(input: ResolvedStackInput): Pick<HotResource, 'depends_on'> {
  return input.ownNetwork ? { depends_on: [RESOURCE.routerInterface] } : {};
}

/** Properties common to every port of a node. */
export function portProperties(
  input: ResolvedStackInput,
  name: string,
  securityGroups: string[],
): Record<string, HotValue> {
  const subnet = subnetReference(input);
  return {
    name,
    network: networkReference(input),
    ...(subnet === undefined ? {} : { fixed_ips: [{ subnet }] }),
    security_groups: securityGroups.map(getResource),
  };
}
