import fc from 'fast-check';
import type { ClusterStack } from '../../../../src/cluster/drivers/heat/build-stack.ts';
import type { HotTemplate, HotValue } from '../../../../src/cluster/drivers/heat/hot.ts';
import type {
  ClusterStackInput,
  NodeInput,
  WorkerGroupInput,
} from '../../../../src/cluster/drivers/heat/stack-input.ts';

const UUID = '3f0c8e1a-5b7d-4c1e-9a2f-0123456789ab';

/** A node group's part of the input. */
function makeNodes(overrides: Partial<NodeInput> = {}): NodeInput {
  return {
    flavorId: 'm1.small',
    image: { id: '5d3c', name: 'ubuntu-22.04', osDistro: 'ubuntu' },
    kubeTag: 'v1.33.2',
    nodeLabels: {},
    nodeTaints: [],
    ...overrides,
  };
}

export function makeGroup(overrides: Partial<WorkerGroupInput> = {}): WorkerGroupInput {
  return { ...makeNodes(overrides), key: null, nodeCount: 2, ...overrides };
}

/** A key of a group that is not the default one. */
export const GPU = 'c0ffee000001';

export interface InputOverrides extends Partial<Omit<ClusterStackInput, 'masters' | 'workerGroups'>> {
  /** Of masters and default workers. */
  nodes?: Partial<NodeInput>;
  /** Of default workers. */
  nodeCount?: number;
  /** Groups after the default workers. */
  groups?: readonly WorkerGroupInput[];
}

export function makeInput({
  nodes,
  nodeCount,
  groups,
  ...overrides
}: InputOverrides = {}): ClusterStackInput {
  return {
    uuid: UUID,
    name: 'demo',
    projectId: 'f00d',
    masterCount: 1,
    masters: makeNodes({ flavorId: 'm1.medium', ...nodes }),
    workerGroups: [
      makeGroup({ ...nodes, ...(nodeCount === undefined ? {} : { nodeCount }) }),
      ...(groups ?? []),
    ],
    externalNetwork: 'public',
    dnsNameservers: ['8.8.8.8'],
    floatingIpEnabled: false,
    masterLbEnabled: false,
    apiserverPort: 6443,
    networkDriver: 'flannel',
    podCidr: '10.100.0.0/16',
    serviceCidr: '10.254.0.0/16',
    labels: {},
    ...overrides,
  };
}

const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined });
const gib = optional(fc.integer({ min: 1, max: 500 }));

const anyNodes: fc.Arbitrary<Partial<NodeInput>> = fc
  .record({
    osDistro: fc.constantFrom('ubuntu', 'debian', 'fedora-coreos'),
    dockerVolumeSize: gib,
    volumeType: optional(fc.constant('ssd')),
    boot: fc.constantFrom({}, { bootVolumeSize: 20 }, { bootVolumeSize: 20, bootVolumeType: 'ssd' }),
    availabilityZone: optional(fc.constant('az-1')),
    kubeTag: fc.constantFrom('v1.25.16', 'v1.30.4', 'v1.31.0', 'v1.33.2', 'v1.36.1'),
    nodeLabels: fc.constantFrom({}, { 'example.com/kind': 'gpu', tier: '' }),
    nodeTaints: fc.constantFrom([], [{ key: 'gpu', value: 'yes', effect: 'NoSchedule' as const }]),
  })
  .map(({ osDistro, boot, ...rest }) => ({ ...rest, ...boot, image: { id: '5d3c', osDistro } }));

/** Any spec a caller may hand in, of every supported distribution. */
export const anyInput: fc.Arbitrary<ClusterStackInput> = fc
  .record({
    masterCount: fc.constantFrom(1 as const, 3 as const, 5 as const),
    nodeCount: fc.integer({ min: 0, max: 200 }),
    nodes: anyNodes,
    groups: fc.uniqueArray(
      fc.record({ key: fc.constantFrom(GPU, 'c0ffee000002'), nodeCount: fc.nat(3), nodes: anyNodes }),
      { selector: ({ key }) => key, maxLength: 2 },
    ),
    network: fc.constantFrom(
      {},
      { fixedNetwork: 'net-1' },
      { fixedNetwork: 'net-1', fixedSubnet: 'subnet-1' },
    ),
    floatingIpEnabled: fc.boolean(),
    masterLbEnabled: fc.boolean(),
    sshPublicKey: optional(fc.constant('ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ5v me@example')),
    etcdVolumeSize: gib,
    apiserverPort: fc.constantFrom(443, 6443, 8443),
    imageRepository: optional(fc.constant('registry.example:5000/mirror')),
    packageRepository: optional(fc.constant('https://packages.example/kubernetes/')),
    httpProxy: optional(fc.constant("http://user:p%40ss'w@proxy.example:3128")),
    noProxy: optional(fc.constant('.example,10.1.0.0/16')),
    insecureRegistry: optional(fc.constant('registry.example:5000')),
    labels: fc.constantFrom({}, { octavia_provider: 'ovn' }, { octavia_lb_algorithm: 'LEAST_CONNECTIONS' }),
    waitForBootstrap: optional(fc.boolean()),
    cloudCaCertificate: optional(
      fc.constant('-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'),
    ),
  })
  .map(({ network, groups, ...rest }) =>
    makeInput({
      ...rest,
      ...network,
      groups: groups.map(({ nodes, ...group }) => makeGroup({ ...nodes, ...group })),
    }),
  );

