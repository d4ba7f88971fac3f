import { CetusError } from '@cetus/shared/errors';
import {
  defaultMasterOf,
  masterCountOf,
  type NodeGroupSpec,
  type StoredCluster,
} from '@cetus/shared/schemas';
import type { ResolvedReferences } from '../openstack/references.ts';
import { isLabelValue } from './resolve-stack-input.ts';
import type { ClusterStackInput, NodeInput } from './stack-input.ts';
import { groupKey, workerGroupsOf } from './worker-groups.ts';

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
  const masters = defaultMasterOf(spec);
  const masterCount = masterCountOf(spec);
  if (masters === undefined || masterCount !== masters.node_count) {
    throw new CetusError('unsupported', 'The heat driver has one group of masters', { field: 'role' });
  }
  if (masterCount !== 1 && masterCount !== 3 && masterCount !== 5) {
    throw new CetusError('invalid_field', 'master_count must be 1, 3 or 5', { field: 'master_count' });
  }
  return {
    uuid: cluster._id,
    name: cluster.name,
    projectId: cluster.project_id,
    masterCount,
    masters: nodesOf(masters, found, site),
    workerGroups: workerGroupsOf(spec).map((group) => ({
      ...nodesOf(group, found, site),
      key: groupKey(group),
      nodeCount: group.node_count,
    })),
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
    etcdVolumeSize: gibibytes(masters.labels, 'etcd_volume_size'),
    apiserverPort: spec.apiserver_port ?? 6443,
    networkDriver,
    podCidr: labels['flannel_network_cidr'] ?? DEFAULT_POD_CIDR,
    serviceCidr: labels['service_cluster_ip_range'] ?? DEFAULT_SERVICE_CIDR,
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

/** What the nodes of a group are made with; its labels hold the cluster's. */
function nodesOf(group: NodeGroupSpec, found: ResolvedReferences, site: HeatSite): NodeInput {
  // Of a group that is made nothing is written again.
  const asAsked = { image: { id: group.image_id }, flavorId: group.flavor_id ?? '' };
  const { labels } = group;
  return {
    ...(found.groups.get(group.uuid) ?? asAsked),
    kubeTag: labels['kube_tag'] ?? site.kubeTag,
    dockerVolumeSize: group.docker_volume_size ?? undefined,
    volumeType: labels['docker_volume_type'],
    bootVolumeSize: gibibytes(labels, 'boot_volume_size'),
    bootVolumeType: labels['boot_volume_type'],
    availabilityZone: labels['availability_zone'],
    nodeLabels: { ...magnumLabels(group), ...group.node_labels },
    nodeTaints: group.node_taints,
  };
}

/** The labels that Magnum gives to nodes, which people select by. A name that is no label value is left out. */
function magnumLabels({ name, role }: NodeGroupSpec): Record<string, string> {
  const labels = { 'magnum.openstack.org/role': role, 'magnum.openstack.org/nodegroup': name };
  return Object.fromEntries(Object.entries(labels).filter(([, value]) => isLabelValue(value)));
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
