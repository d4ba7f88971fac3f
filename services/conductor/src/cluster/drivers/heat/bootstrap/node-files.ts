import type { ClusterSecrets } from '../pki.ts';
import { discoveryHash } from '../pki.ts';
import type { NodeStackInput, ResolvedStackInput } from '../stack-input.ts';
import { BOOTSTRAP_COMPLETE_PATH, BOOTSTRAP_SCRIPT_PATH, bootstrapScript } from './bootstrap-script.ts';
import { containerRuntimeFiles } from './container-runtime.ts';
import type { Distribution } from './distributions.ts';
import { flannelManifest } from './flannel.ts';
import { INSTALL_DEBIAN } from './install-debian.ts';
import { INSTALL_FEDORA_COREOS } from './install-fedora-coreos.ts';
import { kubeadmConfig } from './kubeadm-config.ts';
import { nodeEnvironment } from './node-environment.ts';
import type { NodeFile, NodeRole } from './node-file.ts';
import { TOKEN } from './tokens.ts';
import { UPGRADE_SCRIPT_PATH, UPGRADE_SERVICE, UPGRADE_TIMER, upgradeScript } from './upgrade-script.ts';

/** systemd units of every node, enabled at the first boot by the distribution's own means. */
export const NODE_UNITS = {
  'cetus-bootstrap.service': `[Unit]
Description=Makes this machine a node of its Kubernetes cluster
Wants=network-online.target
After=network-online.target
ConditionPathExists=!${BOOTSTRAP_COMPLETE_PATH}
StartLimitIntervalSec=0

[Service]
Type=oneshot
ExecStart=/bin/bash ${BOOTSTRAP_SCRIPT_PATH}
Restart=on-failure
RestartSec=20
StandardOutput=journal+console
StandardError=inherit

[Install]
WantedBy=multi-user.target
`,
  // User data holds what a pod must not read: the bootstrap token, and on masters the authorities' keys.
  'cetus-metadata-guard.service': `[Unit]
Description=Keeps pods away from the metadata service of the cloud
After=network-pre.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'iptables -w -t raw -C PREROUTING -i cni0 -d 169.254.169.254 -j DROP 2>/dev/null || iptables -w -t raw -I PREROUTING -i cni0 -d 169.254.169.254 -j DROP'

[Install]
WantedBy=multi-user.target
`,
  [UPGRADE_SERVICE]: `[Unit]
Description=Brings Kubernetes on this machine to the version that its Node asks for

[Service]
Type=oneshot
ExecStart=/bin/bash ${UPGRADE_SCRIPT_PATH}
`,
  // Enabled by the bootstrap: before a machine is a node there is nothing to ask.
  [UPGRADE_TIMER]: `[Unit]
Description=Looks whether Kubernetes on this machine is to be upgraded

[Timer]
OnActiveSec=15
OnUnitInactiveSec=15
AccuracySec=1

[Install]
WantedBy=timers.target
`,
} as const;

const MODULES = 'overlay\nbr_netfilter\n';
const SYSCTL = `net.ipv4.ip_forward = 1
net.bridge.bridge-nf-call-iptables = 1
net.bridge.bridge-nf-call-ip6tables = 1
`;

export type PublicSecrets = Pick<ClusterSecrets, 'ca' | 'etcdCa' | 'frontProxyCa' | 'serviceAccount'>;

function authorityFiles(role: NodeRole, secrets: PublicSecrets): NodeFile[] {
  const directory = '/etc/cetus/pki';
  const files: NodeFile[] = [{ path: `${directory}/ca.crt`, mode: '0644', text: secrets.ca.certificate }];
  if (role === 'worker') return files;
  return [
    ...files,
    { path: `${directory}/ca.key`, mode: '0600', base64: TOKEN.caKey },
    { path: `${directory}/etcd/ca.crt`, mode: '0644', text: secrets.etcdCa.certificate },
    { path: `${directory}/etcd/ca.key`, mode: '0600', base64: TOKEN.etcdCaKey },
    { path: `${directory}/front-proxy-ca.crt`, mode: '0644', text: secrets.frontProxyCa.certificate },
    { path: `${directory}/front-proxy-ca.key`, mode: '0600', base64: TOKEN.frontProxyCaKey },
    { path: `${directory}/sa.key`, mode: '0600', base64: TOKEN.serviceAccountKey },
    { path: `${directory}/sa.pub`, mode: '0644', text: secrets.serviceAccount.publicKey },
  ];
}

function aptProxy(input: ResolvedStackInput): NodeFile[] {
  const { httpProxy, httpsProxy = httpProxy } = input;
  const lines = [
    ...(httpProxy === undefined ? [] : [`Acquire::http::Proxy "${httpProxy}";`]),
    ...(httpsProxy === undefined ? [] : [`Acquire::https::Proxy "${httpsProxy}";`]),
  ];
  return lines.length === 0
    ? []
    : [{ path: '/etc/apt/apt.conf.d/90cetus-proxy', mode: '0600', text: `${lines.join('\n')}\n` }];
}

/** Every file of one node, in a fixed order. Of the secrets only certificates and public keys are written out. */
export function nodeFiles(
  input: NodeStackInput,
  secrets: PublicSecrets,
  node: { role: NodeRole; nodeName: string; masterIndex: number },
  distribution: Distribution,
): NodeFile[] {
  const install = distribution === 'debian' ? INSTALL_DEBIAN : INSTALL_FEDORA_COREOS;
  const hash = discoveryHash(secrets.ca.certificate);
  return [
    nodeEnvironment(input, node, distribution),
    { path: BOOTSTRAP_SCRIPT_PATH, mode: '0700', text: bootstrapScript(install) },
    { path: UPGRADE_SCRIPT_PATH, mode: '0700', text: upgradeScript(install) },
    {
      path: '/etc/cetus/kubeadm.yaml',
      mode: '0600',
      text: kubeadmConfig({ input, ...node, discoveryHash: hash }),
    },
    ...authorityFiles(node.role, secrets),
    ...containerRuntimeFiles(input),
    { path: '/etc/modules-load.d/cetus.conf', mode: '0644', text: MODULES },
    { path: '/etc/sysctl.d/90-cetus.conf', mode: '0644', text: SYSCTL },
    ...(node.role === 'init'
      ? [{ path: '/etc/cetus/flannel.yaml', mode: '0644' as const, text: flannelManifest(input) }]
      : []),
    ...(input.cloudCaCertificate === undefined || node.role === 'worker'
      ? []
      : [{ path: '/etc/cetus/cloud-ca.pem', mode: '0644' as const, text: input.cloudCaCertificate }]),
    ...(distribution === 'debian' ? aptProxy(input) : []),
  ];
}
