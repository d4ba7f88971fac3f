import type { NodeStackInput } from '../stack-input.ts';
import { proxyEnvironment } from './container-runtime.ts';
import type { Distribution } from './distributions.ts';
import { shellQuote, type NodeFile, type NodeRole } from './node-file.ts';
import { masterAddressToken, TOKEN } from './tokens.ts';

function packageSource(input: NodeStackInput, distribution: Distribution): Record<string, string> {
  if (distribution === 'debian') {
    const repository =
      input.packageRepository ?? `https://pkgs.k8s.io/core:/stable:/v1.${input.kubeMinor}/deb`;
    return { PACKAGE_REPOSITORY: repository.replace(/\/+$/, '') };
  }
  const mirror = input.packageRepository?.replace(/\/+$/, '');
  return {
    KUBERNETES_DOWNLOADS: mirror ?? 'https://dl.k8s.io',
    GITHUB_DOWNLOADS: mirror ?? 'https://github.com',
  };
}

/** Variables of the bootstrap script. Empty means: does not apply to this node. */
export function nodeEnvironment(
  input: NodeStackInput,
  node: { role: NodeRole; nodeName: string; masterIndex: number },
  distribution: Distribution,
): NodeFile {
  const master = node.role !== 'worker';
  const proxy = proxyEnvironment(input) ?? {};
  const variables: Record<string, string> = {
    NODE_ROLE: node.role,
    NODE_NAME: node.nodeName,
    NODE_ADDRESS: master ? masterAddressToken(node.masterIndex) : '',
    PREVIOUS_MASTER_ADDRESS: node.role === 'control-plane' ? masterAddressToken(node.masterIndex - 1) : '',
    API_ADDRESS: TOKEN.apiAddress,
    API_PORT: String(input.apiserverPort),
    KUBE_VERSION: input.kubeTag,
    KUBE_MINOR: String(input.kubeMinor),
    IMAGE_REPOSITORY: input.imageRepository ?? '',
    ETCD_VOLUME: master && input.etcdVolumeSize !== undefined ? TOKEN.etcdVolume : '',
    CONTAINER_VOLUME: input.dockerVolumeSize === undefined ? '' : TOKEN.containerVolume,
    SIGNAL_URL: master && input.waitForBootstrap ? TOKEN.signalUrl : '',
    SIGNAL_TOKEN: master && input.waitForBootstrap ? TOKEN.signalToken : '',
    ...packageSource(input, distribution),
  };
  const exported = Object.entries(proxy).flatMap(([name, value]) => [
    `export ${name}=${shellQuote(value)}`,
    `export ${name.toLowerCase()}=${shellQuote(value)}`,
  ]);
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${shellQuote(value)}`);
  return { path: '/etc/cetus/node.env', mode: '0600', text: `${[...lines, ...exported].join('\n')}\n` };
}
