import type { NodeTaint } from '@cetus/shared/schemas';

/** What the nodes of one group are made with. Sizes are GiB, ids are OpenStack ids (names work where Heat takes them). */
export interface NodeInput {
  flavorId: string;
  /** `osDistro` is Glance's `os_distro` property; it decides how a node is bootstrapped. */
  image: { id: string; name?: string | undefined; osDistro?: string | undefined };
  /** Kubernetes version, `v1.33.2`. */
  kubeTag: string;
  /** A volume of each node for images and containers (/var/lib/containerd). */
  dockerVolumeSize?: number | undefined;
  /** Cinder volume type of the etcd and container volumes; Cinder's default without it. */
  volumeType?: string | undefined;
  bootVolumeSize?: number | undefined;
  bootVolumeType?: string | undefined;
  availabilityZone?: string | undefined;
  /** Labels and taints that a node registers itself with. */
  nodeLabels: Readonly<Record<string, string>>;
  nodeTaints: readonly NodeTaint[];
}

/** A group of workers. */
export interface WorkerGroupInput extends NodeInput {
  /** What its resources, parameters and outputs have in their names; null: those of the group that every cluster begins with. */
  key: string | null;
  /** 0 is a group without nodes. */
  nodeCount: number;
}

/** What the conductor knows about a cluster when it asks Heat for it. */
export interface ClusterStackInput {
  uuid: string;
  name: string;
  projectId: string;
  masterCount: 1 | 3 | 5;
  masters: NodeInput;
  /** Empty is a cluster of masters only. */
  workerGroups: readonly WorkerGroupInput[];
  /** Where floating addresses come from, and the gateway of the router that is made when there is no `fixedNetwork`. */
  externalNetwork: string;
  /** An existing, already routed network to use; without it network, subnet and router are made. */
  fixedNetwork?: string | undefined;
  /** A subnet of `fixedNetwork`; without it Neutron chooses. */
  fixedSubnet?: string | undefined;
  /** Range of the subnet that is made. Default {@link DEFAULT_NODE_CIDR}. */
  nodeCidr?: string | undefined;
  dnsNameservers: readonly string[];
  /** A floating address for the API (on the load balancer, or on the single master) and for each worker. */
  floatingIpEnabled: boolean;
  /** An Octavia load balancer before the API; more than one master always has one. */
  masterLbEnabled: boolean;
  /** One line in OpenSSH's format. It goes into user data: the stack belongs to a service user, who has no key pair of the tenant's. */
  sshPublicKey?: string | undefined;
  /** GiB of a volume of each master for etcd. */
  etcdVolumeSize?: number | undefined;
  apiserverPort: number;
  networkDriver: 'flannel';
  podCidr: string;
  serviceCidr: string;
  /** Registry prefix which holds Kubernetes', pause, CoreDNS and flannel images, `registry.example/mirror`. */
  imageRepository?: string | undefined;
  /**
   * Debian and Ubuntu: base URL of the apt repository of kubeadm, kubelet and kubectl (with `Release.key` in it).
   * Fedora CoreOS: base URL of a mirror which answers the paths of dl.k8s.io and of github.com's release downloads.
   */
  packageRepository?: string | undefined;
  httpProxy?: string | undefined;
  httpsProxy?: string | undefined;
  noProxy?: string | undefined;
  /** `host[:port]` of a registry that is spoken to without verified TLS. */
  insecureRegistry?: string | undefined;
  /** Read here: `octavia_provider`, `octavia_lb_algorithm`. All others are the caller's business. */
  labels: Readonly<Record<string, string>>;
  /** `soft-anti-affinity` (default) spreads masters when it can; `anti-affinity` fails when there are fewer hosts than masters. */
  masterAffinityPolicy?: 'soft-anti-affinity' | 'anti-affinity' | undefined;
  /** PEM of the authority that signed the cloud's endpoints, where it is a private one; used for the completion signal. */
  cloudCaCertificate?: string | undefined;
  /** Whether the stack is complete only when every master has said that Kubernetes answers. Default true. */
  waitForBootstrap?: boolean | undefined;
  /** How long masters have to say so, counted from their servers being active. Seconds, default 1800. */
  bootstrapTimeoutSeconds?: number | undefined;
}

export const DEFAULT_NODE_CIDR = '10.0.0.0/20';
export const DEFAULT_BOOTSTRAP_TIMEOUT_SECONDS = 1800;

/** {@link NodeInput}, checked. */
export interface ResolvedNodeInput extends NodeInput {
  kubeMinor: number;
}

export type ResolvedWorkerGroup = ResolvedNodeInput & WorkerGroupInput;

/** The input after {@link resolveStackInput}: validated, every default filled in, so that nothing below asks twice. */
export interface ResolvedStackInput extends ClusterStackInput {
  masters: ResolvedNodeInput;
  workerGroups: readonly ResolvedWorkerGroup[];
  nodeCidr: string;
  loadBalanced: boolean;
  ownNetwork: boolean;
  masterAffinityPolicy: 'soft-anti-affinity' | 'anti-affinity';
  waitForBootstrap: boolean;
  bootstrapTimeoutSeconds: number;
}

/** A cluster as the nodes of one group see it. */
export type NodeStackInput = ResolvedStackInput & ResolvedNodeInput;
