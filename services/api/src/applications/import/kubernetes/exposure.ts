import { MAX_ITEMS, type Exposure, type IngressForm, type ServicePort } from '@cetus/shared/schemas';
import { isFields, Mapping, textOf, type Told } from '../mapping.ts';
import type { Place } from '../report.ts';
import { given } from '../values.ts';
import type { ManifestContext } from './context.ts';
import { specOf, type KubernetesObject } from './objects.ts';
import type { WorkloadStorage } from './storage.ts';

const TYPES = { LoadBalancer: 'load_balancer', NodePort: 'node_port', ClusterIP: 'cluster_ip' } as const;
type ServiceType = keyof typeof TYPES;

/** Source: https://kubernetes.io/docs/reference/kubernetes-api/service-resources/service-v1/#ServiceSpec */
const SERVICE: Told = {
  allocateLoadBalancerNodePorts: ['lost', 'It is as it is when nothing is said.'],
  externalIPs: ['lost', 'Addresses are given by the cluster.'],
  externalTrafficPolicy: ['lost', 'Any node passes on what comes in.'],
  healthCheckNodePort: ['lost', 'It is not carried over.'],
  internalTrafficPolicy: ['lost', 'It is not carried over.'],
  ipFamilies: ['lost', 'It is as the cluster has it.'],
  ipFamilyPolicy: ['lost', 'It is as the cluster has it.'],
  loadBalancerClass: ['lost', 'It is as the cluster has it.'],
  loadBalancerIP: ['lost', 'Addresses are given by the cluster.'],
  loadBalancerSourceRanges: ['lost', 'It is reached from everywhere.'],
  publishNotReadyAddresses: ['lost', 'Only instances that are ready are reached.'],
  sessionAffinity: ['lost', 'Each connection may reach another instance.'],
  sessionAffinityConfig: ['lost', 'Each connection may reach another instance.'],
  trafficDistribution: ['lost', 'It is not carried over.'],
};

/** A Service that selects the pods of a workload. */
interface Found {
  service: KubernetesObject;
  spec: Mapping;
  type: ServiceType;
  isHeadless: boolean;
}

/**
 * How a workload is reached: as the Service says that selects its pods, of several as the one that reaches furthest.
 * @param labels of the pods
 */
export function exposureOf(
  workload: KubernetesObject,
  name: string,
  labels: ReadonlyMap<string, string>,
  context: ManifestContext,
  storage: WorkloadStorage,
): Exposure | undefined {
  const found = servicesOf(workload, labels, context);
  const [first, ...others] = found;
  if (first === undefined) return undefined;
  for (const { service } of others)
    service.at.lost(
      `An application has one Service; that of ${workload.at.source} is as ${first.service.at.source} says.`,
    );
  const { service, spec, type, isHeadless } = first;
  if (isHeadless)
    service.at.changed(
      'It has an address of its own now; of a stateful application each instance has a name besides.',
    );
  if (service.name !== name) service.at.changed(`Others reach it as ${name} now.`);
  const ports = spec.mappings('ports').flatMap((port) => portOf(port, type));
  if (ports.length > MAX_ITEMS) spec.at.in('ports').lost(`There are at most ${String(MAX_ITEMS)} ports.`);
  tellService(spec);
  if (ports.length === 0) return undefined;
  const ingress = ingressFor(workload, found, ports, context, storage);
  return given<Exposure>({ type: TYPES[type], ports: ports.slice(0, MAX_ITEMS), ingress });
}

function servicesOf(
  workload: KubernetesObject,
  labels: ReadonlyMap<string, string>,
  context: ManifestContext,
): Found[] {
  const order = Object.keys(TYPES);
  return context.objects
    .of('Service')
    .filter(({ namespace }) => namespace === workload.namespace)
    .flatMap((service): Found[] => {
      const selector = selectorOf(service);
      if (selector === undefined || !selector.every(([key, value]) => labels.get(key) === value)) return [];
      if (context.usersOf(service) > 0)
        service.at.changed(
          'It reaches several workloads; each is an application with an address of its own now.',
        );
      context.mark(service, workload);
      const spec = specOf(new Mapping(service.fields, service.at));
      const type = spec.text('type') ?? 'ClusterIP';
      const isHeadless = spec.text('clusterIP') === 'None';
      return Object.hasOwn(TYPES, type) ? [{ service, spec, type: type as ServiceType, isHeadless }] : [];
    })
    .sort(
      (a, b) => order.indexOf(a.type) - order.indexOf(b.type) || Number(a.isHeadless) - Number(b.isHeadless),
    );
}

