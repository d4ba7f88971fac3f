import type { ResolvedStackInput } from '../stack-input.ts';
import type { NodeFile } from './node-file.ts';
import { masterAddressToken, TOKEN } from './tokens.ts';

/** Replaced on the node by the pause image that belongs to the installed kubeadm. */
export const PAUSE_IMAGE_PLACEHOLDER = '@PAUSE_IMAGE@';

/** containerd's configuration in its version 2 form, which containerd 2 migrates by itself. */
const CONTAINERD_CONFIG = `version = 2

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${PAUSE_IMAGE_PLACEHOLDER}"

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/opt/cni/bin"
    conf_dir = "/etc/cni/net.d"

  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = true

  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "/etc/containerd/certs.d"
`;

function insecureRegistryFile(registry: string): NodeFile {
  return {
    path: `/etc/containerd/certs.d/${registry}/hosts.toml`,
    mode: '0644',
    text: ['https', 'http']
      .map(
        (scheme) =>
          `[host."${scheme}://${registry}"]\n  capabilities = ["pull", "resolve", "push"]\n  skip_verify = true\n`,
      )
      .join('\n'),
  };
}

/** The proxy variables of a node; undefined without a proxy. What lies inside the cluster never goes through it. */
export function proxyEnvironment(input: ResolvedStackInput): Record<string, string> | undefined {
  if (input.httpProxy === undefined && input.httpsProxy === undefined) return undefined;
  const direct = [
    ...(input.noProxy === undefined ? [] : [input.noProxy]),
    'localhost',
    '127.0.0.1',
    '169.254.169.254',
    '.svc',
    '.cluster.local',
    input.podCidr,
    input.serviceCidr,
    ...(input.ownNetwork ? [input.nodeCidr] : []),
    ...(input.loadBalanced ? [TOKEN.apiAddress] : []),
    ...Array.from({ length: input.masterCount }, (_, index) => masterAddressToken(index)),
  ];
  return {
    ...(input.httpProxy === undefined ? {} : { HTTP_PROXY: input.httpProxy }),
    ...(input.httpsProxy === undefined ? {} : { HTTPS_PROXY: input.httpsProxy }),
    NO_PROXY: direct.join(','),
  };
}

/** systemd reads `%` as a specifier, and `"` and `\` as its own quoting. */
function systemdAssignment(name: string, value: string): string {
  return `Environment="${name}=${value.replaceAll(/["\\]/g, String.raw`\$&`).replaceAll('%', '%%')}"`;
}

/** Files that configure containerd. */
export function containerRuntimeFiles(input: ResolvedStackInput): NodeFile[] {
  const files: NodeFile[] = [{ path: '/etc/cetus/containerd.toml', mode: '0644', text: CONTAINERD_CONFIG }];
  const proxy = proxyEnvironment(input);
  if (proxy !== undefined) {
    const lines = Object.entries(proxy).map(([name, value]) => systemdAssignment(name, value));
    files.push({
      path: '/etc/systemd/system/containerd.service.d/http-proxy.conf',
      // A proxy URL may hold a password.
      mode: '0600',
      text: `[Service]\n${lines.join('\n')}\n`,
    });
  }
  if (input.insecureRegistry !== undefined) files.push(insecureRegistryFile(input.insecureRegistry));
  return files;
}
