import { CetusError } from '@cetus/shared/errors';
import {
  DEFAULT_MASTER,
  DEFAULT_WORKER,
  MASTER_ROLE,
  nodeGroupsOf,
  WORKER_ROLE,
  type ClusterSpec,
  type ClusterTemplateSpec,
  type NodeGroupSpec,
} from '@cetus/shared/schemas';
import type { ReferenceProblem } from '../../cluster-driver.ts';
import { InvalidStackInputError } from './errors.ts';
import { resolveStackInput } from './resolve-stack-input.ts';
import { stackInputOf, type HeatSite } from './stack-input-from-spec.ts';
import type { ClusterStackInput, WorkerGroupInput } from './stack-input.ts';

/** What the properties of a stack's input are called in the API, where that is not their name in snake_case. */
const API_FIELDS: Partial<Record<keyof ClusterStackInput | keyof WorkerGroupInput, string>> = {
  kubeTag: 'labels/kube_tag',
  podCidr: 'labels/flannel_network_cidr',
  serviceCidr: 'labels/service_cluster_ip_range',
  nodeCidr: 'labels/fixed_subnet_cidr',
  etcdVolumeSize: 'labels/etcd_volume_size',
  bootVolumeSize: 'labels/boot_volume_size',
  bootVolumeType: 'labels/boot_volume_type',
  imageRepository: 'labels/container_infra_prefix',
  dnsNameservers: 'dns_nameserver',
  externalNetwork: 'external_network_id',
};

/** A value that no stack can be made from, in the words of the API. */
export function invalidField(error: InvalidStackInputError): CetusError {
  const named = API_FIELDS[error.field as keyof typeof API_FIELDS];
  const field = named ?? error.field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return new CetusError('invalid_field', `${field} ${error.rule}`, { cause: error, field });
}

/** What stands in for the back end's objects while only the values are looked at. */
const ANY_NODES = { image: { id: 'any', osDistro: 'ubuntu' }, flavorId: 'any' };

/** What of a cluster's spec the heat driver cannot do. */
export function specProblems(spec: ClusterSpec, site: HeatSite): ReferenceProblem[] {
  const cluster = { _id: '00000000-0000-0000-0000-000000000000', name: 'any', project_id: 'any', spec };
  const found = {
    groups: new Map(nodeGroupsOf(spec).map(({ uuid }) => [uuid, ANY_NODES])),
    externalNetwork: 'any',
    ...(spec.fixed_network === null ? {} : { fixedNetwork: spec.fixed_network }),
    ...(spec.fixed_subnet === null ? {} : { fixedSubnet: spec.fixed_subnet }),
  };
  try {
    resolveStackInput(stackInputOf(cluster, found, site));
    return [];
  } catch (error) {
    const known = error instanceof InvalidStackInputError ? invalidField(error) : error;
    if (!(known instanceof CetusError)) throw error;
    return [{ field: known.field ?? '', code: known.code, detail: known.message }];
  }
}

/** What of a template's spec no cluster of the heat driver could have. */
export function templateProblems(template: ClusterTemplateSpec, site: HeatSite): ReferenceProblem[] {
  const problems: ReferenceProblem[] = [];
  const refuse = (field: string, detail: string): void =>
    void problems.push({ field, code: 'unsupported', detail });
  if (template.server_type !== 'vm') refuse('server_type', 'The heat driver makes virtual machines only');
  if (template.tls_disabled) refuse('tls_disabled', 'The heat driver makes clusters with TLS only');
  const spec: ClusterSpec = {
    ...template,
    cluster_template_id: '',
    keypair: template.keypair_id,
    labels_requested: null,
    merge_labels: false,
    template_labels: template.labels,
    node_groups: [
      anyGroup(template, DEFAULT_MASTER, MASTER_ROLE),
      anyGroup(template, DEFAULT_WORKER, WORKER_ROLE),
    ],
    max_batch_size: 1,
    ca_rotations: 0,
    imported: null,
    create_timeout: 60,
    discovery_url: null,
  };
  return [...problems, ...specProblems(spec, site)];
}

/** A group of a cluster of the template. */
function anyGroup(template: ClusterTemplateSpec, name: string, role: string): NodeGroupSpec {
  return {
    uuid: name,
    name,
    role,
    is_default: true,
    node_count: 1,
    min_node_count: 1,
    max_node_count: null,
    cluster_template_id: '',
    image_id: template.image_id,
    flavor_id: null,
    docker_volume_size: template.docker_volume_size,
    labels: template.labels,
    labels_requested: null,
    merge_labels: false,
    node_labels: {},
    node_taints: [],
    nodes_to_remove: [],
    deleted: false,
    created_at: new Date(0),
    updated_at: null,
  };
}