/** What a Service selects pods by; undefined: it selects none. */
function selectorOf({ fields }: KubernetesObject): [string, unknown][] | undefined {
  const { spec } = fields;
  const selector = isFields(spec) ? spec['selector'] : undefined;
  if (!isFields(selector)) return undefined;
  const entries = Object.entries(selector).map(([key, value]): [string, unknown] => [key, textOf(value)]);
  return entries.length === 0 ? undefined : entries;
}

function tellService(spec: Mapping): void {
  spec.silent('selector', 'type', 'clusterIP', 'clusterIPs');
  spec.usual({
    allocateLoadBalancerNodePorts: true,
    externalTrafficPolicy: 'Cluster',
    internalTrafficPolicy: 'Cluster',
    ipFamilyPolicy: 'SingleStack',
    sessionAffinity: 'None',
  });
  if (spec.has('ipFamilyPolicy') || spec.has('ipFamilies')) {
    const families = spec.texts('ipFamilies');
    if (families.length > 1) spec.at.in('ipFamilies').lost('It is as the cluster has it.');
  }
  spec.tell(SERVICE);
  spec.rest();
}

function portOf(port: Mapping, type: ServiceType): ServicePort[] {
  const number = port.integer('port', 1, 65_535);
  const protocol = port.text('protocol') ?? 'TCP';
  const name = port.text('name') || undefined;
  const target = port.any('targetPort');
  const node = port.integer('nodePort', 0, 65_535);
  port.tell({ appProtocol: ['lost', 'Nothing is said of what is spoken at a port.'] });
  port.rest();
  if (number === undefined || (protocol !== 'TCP' && protocol !== 'UDP' && protocol !== 'SCTP')) {
    port.at.lost('It is not a port of TCP, UDP or SCTP.');
    return [];
  }
  const target_port =
    typeof target === 'number' ? target : typeof target === 'string' && target !== '' ? target : undefined;
  return [
    given<ServicePort>({
      name,
      port: number,
      target_port: target_port === number ? undefined : target_port,
      node_port: type === 'ClusterIP' || node === 0 ? undefined : node,
      protocol: protocol === 'TCP' ? undefined : protocol,
    }),
  ];
}

/** The first rule of an Ingress that leads to one of the Services. */
function ingressFor(
  workload: KubernetesObject,
  found: readonly Found[],
  ports: readonly ServicePort[],
  context: ManifestContext,
  storage: WorkloadStorage,
): IngressForm | undefined {
  const names = new Set(found.map(({ service }) => service.name));
  let chosen: IngressForm | undefined;
  for (const object of context.objects.of('Ingress')) {
    if (object.namespace !== workload.namespace) continue;
    for (const rule of context.rulesOf(object)) {
      if (!names.has(rule.service)) continue;
      context.mark(object, workload);
      const port = ports.find(
        (one) => one.port === rule.port || (one.name !== undefined && one.name === rule.port),
      );
      if (chosen !== undefined)
        rule.at.lost('An application has one name and one path: this one is not carried over.');
      else if (rule.host === '') rule.at.lost('Without a host there is no rule.');
      else if (port === undefined) rule.at.lost('It leads to a port that is not carried over.');
      else {
        const secret = rule.tlsSecret === undefined ? undefined : tlsSecret(rule.tlsSecret, storage, rule.at);
        chosen = given<IngressForm>({
          host: rule.host,
          path: rule.path,
          port: port === ports[0] ? undefined : port.port,
          class_name: rule.className,
          tls_secret: secret,
        });
      }
    }
  }
  return chosen;
}

function tlsSecret(name: string, storage: WorkloadStorage, at: Place): string {
  return storage.secret(name)?.name ?? storage.foreign(name, at);
}
