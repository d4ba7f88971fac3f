import { masterAddressToken, TOKEN } from '../bootstrap/tokens.ts';
import { nodeUserData } from '../bootstrap/user-data.ts';
import type { PublicSecrets } from '../bootstrap/node-files.ts';
import { getAttr, getResource, strReplace, type HotResource, type HotValue } from '../hot.ts';
import type { NodeStackInput, ResolvedStackInput } from '../stack-input.ts';
import { apiAddress, masterAddress, privateApiAddress } from './addresses.ts';
import { clusterResourceName, masterName, masterPort, masterServer, RESOURCE } from './names.ts';
import { portProperties, routed } from './network.ts';
import { secretTokens } from './secret-parameters.ts';
import { bootDisk, dataVolume, serverProperties } from './server.ts';

/** What replaces the tokens of addresses, the same on every node. Ports come before servers, so there is no circle. */
export function addressTokens(input: ResolvedStackInput): Record<string, HotValue> {
  return {
    [TOKEN.apiAddress]: privateApiAddress(input),
    [TOKEN.apiPublicAddress]: apiAddress(input),
    ...Object.fromEntries(
      Array.from({ length: input.masterCount }, (_, index) => [
        masterAddressToken(index),
        masterAddress(index),
      ]),
    ),
  };
}

function volumeResource(kind: 'etcd' | 'container', index: number): string {
  return `master_${index}_${kind}_volume`;
}

function masterUserData(input: NodeStackInput, secrets: PublicSecrets, index: number): HotValue {
  const text = nodeUserData(input, secrets, {
    role: index === 0 ? 'init' : 'control-plane',
    nodeName: masterName(input.uuid, index),
    masterIndex: index,
  });
  return strReplace(text, {
    ...secretTokens(),
    ...addressTokens(input),
    [TOKEN.etcdVolume]: getResource(volumeResource('etcd', index)),
    [TOKEN.containerVolume]: getResource(volumeResource('container', index)),
    [TOKEN.signalUrl]: getAttr(RESOURCE.signalHandle, 'endpoint'),
    [TOKEN.signalToken]: getAttr(RESOURCE.signalHandle, 'token'),
  });
}

function masterVolumes(input: NodeStackInput, index: number): Record<string, HotResource> {
  const sizes = { etcd: input.etcdVolumeSize, container: input.dockerVolumeSize };
  return Object.assign(
    {},
    ...(['etcd', 'container'] as const).map((kind) => {
      const size = sizes[kind];
      if (size === undefined) return {};
      return dataVolume(input, {
        resourceName: volumeResource(kind, index),
        name: clusterResourceName(input.uuid, `master-${index}-${kind}`),
        size,
        server: masterServer(index),
      });
    }),
  ) as Record<string, HotResource>;
}

function masterResources(
  input: NodeStackInput,
  secrets: PublicSecrets,
  index: number,
): Record<string, HotResource> {
  const name = masterName(input.uuid, index);
  const boot = bootDisk(input, `master_${index}_boot_volume`, `${name}-boot`);
  return {
    [masterPort(index)]: {
      type: 'OS::Neutron::Port',
      properties: portProperties(input, name, [RESOURCE.clusterSecurityGroup, RESOURCE.masterSecurityGroup]),
    },
    ...boot.resources,
    [masterServer(index)]: {
      type: 'OS::Nova::Server',
      ...routed(input),
      properties: {
        ...serverProperties(input, {
          name,
          role: 'master',
          userData: masterUserData(input, secrets, index),
        }),
        ...boot.properties,
        networks: [{ port: getResource(masterPort(index)) }],
        ...(input.masterCount > 1 ? { scheduler_hints: { group: getResource(RESOURCE.masterGroup) } } : {}),
      },
    },
    ...masterVolumes(input, index),
  };
}

function signalResources(input: ResolvedStackInput): Record<string, HotResource> {
  if (!input.waitForBootstrap) return {};
  return {
    [RESOURCE.signalHandle]: {
      type: 'OS::Heat::WaitConditionHandle',
      properties: { signal_transport: 'TOKEN_SIGNAL' },
    },
    [RESOURCE.signal]: {
      type: 'OS::Heat::WaitCondition',
      // Its clock starts when it is created.
      depends_on: Array.from({ length: input.masterCount }, (_, index) => masterServer(index)),
      properties: {
        handle: getResource(RESOURCE.signalHandle),
        count: input.masterCount,
        timeout: input.bootstrapTimeoutSeconds,
      },
    },
  };
}

/** Masters with their ports, volumes and server group, and the condition they signal when Kubernetes answers. */
export function mastersResources(
  cluster: ResolvedStackInput,
  secrets: PublicSecrets,
): Record<string, HotResource> {
  const input = { ...cluster, ...cluster.masters };
  const group: Record<string, HotResource> =
    input.masterCount === 1
      ? {}
      : {
          [RESOURCE.masterGroup]: {
            type: 'OS::Nova::ServerGroup',
            properties: {
              name: clusterResourceName(input.uuid, 'masters'),
              policies: [input.masterAffinityPolicy],
            },
          },
        };
  const masters = Array.from({ length: input.masterCount }, (_, index) =>
    masterResources(input, secrets, index),
  );
  return Object.assign(group, ...masters, signalResources(input)) as Record<string, HotResource>;
}
