import type { Ingress, Service } from '@cetus/kubernetes/objects';
import { APPLICATION_LABEL, type Observation } from '@cetus/shared/schemas';

/** As much of a Service as is needed. */
export interface ServiceFacts {
  name: string;
  namespace: string;
  application: string;
  /** Null: it has none, as that of a stateful application. */
  clusterIp: string | null;
  /** Ports with theirs on every node: pairs, as an object with numbers for keys takes room for all numbers before them. */
  nodePorts: (readonly [port: number, nodePort: number])[];
  loadBalancer: string[];
}

/** As much of an Ingress as is needed. */
export interface IngressFacts {
  name: string;
  namespace: string;
  application: string;
  addresses: string[];
}

/** Addresses of one object that are kept. */
const MAX_ADDRESSES = 32;

/** Keeps of a service what is needed. Undefined for what has no application's label. */
export function serviceFacts({ metadata, spec, status }: Service): ServiceFacts | undefined {
  const application = metadata.labels?.[APPLICATION_LABEL];
  if (application === undefined) return undefined;
  const clusterIp = spec?.clusterIP;
  const ports = (spec?.ports ?? []).slice(0, MAX_ADDRESSES);
  return {
    name: metadata.name,
    namespace: metadata.namespace ?? '',
    application,
    clusterIp: clusterIp === undefined || clusterIp === 'None' || clusterIp === '' ? null : clusterIp,
    nodePorts: ports.flatMap(({ port, nodePort }) =>
      nodePort === undefined ? [] : [[port, nodePort] as const],
    ),
    loadBalancer: addressesOf(status?.loadBalancer?.ingress),
  };
}

/** Keeps of an ingress what is needed. Undefined for what has no application's label. */
export function ingressFacts({ metadata, status }: Ingress): IngressFacts | undefined {
  const application = metadata.labels?.[APPLICATION_LABEL];
  if (application === undefined) return undefined;
  return {
    name: metadata.name,
    namespace: metadata.namespace ?? '',
    application,
    addresses: addressesOf(status?.loadBalancer?.ingress),
  };
}

/**
 * Where an application can be reached, as its services and ingresses say. Of several services that with an address counts: the other one
 * gives the instances of a stateful application their names.
 */
export function serviceOf(
  services: readonly ServiceFacts[],
  ingresses: readonly IngressFacts[],
): Observation['service'] {
  if (services.length === 0 && ingresses.length === 0) return null;
  const byName = [...services].sort((a, b) => (a.name < b.name ? -1 : 1));
  const service = byName.find(({ clusterIp }) => clusterIp !== null) ?? byName[0];
  return {
    cluster_ip: service?.clusterIp ?? null,
    node_ports: Object.fromEntries(service?.nodePorts ?? []),
    load_balancer: service?.loadBalancer ?? [],
    ingress: [...new Set(ingresses.flatMap(({ addresses }) => addresses))].sort(),
  };
}

function addressesOf(ingress: readonly { ip?: string; hostname?: string }[] | undefined): string[] {
  return (ingress ?? [])
    .flatMap(({ ip, hostname }) => ip ?? hostname ?? [])
    .slice(0, MAX_ADDRESSES)
    .sort();
}
