import type {
  ApplicationSpec,
  Endpoint,
  Observation,
  PlacementStatus,
  ServicePort,
} from '@cetus/shared/schemas';

/** What the endpoints of an application in one cluster are made of. */
export interface EndpointFacts {
  name: string;
  spec: ApplicationSpec;
  placement: Pick<PlacementStatus, 'cluster_id' | 'namespace'>;
  /** What the cluster says of the service; null: there is none, or it is not known. */
  service: Observation['service'];
  nodeAddresses: readonly string[];
}

/** Where an application can be reached in one cluster: what is asked for, as far as the cluster has given it. */
export function endpointsOf({ name, spec, placement, service, nodeAddresses }: EndpointFacts): Endpoint[] {
  if (service === null) return [];
  const override = spec.placements.find(({ cluster_id }) => cluster_id === placement.cluster_id)?.overrides;
  const { ports = [], ingress } = override?.exposure ?? spec.exposure ?? { type: 'none' };
  const at = (
    type: Endpoint['type'],
    scope: Endpoint['scope'],
    host: string,
    port: number,
    of: ServicePort,
  ) => ({
    type,
    scope,
    port,
    address: `${host.includes(':') ? `[${host}]` : host}:${String(port)}`,
    protocol: of.protocol ?? 'TCP',
  });
  const perPort = ports.flatMap((one) => {
    const nodePort = service.node_ports[String(one.port)];
    return [
      at('cluster_ip', 'cluster', `${name}.${placement.namespace}.svc`, one.port, one),
      ...(nodePort === undefined
        ? []
        : nodeAddresses.map((host) => at('node_port', 'network', host, nodePort, one))),
      ...service.load_balancer.map((host) => at('load_balancer', 'external', host, one.port, one)),
    ];
  });
  // Without an address nobody serves it yet.
  if (ingress === undefined || service.ingress.length === 0) return perPort;
  const tls = ingress.tls_secret !== undefined;
  const path = ingress.path === undefined || ingress.path === '/' ? '' : ingress.path;
  return [
    ...perPort,
    {
      type: 'ingress',
      scope: 'external',
      address: `${tls ? 'https' : 'http'}://${ingress.host}${path}`,
      port: tls ? 443 : 80,
      protocol: tls ? 'HTTPS' : 'HTTP',
    },
  ];
}
