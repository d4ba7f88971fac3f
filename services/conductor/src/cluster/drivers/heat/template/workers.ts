import { TOKEN } from '../bootstrap/tokens.ts';
import { nodeUserData } from '../bootstrap/user-data.ts';
import type { PublicSecrets } from '../bootstrap/node-files.ts';
import {
  getAttr,
  getParam,
  getResource,
  strReplace,
  type HotParameter,
  type HotResource,
  type HotTemplate,
  type HotValue,
} from '../hot.ts';
import type { NodeStackInput, ResolvedStackInput, ResolvedWorkerGroup } from '../stack-input.ts';
import { addressTokens } from './masters.ts';
import { groupName, PARAMETER, RESOURCE, workerName } from './names.ts';
import { networkReference, portProperties, routed, subnetReference } from './network.ts';
import { secretTokens } from './secret-parameters.ts';
import { bootDisk, dataVolume, serverProperties } from './server.ts';

/** Type name, and key among the stack's files, of the template of one worker of a group. */
export function workerTemplateFile(groupKey: string | null): string {
  return groupKey === null ? 'cetus-worker.yaml' : `cetus-worker-${groupKey}.yaml`;
}

const WORKER_GROUPS = [RESOURCE.clusterSecurityGroup, RESOURCE.workerSecurityGroup];

/**
 * Whether a worker is more than a server. Only then it gets a nested stack of its own: a nested stack for each of
 * hundreds of workers is most of what such a stack costs Heat.
 */
function workersAreNested(input: NodeStackInput): boolean {
  return (
    input.floatingIpEnabled || input.dockerVolumeSize !== undefined || input.bootVolumeType !== undefined
  );
}

/** User data of all workers of a group, with Heat's index in place of their number. */
export function workerUserData(input: NodeStackInput, nodeName: string, secrets: PublicSecrets): HotValue {
  const text = nodeUserData(input, secrets, { role: 'worker', nodeName, masterIndex: 0 });
  return strReplace(text, { ...secretTokens(), ...addressTokens(input) });
}

function plainWorker(input: NodeStackInput, name: string, secrets: PublicSecrets): HotResource {
  const subnet = subnetReference(input);
  return {
    type: 'OS::Nova::Server',
    properties: {
      ...serverProperties(input, {
        name,
        role: 'worker',
        userData: workerUserData(input, name, secrets),
      }),
      ...bootDisk(input, '', '').properties,
      networks: [{ network: networkReference(input), ...(subnet === undefined ? {} : { subnet }) }],
      security_groups: WORKER_GROUPS.map(getResource),
    },
  };
}

function nestedWorker(
  input: NodeStackInput,
  type: string,
  name: string,
  secrets: PublicSecrets,
): HotResource {
  const subnet = subnetReference(input);
  return {
    type,
    properties: {
      name,
      user_data: workerUserData(input, name, secrets),
      network: networkReference(input),
      ...(subnet === undefined ? {} : { subnet }),
      security_groups: WORKER_GROUPS.map(getResource),
    },
  };
}

/** The workers of a group. Their number is a parameter, so that scaling is a PATCH of it which touches no existing node. */
export function workersResource(
  cluster: ResolvedStackInput,
  group: ResolvedWorkerGroup,
  secrets: PublicSecrets,
): HotResource {
  const { key } = group;
  const input = { ...cluster, ...group };
  const name = workerName(input.uuid, key);
  const member = workersAreNested(input)
    ? nestedWorker(input, workerTemplateFile(key), name, secrets)
    : plainWorker(input, name, secrets);
  return {
    type: 'OS::Heat::ResourceGroup',
    ...routed(input),
    properties: {
      count: getParam(groupName(PARAMETER.nodeCount, key)),
      removal_policies: [{ resource_list: getParam(groupName(PARAMETER.nodesToRemove, key)) }],
      resource_def: { type: member.type, properties: member.properties ?? {} },
    },
  };
}

function nestedParameters(input: NodeStackInput): Record<string, HotParameter> {
  const hasSubnet = subnetReference(input) !== undefined;
  return {
    name: { type: 'string', description: 'server and node name' },
    user_data: { type: 'string', description: 'user data of the worker', hidden: true },
    network: { type: 'string', description: 'network of the cluster' },
    ...(hasSubnet ? { subnet: { type: 'string', description: 'subnet of the cluster' } as const } : {}),
    security_groups: { type: 'comma_delimited_list', description: 'security groups of a worker' },
  };
}

/** The template of one worker of a group, where workers are nested; see {@link workersAreNested}. */
export function workerTemplate(
  cluster: ResolvedStackInput,
  group: ResolvedWorkerGroup,
): HotTemplate | undefined {
  const input = { ...cluster, ...group };
  if (!workersAreNested(input)) return undefined;
  const name = getParam('name');
  const boot = bootDisk(input, 'boot_volume', `cetus-${input.uuid}-${group.key ?? 'worker'}-boot`);
  const containerVolume =
    input.dockerVolumeSize === undefined
      ? undefined
      : dataVolume(input, {
          resourceName: 'container_volume',
          name,
          size: input.dockerVolumeSize,
          server: 'server',
        });
  const userData: HotValue =
    containerVolume === undefined
      ? getParam('user_data')
      : {
          str_replace: {
            template: getParam('user_data'),
            params: { [TOKEN.containerVolume]: getResource('container_volume') },
          },
        };
  const port = portProperties(input, '', []);
  const floatingIp: Record<string, HotResource> = input.floatingIpEnabled
    ? {
        floating_ip: {
          type: 'OS::Neutron::FloatingIP',
          properties: { floating_network: input.externalNetwork, port_id: getResource('port') },
        },
      }
    : {};
  return {
    heat_template_version: '2018-08-31',
    description: `Worker of cluster ${input.uuid}`,
    parameters: nestedParameters(input),
    resources: {
      port: {
        type: 'OS::Neutron::Port',
        properties: {
          name,
          network: getParam('network'),
          ...(port.fixed_ips === undefined ? {} : { fixed_ips: [{ subnet: getParam('subnet') }] }),
          security_groups: getParam('security_groups'),
        },
      },
      ...boot.resources,
      server: {
        type: 'OS::Nova::Server',
        properties: {
          ...serverProperties(input, { name, role: 'worker', userData }),
          ...boot.properties,
          networks: [{ port: getResource('port') }],
        },
      },
      ...containerVolume,
      ...floatingIp,
    },
    outputs: {
      // Makes the member's reference the server's id, as it is in a group of plain servers.
      'OS::stack_id': { description: 'server', value: getResource('server') },
      first_address: { description: 'private address', value: getAttr('port', 'fixed_ips', 0, 'ip_address') },
      ...(input.floatingIpEnabled
        ? {
            public_address: {
              description: 'floating address',
              value: getAttr('floating_ip', 'floating_ip_address'),
            },
          }
        : {}),
    },
  };
}
