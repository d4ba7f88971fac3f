import type { Manifest } from '@cetus/kubernetes/apply';
import { CetusError } from '@cetus/shared/errors';
import type { IngressForm, ServicePort } from '@cetus/shared/schemas';
import { given, nonEmpty, type Fields, type ManifestInput } from './input.ts';
import { instanceLabels, metadataOf } from './metadata.ts';
import { headlessName, secretName } from './names.ts';

const SERVICE_TYPES = {
  cluster_ip: 'ClusterIP',
  node_port: 'NodePort',
  load_balancer: 'LoadBalancer',
} as const;

/** The Services: the one that others use, and of a `stateful` application the one that gives each instance a name. */
export function services(input: ManifestInput): Manifest[] {
  const { application, spec } = input;
  const { type = 'none', ports = [] } = spec.exposure ?? {};
  const service = (name: string, fields: Fields): Manifest => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: metadataOf(input, name),
    spec: given({ ...fields, selector: instanceLabels(input) }),
  });
  const exposed =
    type === 'none'
      ? []
      : [
          service(application.name, {
            type: SERVICE_TYPES[type],
            ports: ports.map((port) => servicePort(port, true)),
          }),
        ];
  if (spec.kind !== 'stateful') return exposed;
  return [
    ...exposed,
    service(headlessName(application.name), {
      clusterIP: 'None',
      ports: nonEmpty(ports.map((port) => servicePort(port, false))),
      // Instances find one another before they are ready, as they have to where they agree with one another first.
      publishNotReadyAddresses: true,
    }),
  ];
}

/** @throws CetusError `api_not_served` */
export function ingresses(input: ManifestInput): Manifest[] {
  const { application, spec, apis } = input;
  const { ingress, type, ports = [] } = spec.exposure ?? {};
  if (ingress === undefined || type === undefined || type === 'none') return [];
  const apiVersion = apis.versions.Ingress;
  if (apiVersion === undefined)
    throw new CetusError('api_not_served', 'The cluster serves no Ingresses', { field: 'exposure/ingress' });
  const port = ingressPort(ingress, ports).port;
  const backend =
    apiVersion === 'networking.k8s.io/v1'
      ? { service: { name: application.name, port: { number: port } } }
      : { serviceName: application.name, servicePort: port };
  const secret = ingress.tls_secret;
  return [
    {
      apiVersion,
      kind: 'Ingress',
      metadata: metadataOf(input, application.name),
      spec: given({
        ingressClassName: ingress.class_name,
        rules: [
          {
            host: ingress.host,
            http: { paths: [{ path: ingress.path ?? '/', pathType: 'Prefix', backend }] },
          },
        ],
        tls:
          secret === undefined
            ? undefined
            : [{ hosts: [ingress.host], secretName: secretName(application.name, spec, secret) }],
      }),
    },
  ];
}

/**
 * Lets in from anywhere what is to be reached from outside; the namespace lets in nothing but its own project. What is reached through an
 * ingress alone is only the port of the ingress.
 */
export function networkPolicies(input: ManifestInput): Manifest[] {
  const { type, ports = [], ingress } = input.spec.exposure ?? {};
  if (type === undefined || type === 'none' || (type === 'cluster_ip' && ingress === undefined)) return [];
  const open = type === 'cluster_ip' && ingress !== undefined ? [ingressPort(ingress, ports)] : ports;
  return [
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: metadataOf(input, input.application.name),
      spec: {
        podSelector: { matchLabels: instanceLabels(input) },
        policyTypes: ['Ingress'],
        ingress: [
          {
            ports: open.map(({ port, target_port = port, protocol = 'TCP' }) => ({
              port: target_port,
              protocol,
            })),
          },
        ],
      },
    },
  ];
}

/** The protocol is a part of what a port is known by. */
function servicePort(
  { name, port, target_port, node_port, protocol = 'TCP' }: ServicePort,
  onNodes: boolean,
): Fields {
  return given({
    name,
    port,
    targetPort: target_port,
    nodePort: onNodes ? node_port : undefined,
    protocol,
  });
}

function ingressPort({ port }: IngressForm, ports: readonly ServicePort[]): ServicePort {
  const found = port === undefined ? ports[0] : ports.find((candidate) => candidate.port === port);
  if (found === undefined) throw new TypeError('An ingress to a port that is not exposed');
  return found;
}
