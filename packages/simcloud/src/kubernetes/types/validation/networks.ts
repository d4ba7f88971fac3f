import { isIP } from 'node:net';
import { fieldsOf, isFields, listOf, textOf, type Fields, type KubeObject } from '../../objects.ts';
import { isPort, PORT_DETAIL } from './pods.ts';
import { oneOf, required, selectorProblems, subdomainProblems, wrong, type Problems } from './rules.ts';

export function ingress(object: KubeObject): Problems {
  const spec = fieldsOf(object.spec);
  const rules = listOf<Fields>(spec['rules']);
  const problems: Problems = [];
  if (spec['defaultBackend'] !== undefined)
    problems.push(...backend('spec.defaultBackend', spec['defaultBackend']));
  else if (rules.length === 0)
    problems.push(wrong('spec', spec['rules'] ?? [], 'either `defaultBackend` or `rules` must be specified'));
  rules.forEach((rule, index) => {
    const here = `spec.rules[${String(index)}]`;
    problems.push(...host(`${here}.host`, rule['host']));
    if (!isFields(rule['http'])) return;
    const paths = listOf<Fields>(rule['http']['paths']);
    if (paths.length === 0) problems.push(required(`${here}.http.paths`));
    paths.forEach((path, place) => problems.push(...httpPath(`${here}.http.paths[${String(place)}]`, path)));
  });
  listOf<Fields>(spec['tls']).forEach((one, index) =>
    listOf(one['hosts']).forEach((name, place) =>
      problems.push(...host(`spec.tls[${String(index)}].hosts[${String(place)}]`, name)),
    ),
  );
  return problems;
}

function httpPath(field: string, path: Fields): Problems {
  const { pathType } = path;
  const text = textOf(path['path']);
  const problems: Problems = [];
  const isPath =
    pathType === 'Exact' || pathType === 'Prefix' || (pathType === 'ImplementationSpecific' && text !== '');
  if (pathType === undefined) problems.push(required(`${field}.pathType`, 'pathType must be specified'));
  else problems.push(...oneOf(`${field}.pathType`, pathType, ['Exact', 'ImplementationSpecific', 'Prefix']));
  if (isPath && !text.startsWith('/'))
    problems.push(wrong(`${field}.path`, text, 'must be an absolute path'));
  return [...problems, ...backend(`${field}.backend`, path['backend'])];
}

function host(field: string, name: unknown): Problems {
  if (name === undefined || name === '') return [];
  if (isIP(textOf(name)) !== 0) return [wrong(field, name, 'must be a DNS name, not an IP address')];
  return subdomainProblems(field, textOf(name));
}

function backend(field: string, value: unknown): Problems {
  const { service, resource } = fieldsOf(value);
  if (resource !== undefined && service !== undefined)
    return [wrong(field, '', 'cannot set both resource and service backends')];
  if (resource !== undefined) return [];
  if (!isFields(service)) return [wrong(field, '', 'resource or service backend is required')];
  const { name, number } = fieldsOf(service['port']);
  if (!service['name']) return [required(`${field}.service.name`)];
  if (name && number) return [wrong(field, '', 'cannot set both port name & port number')];
  if (!name && !number) return [required(field, 'port name or number is required')];
  return number && !isPort(number) ? [wrong(`${field}.service.port.number`, number, PORT_DETAIL)] : [];
}

export function networkPolicy(object: KubeObject): Problems {
  const spec = fieldsOf(object.spec);
  const rules = (list: string, peers: string): Problems =>
    listOf<Fields>(spec[list]).flatMap((rule, index) => {
      const here = `spec.${list}[${String(index)}]`;
      return [
        ...listOf<Fields>(rule['ports']).flatMap((port, at) =>
          policyPort(`${here}.ports[${String(at)}]`, port),
        ),
        ...listOf<Fields>(rule[peers]).flatMap((peer, at) =>
          policyPeer(`${here}.${peers}[${String(at)}]`, peer),
        ),
      ];
    });
  return [
    ...selectorProblems('spec.podSelector', spec['podSelector']),
    ...rules('ingress', 'from'),
    ...rules('egress', 'to'),
    ...listOf(spec['policyTypes']).flatMap((type, index) =>
      oneOf(`spec.policyTypes[${String(index)}]`, type, ['Egress', 'Ingress']),
    ),
  ];
}

function policyPort(field: string, { port, protocol, endPort }: Fields): Problems {
  const problems = oneOf(`${field}.protocol`, protocol, ['SCTP', 'TCP', 'UDP']);
  if (typeof port === 'number' && !isPort(port)) problems.push(wrong(`${field}.port`, port, PORT_DETAIL));
  if (typeof port === 'string' && !/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(port))
    problems.push(
      wrong(`${field}.port`, port, 'must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)'),
    );
  if (typeof port === 'number' && typeof endPort === 'number' && endPort < port)
    problems.push(wrong(`${field}.endPort`, endPort, 'must be greater than or equal to `port`'));
  return problems;
}

function policyPeer(field: string, peer: Fields): Problems {
  const { podSelector, namespaceSelector, ipBlock } = peer;
  const problems = [
    ...selectorProblems(`${field}.podSelector`, podSelector),
    ...selectorProblems(`${field}.namespaceSelector`, namespaceSelector),
    ...(isFields(ipBlock) ? block(`${field}.ipBlock`, ipBlock) : []),
  ];
  const isSelected = podSelector !== undefined || namespaceSelector !== undefined;
  if (!isSelected && ipBlock === undefined) problems.push(required(field, 'must specify a peer'));
  if (isSelected && ipBlock !== undefined)
    problems.push({ field, type: 'Forbidden', detail: 'may not specify both ipBlock and another peer' });
  return problems;
}

function block(field: string, { cidr, except }: Fields): Problems {
  if (cidr === undefined || cidr === '') return [required(`${field}.cidr`)];
  if (!isCidr(cidr)) return [wrong(`${field}.cidr`, cidr, 'not a valid CIDR')];
  return listOf(except).flatMap((one, index) =>
    isCidr(one) ? [] : [wrong(`${field}.except[${String(index)}]`, one, 'not a valid CIDR')],
  );
}

function isCidr(value: unknown): boolean {
  const [address = '', bits = '', ...rest] = textOf(value).split('/');
  const version = isIP(address);
  return (
    version !== 0 && rest.length === 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128)
  );
}
