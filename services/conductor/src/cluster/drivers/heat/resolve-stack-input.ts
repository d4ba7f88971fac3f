import { isIPv4 } from 'node:net';
import { InvalidStackInputError } from './errors.ts';
import {
  DEFAULT_BOOTSTRAP_TIMEOUT_SECONDS,
  DEFAULT_NODE_CIDR,
  type ClusterStackInput,
  type NodeInput,
  type ResolvedNodeInput,
  type ResolvedStackInput,
  type WorkerGroupInput,
} from './stack-input.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const KUBE_TAG = /^v1\.(\d{1,3})\.\d{1,3}$/;
/** kubeadm's v1beta3 and the control-plane taint are as this code expects them from here on. */
const OLDEST_KUBE_MINOR = 25;
/** kubeadm gives each node a /24 of an IPv4 pod range. */
const POD_RANGE_OF_A_NODE = 24;
const REPOSITORY = /^[a-z0-9.-]+(:\d+)?(\/[a-z0-9._-]+)*$/;
const REGISTRY_HOST = /^[A-Za-z0-9.-]+(:\d+)?$/;
const SSH_KEY = /^[a-z0-9@.-]+ [A-Za-z0-9+/]+=*( [\x20-\x7e]*)?$/;
/** The names that Kubernetes gives to labels and taints, and their values. */
const LABEL_KEY = /^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;
const LABEL_VALUE = /^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/;
const GROUP_KEY = /^[0-9a-f]{12}$/;
const PRINTABLE = /^[\x21-\x7e]+$/;

interface Range {
  first: number;
  last: number;
  prefix: number;
}

function parseRange(field: string, cidr: string): Range {
  const [address = '', prefixText = '', ...rest] = cidr.split('/');
  const prefix = Number(prefixText);
  if (rest.length > 0 || !isIPv4(address) || !/^\d{1,2}$/.test(prefixText) || prefix > 32) {
    throw new InvalidStackInputError(
      field,
      `must be an IPv4 range such as 10.100.0.0/16, not ${JSON.stringify(cidr)}`,
    );
  }
  const value = address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
  const size = 2 ** (32 - prefix);
  const first = Math.floor(value / size) * size;
  return { first, last: first + size - 1, prefix };
}

function require(ok: boolean, field: string, rule: string): void {
  if (!ok) throw new InvalidStackInputError(field, rule);
}

function checkRanges(input: ClusterStackInput, nodeCidr: string): void {
  const pods = parseRange('podCidr', input.podCidr);
  const services = parseRange('serviceCidr', input.serviceCidr);
  const ranges: [string, Range][] = [
    ['podCidr', pods],
    ['serviceCidr', services],
  ];
  if (input.fixedNetwork === undefined) ranges.push(['nodeCidr', parseRange('nodeCidr', nodeCidr)]);
  for (const [index, [field, range]] of ranges.entries()) {
    for (const [otherField, other] of ranges.slice(0, index)) {
      const apart = range.first > other.last || other.first > range.last;
      require(apart, field, `must not overlap ${otherField}`);
    }
  }
  require(pods.prefix <= POD_RANGE_OF_A_NODE, 'podCidr', `must be at least a /${POD_RANGE_OF_A_NODE}`);
  require(services.prefix <= 28, 'serviceCidr', 'must be at least a /28');
  const room = 2 ** (POD_RANGE_OF_A_NODE - pods.prefix);
  const nodes = input.workerGroups.reduce<number>((sum, { nodeCount }) => sum + nodeCount, input.masterCount);
  require(nodes <= room, 'podCidr', `has room for ${room} nodes, the cluster has ${nodes}`);
}

function checkSize(field: string, gib: number | undefined): void {
  require(gib === undefined ||
    (Number.isInteger(gib) && gib > 0), field, 'must be a whole number of GiB above 0');
}

function checkUrl(field: string, value: string | undefined): void {
  if (value === undefined) return;
  const ok = PRINTABLE.test(value) && URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);
  require(ok, field, 'must be an http or https URL');
}

function checkSoftware(input: ClusterStackInput): void {
  checkUrl('packageRepository', input.packageRepository);
  checkUrl('httpProxy', input.httpProxy);
  checkUrl('httpsProxy', input.httpsProxy);
  require(input.noProxy === undefined ||
    PRINTABLE.test(input.noProxy), 'noProxy', 'must be a comma separated list');
  const { imageRepository, insecureRegistry, sshPublicKey } = input;
  require(imageRepository === undefined ||
    REPOSITORY.test(
      imageRepository,
    ), 'imageRepository', 'must be host[:port][/path] in lower case, without a scheme');
  require(insecureRegistry === undefined ||
    REGISTRY_HOST.test(insecureRegistry), 'insecureRegistry', 'must be host[:port]');
  require(sshPublicKey === undefined ||
    SSH_KEY.test(sshPublicKey.trim()), 'sshPublicKey', 'must be one OpenSSH public key line');
}

