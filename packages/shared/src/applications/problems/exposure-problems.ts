import { isIP } from 'node:net';
import type { ApplicationForm, Exposure, IngressForm, ServicePort } from '../../schemas/index.ts';
import { invalid, missing, repeated, type Path, type Problem } from './problem.ts';

/** @param path where the exposure is */
export function exposureProblems(
  exposure: Exposure | undefined,
  containers: ApplicationForm['containers'],
  path: Path,
): Problem[] {
  if (exposure === undefined) return [];
  const { type, ports = [], ingress } = exposure;
  return [
    ...(type !== 'none' && ports.length === 0 ? [missing([...path, 'ports'], `needed for ${type}`)] : []),
    ...portsProblems(exposure, containers, [...path, 'ports']),
    ...(ingress === undefined ? [] : ingressProblems(ingress, type, ports, [...path, 'ingress'])),
  ];
}

function portsProblems(
  { type, ports = [] }: Exposure,
  containers: ApplicationForm['containers'],
  path: Path,
): Problem[] {
  const known = new Set(containers.flatMap((container) => (container.ports ?? []).map(({ name }) => name)));
  const key = (number: number | undefined, protocol = 'TCP') =>
    number === undefined ? undefined : `${String(number)}/${protocol}`;
  return [
    ...repeated(ports.map(({ name }) => name)).map(({ index, name }) =>
      invalid([...path, index, 'name'], `must be unique: another port is called ${name}`),
    ),
    ...repeated(ports.map(({ port, protocol }) => key(port, protocol))).map(({ index, name }) =>
      invalid([...path, index, 'port'], `must be unique: ${name} is there twice`),
    ),
    ...repeated(ports.map(({ node_port, protocol }) => key(node_port, protocol))).map(({ index, name }) =>
      invalid([...path, index, 'node_port'], `must be unique: ${name} is there twice`),
    ),
    ...ports.flatMap(({ name, target_port, node_port }, index) => [
      ...(name === undefined && ports.length > 1
        ? [missing([...path, index, 'name'], 'each has one when there are several')]
        : []),
      ...(typeof target_port === 'string' && !known.has(target_port)
        ? [
            invalid(
              [...path, index, 'target_port'],
              `must be a port of a container: none is called ${target_port}`,
            ),
          ]
        : []),
      ...(node_port !== undefined && (type === 'none' || type === 'cluster_ip')
        ? [invalid([...path, index, 'node_port'], 'is for node_port and load_balancer only')]
        : []),
    ]),
  ];
}

/** What the path of an ingress must not have. Source: validateHTTPIngressPath of Kubernetes' networking validation */
const ODD_PATH = /\/\/|\/\.\.?(\/|$)|%2f/i;

function ingressProblems(
  ingress: IngressForm,
  type: Exposure['type'],
  ports: readonly ServicePort[],
  path: Path,
): Problem[] {
  const { host, port } = ingress;
  const target = port === undefined ? ports[0] : ports.find((candidate) => candidate.port === port);
  return [
    ...(type === 'none' ? [invalid(path, 'needs a type other than none')] : []),
    ...(port !== undefined && target === undefined
      ? [invalid([...path, 'port'], `must be one of the ports: none is ${String(port)}`)]
      : []),
    ...(target !== undefined && (target.protocol ?? 'TCP') !== 'TCP'
      ? [invalid([...path, 'port'], `must be of TCP: ${String(target.port)} is not`)]
      : []),
    ...(isIP(host) === 0 ? [] : [invalid([...path, 'host'], 'must be a name, not an address')]),
    ...(ODD_PATH.test(ingress.path ?? '/')
      ? [invalid([...path, 'path'], 'must have no empty parts, no `.`, no `..`, and no escaped slash')]
      : []),
  ];
}
