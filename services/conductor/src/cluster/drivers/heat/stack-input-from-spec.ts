import { CetusError } from '@cetus/shared/errors';
import type { StoredCluster } from '@cetus/shared/schemas';
import type { ResolvedReferences } from './references.ts';
import type { ClusterStackInput } from './stack-input.ts';

/** What the site says about clusters in general. */
export interface HeatSite {
  /** The Kubernetes version of clusters that do not ask for one: `v1.33.2`. */
  kubeTag: string;
  /** A registry prefix that holds Kubernetes' images, for sites that cannot reach the public one. */
  imageRepository?: string;
  /** Where nodes get kubeadm and kubelet from. */
  packageRepository?: string;
  waitForBootstrap: boolean;
  bootstrapTimeoutSeconds: number;
}

const DEFAULT_POD_CIDR = '10.100.0.0/16';
const DEFAULT_SERVICE_CIDR = '10.254.0.0/16';

/**
 * Reads a cluster's spec and labels (Magnum's names) for the template.
 * @throws CetusError `unsupported`, `invalid_field`
 */
export function stackInputOf(
  cluster: Pick<StoredCluster, '_id' | 'name' | 'project_id' | 'spec'>,
  found: ResolvedReferences,
  site: HeatSite,
): ClusterStackInput {
  const { spec } = cluster;
  const { labels } = spec;
  const networkDriver = spec.network_driver ?? 'flannel';
  if (networkDriver !== 'flannel') {
    throw new CetusError(
      'unsupported',
      `The heat driver has the network driver flannel, not ${networkDriver}`,
      {
        field: 'network_driver',
      },
    );
  }
  const masterCount = spec.master_count;
  if (masterCount !== 1 && masterCount !== 3 && masterCount !== 5) {
    throw new CetusError('invalid_field', 'master_count must be 1, 3 or 5', { field: 'master_count' });
  }
  return {
    uuid: cluster._id,
    name: cluster.name,
    projectId: cluster.project_id,
    masterCount,
    nodeCount: spec.node_count,
    masterFlavorId: found.masterFlavorId,
    nodeFlavorId: found.flavorId,
    image: found.image,
    externalNetwork: found.externalNetwork,
    fixedNetwork: found.fixedNetwork,
    fixedSubnet: found.fixedSubnet,
    nodeCidr: labels['fixed_subnet_cidr'],
    dnsNameservers: (spec.dns_nameserver ?? '')
      .split(',')
      .map((address) => address.trim())
      .filter((address) => address !== ''),
    floatingIpEnabled: spec.floating_ip_enabled,
    masterLbEnabled: spec.master_lb_enabled,
    sshPublicKey: found.sshPublicKey,
    etcdVolumeSize: gibibytes(labels, 'etcd_volume_size'),
    dockerVolumeSize: spec.docker_volume_size ?? undefined,
    volumeType: labels['docker_volume_type'],
    bootVolumeSize: gibibytes(labels, 'boot_volume_size'),
    bootVolumeType: labels['boot_volume_type'],
    availabilityZone: labels['availability_zone'],
    apiserverPort: spec.apiserver_port ?? 6443,
    networkDriver,
    podCidr: labels['flannel_network_cidr'] ?? DEFAULT_POD_CIDR,
    serviceCidr: labels['service_cluster_ip_range'] ?? DEFAULT_SERVICE_CIDR,
    kubeTag: labels['kube_tag'] ?? site.kubeTag,
    imageRepository: labels['container_infra_prefix'] ?? site.imageRepository,
    packageRepository: site.packageRepository,
    httpProxy: spec.http_proxy ?? undefined,
    httpsProxy: spec.https_proxy ?? undefined,
    noProxy: spec.no_proxy ?? undefined,
    insecureRegistry: spec.insecure_registry ?? undefined,
    labels,
    waitForBootstrap: site.waitForBootstrap,
    bootstrapTimeoutSeconds: site.bootstrapTimeoutSeconds,
  };
}

/** A size label in GiB; `0`, as Magnum has it, is none. */
function gibibytes(labels: Readonly<Record<string, string>>, name: string): number | undefined {
  const text = labels[name];
  if (text === undefined || text === '0') return undefined;
  if (!/^[1-9]\d{0,5}$/.test(text)) {
    throw new CetusError('invalid_field', `The label ${name} must be a whole number of GiB`, {
      field: `labels/${name}`,
    });
  }
  return Number(text);
}