/** Calls `visit` for each HOT function in a value: get_param, get_resource, get_attr, str_replace, list_join. */
export function eachFunction(value: HotValue, visit: (name: string, argument: HotValue) => void): void {
  if (Array.isArray(value)) {
    for (const item of value) eachFunction(item, visit);
  } else if (value !== null && typeof value === 'object') {
    for (const [key, item] of Object.entries(value)) {
      if (/^(get_|str_|list_|repeat$|if$|digest$|yaql$)/.test(key)) visit(key, item);
      eachFunction(item, visit);
    }
  }
}

/** Names of the resources a resource needs, by reference or by depends_on. */
export function dependencies(template: HotTemplate, name: string): string[] {
  const resource = template.resources[name]!;
  const names = [...(resource.depends_on ?? [])];
  eachFunction(resource.properties ?? {}, (fn, argument) => {
    if (fn === 'get_resource') names.push(argument as string);
    if (fn === 'get_attr') names.push((argument as string[])[0]!);
  });
  return names;
}

/** The templates of a stack, nested ones included. */
export function templatesOf(stack: ClusterStack): HotTemplate[] {
  return [stack.template, ...Object.values(stack.files).map((text) => JSON.parse(text) as HotTemplate)];
}

/** Evaluates a value as Heat would, with invented addresses and ids. */
function evaluate(value: HotValue, parameters: Record<string, HotValue>): HotValue {
  if (Array.isArray(value)) return value.map((item) => evaluate(item, parameters));
  if (value === null || typeof value !== 'object') return value;
  if ('get_param' in value) return parameters[value.get_param as string] ?? null;
  if ('get_resource' in value) return '5b2f7f0e-7a49-4f0e-8a53-3fb9b1b0f6d1';
  if ('get_attr' in value) {
    const [resource = '', attribute] = value.get_attr as string[];
    if (attribute === 'endpoint') return 'http://heat.example/v1/a/stacks/b/c/resources/d/signal';
    if (attribute === 'token') return 'gAAAA-token_';
    if (resource.startsWith('master_')) return `10.0.0.1${resource.split('_')[1]}`;
    return attribute === 'floating_ip_address' ? '203.0.113.7' : '10.0.0.5';
  }
  if ('str_replace' in value) {
    const { template, params } = value.str_replace as {
      template: HotValue;
      params: Record<string, HotValue>;
    };
    return Object.entries(params).reduce(
      (text, [token, replacement]) =>
        text.replaceAll(token, (evaluate(replacement, parameters) ?? '') as string),
      evaluate(template, parameters) as string,
    );
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, evaluate(item, parameters)]));
}

interface Server {
  name: string;
  userData: string;
}

function withIndex(value: HotValue, index: number): HotValue {
  return JSON.parse(JSON.stringify(value).replaceAll('%index%', String(index))) as HotValue;
}

/** The servers of a stack as Nova would see them, one worker of each group included. */
export function serversOf(stack: ClusterStack): Server[] {
  const servers: Server[] = [];
  const collect = (properties: HotValue): void => {
    const { name, user_data: userData } = properties as { name: string; user_data: string };
    servers.push({ name, userData });
  };
  for (const resource of Object.values(stack.template.resources)) {
    const properties = evaluate(resource.properties ?? {}, stack.parameters) as Record<string, HotValue>;
    if (resource.type === 'OS::Nova::Server') collect(properties);
    if (resource.type !== 'OS::Heat::ResourceGroup') continue;
    const definition = withIndex(properties.resource_def!, 7) as {
      type: string;
      properties: Record<string, HotValue>;
    };
    const nested = stack.files[definition.type];
    if (nested === undefined) {
      collect(definition.properties);
    } else {
      const server = (JSON.parse(nested) as HotTemplate).resources.server!;
      collect(evaluate(server.properties ?? {}, definition.properties));
    }
  }
  return servers;
}

export interface WrittenFile {
  path: string;
  mode: number;
  content: string;
}

function decodeDataUrl(url: string): string {
  const comma = url.indexOf(',');
  const data = url.slice(comma + 1);
  if (url.slice(0, comma).endsWith(';base64')) return Buffer.from(data, 'base64').toString('utf8');
  return decodeURIComponent(data);
}

/** Files a node finds, from user data in either form. `parse` is yaml's, passed in so that its options are the test's. */
export function writtenFiles(userData: string, parse: (text: string) => unknown): WrittenFile[] {
  if (userData.startsWith('#cloud-config\n')) {
    const config = parse(userData) as {
      write_files: { path: string; permissions: string; encoding?: string; content: string }[];
    };
    return config.write_files.map((file) => ({
      path: file.path,
      mode: Number.parseInt(file.permissions, 8),
      content: file.encoding === 'b64' ? Buffer.from(file.content, 'base64').toString('utf8') : file.content,
    }));
  }
  const ignition = JSON.parse(userData) as {
    storage: { files: { path: string; mode: number; contents: { source: string } }[] };
  };
  return ignition.storage.files.map((file) => ({
    path: file.path,
    mode: file.mode,
    content: decodeDataUrl(file.contents.source),
  }));
}
