import { getAttr, getResource, type HotOutput, type HotValue } from '../hot.ts';
import type { ResolvedStackInput } from '../stack-input.ts';
import { apiAddress, masterAddress, privateApiAddress } from './addresses.ts';
import { masterServer, RESOURCE } from './names.ts';

/** Keys of a cluster stack's outputs. Addresses are bare, without scheme and port. */
export const OUTPUT = {
  apiAddress: 'api_address',
  privateApiAddress: 'private_api_address',
  masterAddresses: 'master_addresses',
  masterPublicAddresses: 'master_public_addresses',
  masterServerIds: 'master_server_ids',
  nodeAddresses: 'node_addresses',
  nodePublicAddresses: 'node_public_addresses',
  nodeServerIds: 'node_server_ids',
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
    [OUTPUT.nodeAddresses]: {
      description: 'private addresses of workers',
      value: getAttr(RESOURCE.workers, 'first_address'),
    },
    [OUTPUT.nodePublicAddresses]: {
      description: 'floating addresses of workers',
      value: input.floatingIpEnabled ? getAttr(RESOURCE.workers, 'public_address') : none,
    },
    [OUTPUT.nodeServerIds]: {
      description: 'server ids of workers',
      value: getAttr(RESOURCE.workers, 'refs'),
    },
  };
}
