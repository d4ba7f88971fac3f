import { stringify } from 'yaml';
import type { NodeStackInput } from '../stack-input.ts';
import type { NodeRole } from './node-file.ts';
import { masterAddressToken, TOKEN } from './tokens.ts';

export const CRI_SOCKET = 'unix:///run/containerd/containerd.sock';
/** First Kubernetes minor whose kubeadm reads v1beta4; v1beta3 is gone some releases later. */
const FIRST_V1BETA4_MINOR = 31;
/** A token's replacement may look like a number (a bootstrap token of digits does), so no string is left bare. */
const STRINGS_QUOTED = { lineWidth: 0, defaultStringType: 'QUOTE_DOUBLE', defaultKeyType: 'PLAIN' } as const;

export interface KubeadmOptions {
  input: NodeStackInput;
  role: NodeRole;
  nodeName: string;
  /** Which master this is; unused for workers. */
  masterIndex: number;
  discoveryHash: string;
}

function apiVersion(input: NodeStackInput): string {
  return `kubeadm.k8s.io/${input.kubeMinor >= FIRST_V1BETA4_MINOR ? 'v1beta4' : 'v1beta3'}`;
}

/** Every name the API is reached by: kubeadm adds only the node's own and the control-plane endpoint's. */
function certificateNames(input: NodeStackInput): string[] {
  return [
    'localhost',
    '127.0.0.1',
    ...Array.from({ length: input.masterCount }, (_, index) => masterAddressToken(index)),
    ...(input.loadBalanced ? [TOKEN.apiAddress] : []),
    ...(input.floatingIpEnabled ? [TOKEN.apiPublicAddress] : []),
  ];
}

function clusterConfiguration(input: NodeStackInput): object {
  return {
    apiVersion: apiVersion(input),
    kind: 'ClusterConfiguration',
    clusterName: `cetus-${input.uuid}`,
    kubernetesVersion: input.kubeTag,
    controlPlaneEndpoint: `${TOKEN.apiAddress}:${input.apiserverPort}`,
    networking: { podSubnet: input.podCidr, serviceSubnet: input.serviceCidr, dnsDomain: 'cluster.local' },
    apiServer: { certSANs: certificateNames(input) },
    // A fresh file system holds lost+found, and kubeadm wants an empty directory.
    etcd: { local: { dataDir: input.etcdVolumeSize === undefined ? '/var/lib/etcd' : '/var/lib/etcd/data' } },
    ...(input.imageRepository === undefined ? {} : { imageRepository: input.imageRepository }),
  };
}

function localEndpoint(options: KubeadmOptions): object {
  return { advertiseAddress: masterAddressToken(options.masterIndex), bindPort: options.input.apiserverPort };
}

function initConfiguration(options: KubeadmOptions, nodeRegistration: object): object[] {
  return [
    {
      apiVersion: apiVersion(options.input),
      kind: 'InitConfiguration',
      nodeRegistration,
      localAPIEndpoint: localEndpoint(options),
      bootstrapTokens: [
        {
          token: TOKEN.bootstrapToken,
          description: 'joins nodes for as long as the cluster lives',
          ttl: '0s',
          usages: ['signing', 'authentication'],
          groups: ['system:bootstrappers:kubeadm:default-node-token'],
        },
      ],
    },
    clusterConfiguration(options.input),
    { apiVersion: 'kubelet.config.k8s.io/v1beta1', kind: 'KubeletConfiguration', cgroupDriver: 'systemd' },
  ];
}

function joinConfiguration(options: KubeadmOptions, nodeRegistration: object): object[] {
  return [
    {
      apiVersion: apiVersion(options.input),
      kind: 'JoinConfiguration',
      nodeRegistration,
      discovery: {
        bootstrapToken: {
          token: TOKEN.bootstrapToken,
          apiServerEndpoint: `${TOKEN.apiAddress}:${options.input.apiserverPort}`,
          caCertHashes: [options.discoveryHash],
        },
      },
      ...(options.role === 'control-plane'
        ? { controlPlane: { localAPIEndpoint: localEndpoint(options) } }
        : {}),
    },
  ];
}

/** kubeadm's own taint of masters, which it leaves out where other taints are given. */
const CONTROL_PLANE_TAINT = { key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' };

/** What a node is called, and the labels and taints that its kubelet registers it with. */
function registration({ input, role, nodeName }: KubeadmOptions): object {
  const labels = Object.entries(input.nodeLabels).map(([key, value]) => `${key}=${value}`);
  const nodeLabels = labels.join(',');
  const extraArgs =
    input.kubeMinor >= FIRST_V1BETA4_MINOR
      ? [{ name: 'node-labels', value: nodeLabels }]
      : { 'node-labels': nodeLabels };
  const taints = input.nodeTaints.map(({ key, value, effect }) => ({ key, value, effect }));
  return {
    name: nodeName,
    criSocket: CRI_SOCKET,
    ...(labels.length === 0 ? {} : { kubeletExtraArgs: extraArgs }),
    ...(taints.length === 0 ? {} : { taints: role === 'worker' ? taints : [CONTROL_PLANE_TAINT, ...taints] }),
  };
}

/** kubeadm's configuration of one node: a stream of YAML documents, with tokens for what Heat knows later. */
export function kubeadmConfig(options: KubeadmOptions): string {
  const nodeRegistration = registration(options);
  const documents =
    options.role === 'init'
      ? initConfiguration(options, nodeRegistration)
      : joinConfiguration(options, nodeRegistration);
  return documents.map((document) => stringify(document, STRINGS_QUOTED)).join('---\n');
}