/** Whether a text can be the value of a label of Kubernetes. */
export function isLabelValue(text: string): boolean {
  return LABEL_VALUE.test(text);
}

/** A kubelet refuses to set labels of Kubernetes' own namespaces but for these; it would not even start. */
function mayLabelItself(key: string): boolean {
  const [namespace = ''] = key.includes('/') ? key.split('/') : [];
  if (!/(^|\.)(kubernetes|k8s)\.io$/.test(namespace)) return true;
  return /(^|\.)(kubelet|node)\.kubernetes\.io$/.test(namespace) || key.startsWith('topology.kubernetes.io/');
}

function checkRegistration({ nodeLabels, nodeTaints }: NodeInput): void {
  for (const [key, value] of Object.entries(nodeLabels)) {
    require(LABEL_KEY.test(key) &&
      LABEL_VALUE.test(
        value,
      ), 'nodeLabels', `must be labels of Kubernetes; ${JSON.stringify(`${key}=${value}`)} is not`);
    require(mayLabelItself(
      key,
    ), 'nodeLabels', `must not set ${key}: a node may give itself no label of that name`);
  }
  for (const { key, value } of nodeTaints) {
    const label = JSON.stringify(`${key}=${value}`);
    require(LABEL_KEY.test(key) &&
      LABEL_VALUE.test(value), 'nodeTaints', `must be taints of Kubernetes; ${label} is not`);
  }
}

function resolveNodes<T extends NodeInput>(nodes: T): T & ResolvedNodeInput {
  const kubeMinor = Number(KUBE_TAG.exec(nodes.kubeTag)?.[1] ?? Number.NaN);
  require(kubeMinor >=
    OLDEST_KUBE_MINOR, 'kubeTag', `must be a version such as v1.33.2, v1.${OLDEST_KUBE_MINOR}.0 or later`);
  for (const field of ['dockerVolumeSize', 'bootVolumeSize'] as const) checkSize(field, nodes[field]);
  require(nodes.bootVolumeType === undefined ||
    nodes.bootVolumeSize !== undefined, 'bootVolumeType', 'needs bootVolumeSize');
  checkRegistration(nodes);
  return { ...nodes, kubeMinor };
}

function checkGroups(groups: readonly WorkerGroupInput[]): void {
  for (const { key, nodeCount } of groups) {
    require(Number.isInteger(nodeCount) && nodeCount >= 0, 'nodeCount', 'must be a whole number from 0');
    require(key === null || GROUP_KEY.test(key), 'key', 'must be 12 hexadecimal digits');
  }
  require(new Set(groups.map(({ key }) => key)).size === groups.length, 'key', 'must differ between groups');
}

/**
 * Validates the input and fills in its defaults.
 * Values end up in shell, YAML and systemd files of the nodes, so what cannot be quoted there is refused here.
 * @throws InvalidStackInputError naming the field and the rule.
 */
export function resolveStackInput(input: ClusterStackInput): ResolvedStackInput {
  require(UUID.test(input.uuid), 'uuid', 'must be a lower case UUID');
  require([1, 3, 5].includes(input.masterCount), 'masterCount', 'must be 1, 3 or 5');
  checkGroups(input.workerGroups);
  const port = input.apiserverPort;
  require(Number.isInteger(port) && port > 0 && port < 65536, 'apiserverPort', 'must be a port, 1 to 65535');
  const required = ['name', 'projectId', 'externalNetwork'] as const;
  for (const field of required) require(input[field].length > 0, field, 'must not be empty');
  require(input.fixedSubnet === undefined ||
    input.fixedNetwork !== undefined, 'fixedSubnet', 'needs fixedNetwork, the network it belongs to');
  checkSize('etcdVolumeSize', input.etcdVolumeSize);
  const timeout = input.bootstrapTimeoutSeconds ?? DEFAULT_BOOTSTRAP_TIMEOUT_SECONDS;
  require(Number.isInteger(timeout) &&
    timeout >= 1 &&
    timeout <= 43_200, 'bootstrapTimeoutSeconds', 'must be 1 to 43200 seconds');
  for (const server of input.dnsNameservers)
    require(isIPv4(server), 'dnsNameservers', 'must be IPv4 addresses');
  const nodeCidr = input.nodeCidr ?? DEFAULT_NODE_CIDR;
  checkRanges(input, nodeCidr);
  checkSoftware(input);
  return {
    ...input,
    masters: resolveNodes(input.masters),
    workerGroups: input.workerGroups.map(resolveNodes),
    nodeCidr,
    loadBalanced: input.masterLbEnabled || input.masterCount > 1,
    ownNetwork: input.fixedNetwork === undefined,
    masterAffinityPolicy: input.masterAffinityPolicy ?? 'soft-anti-affinity',
    waitForBootstrap: input.waitForBootstrap ?? true,
    bootstrapTimeoutSeconds: timeout,
  };
}
