/**
 * The stack of a cluster, or of a node group that was added: Magnum's template reduced to what others look at. The
 * resource groups, the outputs, the parameters and the names of the servers are Magnum's.
 */

/** Values of the parameters that are given to a stack. */
export interface StackParameters {
  number_of_masters: number;
  number_of_minions: number;
  /** Servers to go first when the number is lowered, by id or number. */
  minions_to_remove: readonly string[];
  master_flavor: string;
  minion_flavor: string;
  master_image: string;
  minion_image: string;
  ssh_key_name: string;
  fixed_network_name: string;
  /** Where the Kubernetes API is found. */
  api_address: string;
  kube_tag: string;
  kube_version: string;
  master_kube_tag: string;
  minion_kube_tag: string;
  /** Another one makes every node work with new certificates. */
  kube_service_account_key: string;
  update_max_batch_size: number;
  cluster_uuid: string;
  is_cluster_stack: 'True' | 'False';
}

/** Tag of the containers of Kubernetes where the labels name none. */
export const DEFAULT_KUBE_TAG = 'v1.23.3-rancher1';

const parameter = (name: string): unknown => ({ get_param: name });

function servers(role: 'master' | 'node', kind: 'master' | 'minion'): unknown {
  const number = role === 'master' ? 'number_of_masters' : 'number_of_minions';
  const removal = { removal_policies: [{ resource_list: parameter('minions_to_remove') }] };
  return {
    type: 'OS::Heat::ResourceGroup',
    properties: {
      count: parameter(number),
      ...(role === 'node' ? removal : {}),
      resource_def: {
        type: 'OS::Nova::Server',
        properties: {
          name: { list_join: ['-', [parameter('OS::stack_name'), role, '%index%']] },
          flavor: parameter(`${kind}_flavor`),
          image: parameter(`${kind}_image`),
          key_name: parameter('ssh_key_name'),
          metadata: {
            kube_tag: parameter(`${kind}_kube_tag`),
            kube_service_account_key: parameter('kube_service_account_key'),
          },
        },
      },
    },
  };
}

function addresses(group: string): Record<string, unknown> {
  return {
    [`${group}_private`]: { value: { get_attr: [group, 'first_address'] } },
    [group]: { value: { get_attr: [group, 'floating_ip_address'] } },
  };
}

const PARAMETERS: Record<keyof StackParameters, string> = {
  number_of_masters: 'number',
  number_of_minions: 'number',
  minions_to_remove: 'comma_delimited_list',
  master_flavor: 'string',
  minion_flavor: 'string',
  master_image: 'string',
  minion_image: 'string',
  ssh_key_name: 'string',
  fixed_network_name: 'string',
  api_address: 'string',
  kube_tag: 'string',
  kube_version: 'string',
  master_kube_tag: 'string',
  minion_kube_tag: 'string',
  kube_service_account_key: 'string',
  update_max_batch_size: 'number',
  cluster_uuid: 'string',
  is_cluster_stack: 'boolean',
};

/** The template: of a cluster with its masters, or of more nodes for one. */
export function stackTemplate(isCluster: boolean): Record<string, unknown> {
  const cluster = {
    network: { type: 'OS::Neutron::Net', properties: { name: parameter('fixed_network_name') } },
    secgroup_kube_minion: { type: 'OS::Neutron::SecurityGroup' },
    api_address: {
      type: 'OS::Neutron::FloatingIP',
      properties: { floating_ip_address: parameter('api_address') },
    },
    kube_masters: { ...(servers('master', 'master') as object), depends_on: ['network'] },
  };
  const nodes = servers('node', 'minion') as object;
  return {
    heat_template_version: 'queens',
    description: 'This template will boot a Kubernetes cluster with one or more minions.',
    parameters: Object.fromEntries(
      Object.entries(PARAMETERS).map(([name, type]) => [
        name,
        { type, ...(name === 'minions_to_remove' ? { default: [] } : {}) },
      ]),
    ),
    resources: {
      ...(isCluster ? cluster : {}),
      kube_minions: isCluster ? { ...nodes, depends_on: ['network'] } : nodes,
    },
    outputs: {
      ...(isCluster
        ? {
            api_address: { value: { get_attr: ['api_address', 'floating_ip_address'] } },
            ...addresses('kube_masters'),
          }
        : {}),
      ...addresses('kube_minions'),
    },
  };
}
