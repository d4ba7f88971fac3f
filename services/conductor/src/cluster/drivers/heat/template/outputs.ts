import { getResource, type HotOutput, type HotValue } from '../hot.ts';
import type { ResolvedStackInput } from '../stack-input.ts';
import { apiAddress, masterAddress, privateApiAddress } from './addresses.ts';
import { masterServer } from './names.ts';

/** Keys of a cluster stack's outputs. Addresses are bare, without scheme and port. */
export const OUTPUT = {
  apiAddress: 'api_address',
  privateApiAddress: 'private_api_address',
  masterAddresses: 'master_addresses',
  masterPublicAddresses: 'master_public_addresses',
  masterServerIds: 'master_server_ids',
  masterVersion: 'master_version',
} as const;

/** Keys of the outputs that each group of workers has, before the group's own part of the name. */
export const GROUP_OUTPUT = {
  nodeAddresses: 'node_addresses',
  nodePublicAddresses: 'node_public_addresses',
  nodeServerIds: 'node_server_ids',
  nodeVersion: 'node_version',
} as const;

export function clusterOutputs(input: ResolvedStackInput): Record<string, HotOutput> {
  const masters = Array.from({ length: input.masterCount }, (_, index) => index);
  const masterHasFloatingIp = input.floatingIpEnabled && !input.loadBalanced;
  const none: HotValue = [];
  return {
    [OUTPUT.apiAddress]: { description: 'where users reach the API', value: apiAddress(input) },
    [OUTPUT.privateApiAddress]: { description: 'where nodes reach the API', value: privateApiAddress(input) },
    [OUTPUT.masterAddresses]: {
      description: 'private addresses of masters',
      value: masters.map(masterAddress),
    },
    [OUTPUT.masterPublicAddresses]: {
      description: 'floating addresses of masters',
      value: masterHasFloatingIp ? [apiAddress(input)] : none,
    },
    [OUTPUT.masterServerIds]: {
      description: 'server ids of masters',
      value: masters.map((index) => getResource(masterServer(index))),
    },
    [OUTPUT.masterVersion]: {
      description: 'Kubernetes version that masters are made with',
      value: input.masters.kubeTag,
    },
  };
}
