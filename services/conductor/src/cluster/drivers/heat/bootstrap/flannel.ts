import { stringify } from 'yaml';

const FLANNEL_VERSION = 'v0.27.4';
const FLANNEL_CNI_PLUGIN_VERSION = 'v1.8.0-flannel1';
const PUBLIC_REPOSITORY = 'ghcr.io/flannel-io';
const NAMESPACE = 'kube-flannel';
const LABELS = { tier: 'node', app: 'flannel', 'k8s-app': 'flannel' };

/** The two images of the manifest, from the public registry or below a prefix of one's own. */
function flannelImages(imageRepository?: string): { flannel: string; cniPlugin: string } {
  const prefix = imageRepository ?? PUBLIC_REPOSITORY;
  return {
    flannel: `${prefix}/flannel:${FLANNEL_VERSION}`,
    cniPlugin: `${prefix}/flannel-cni-plugin:${FLANNEL_CNI_PLUGIN_VERSION}`,
  };
}

const CNI_CONFIGURATION = {
  name: 'cbr0',
  cniVersion: '0.3.1',
  plugins: [
    { type: 'flannel', delegate: { hairpinMode: true, isDefaultGateway: true } },
    { type: 'portmap', capabilities: { portMappings: true } },
  ],
};

function accessRules(): object[] {
  const name = 'flannel';
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: NAMESPACE } },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name },
      rules: [
        { apiGroups: [''], resources: ['pods'], verbs: ['get'] },
        { apiGroups: [''], resources: ['nodes'], verbs: ['get', 'list', 'watch'] },
        { apiGroups: [''], resources: ['nodes/status'], verbs: ['patch'] },
      ],
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
      subjects: [{ kind: 'ServiceAccount', name, namespace: NAMESPACE }],
    },
  ];
}

const HOST_PATHS = { run: '/run/flannel', 'cni-plugin': '/opt/cni/bin', cni: '/etc/cni/net.d' };

function mount(name: string, mountPath: string): object {
  return { name, mountPath };
}

function fieldEnvironment(name: string, fieldPath: string): object {
  return { name, valueFrom: { fieldRef: { fieldPath } } };
}

function daemonSet(images: { flannel: string; cniPlugin: string }): object {
  const copy = (name: string, image: string, from: string, to: string, volumeMounts: object[]): object => ({
    name,
    image,
    command: ['cp'],
    args: ['-f', from, to],
    volumeMounts,
  });
  const podSpec = {
    hostNetwork: true,
    priorityClassName: 'system-node-critical',
    serviceAccountName: 'flannel',
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    // A node is NotReady, and tainted so, until flannel runs on it.
    tolerations: [{ operator: 'Exists', effect: 'NoSchedule' }],
    initContainers: [
      copy('install-cni-plugin', images.cniPlugin, '/flannel', '/opt/cni/bin/flannel', [
        mount('cni-plugin', '/opt/cni/bin'),
      ]),
      copy(
        'install-cni',
        images.flannel,
        '/etc/kube-flannel/cni-conf.json',
        '/etc/cni/net.d/10-flannel.conflist',
        [mount('cni', '/etc/cni/net.d'), mount('flannel-cfg', '/etc/kube-flannel/')],
      ),
    ],
    containers: [
      {
        name: 'kube-flannel',
        image: images.flannel,
        command: ['/opt/bin/flanneld'],
        args: ['--ip-masq', '--kube-subnet-mgr'],
        resources: { requests: { cpu: '100m', memory: '50Mi' } },
        securityContext: { privileged: false, capabilities: { add: ['NET_ADMIN', 'NET_RAW'] } },
        env: [
          fieldEnvironment('POD_NAME', 'metadata.name'),
          fieldEnvironment('POD_NAMESPACE', 'metadata.namespace'),
          { name: 'EVENT_QUEUE_DEPTH', value: '5000' },
        ],
        volumeMounts: [
          mount('run', '/run/flannel'),
          mount('flannel-cfg', '/etc/kube-flannel/'),
          mount('xtables-lock', '/run/xtables.lock'),
        ],
      },
    ],
    volumes: [
      ...Object.entries(HOST_PATHS).map(([name, path]) => ({ name, hostPath: { path } })),
      { name: 'flannel-cfg', configMap: { name: 'kube-flannel-cfg' } },
      { name: 'xtables-lock', hostPath: { path: '/run/xtables.lock', type: 'FileOrCreate' } },
    ],
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'kube-flannel-ds', namespace: NAMESPACE, labels: LABELS },
    spec: {
      selector: { matchLabels: { app: 'flannel' } },
      template: { metadata: { labels: LABELS }, spec: podSpec },
    },
  };
}

/** The pod network: flannel over VXLAN (UDP 8472). A stream of YAML documents for `kubectl apply`. */
export function flannelManifest(options: { podCidr: string; imageRepository?: string | undefined }): string {
  const documents = [
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: {
        name: NAMESPACE,
        labels: { 'k8s-app': 'flannel', 'pod-security.kubernetes.io/enforce': 'privileged' },
      },
    },
    ...accessRules(),
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'kube-flannel-cfg', namespace: NAMESPACE, labels: LABELS },
      data: {
        'cni-conf.json': JSON.stringify(CNI_CONFIGURATION),
        'net-conf.json': JSON.stringify({ Network: options.podCidr, Backend: { Type: 'vxlan' } }),
      },
    },
    daemonSet(flannelImages(options.imageRepository)),
  ];
  return documents
    .map((document) => stringify(document, { lineWidth: 0, aliasDuplicateObjects: false }))
    .join('---\n');
}
