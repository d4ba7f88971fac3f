import { groupName } from './template/names.ts';
import { GROUP_OUTPUT, OUTPUT } from './template/outputs.ts';

/** One output as Heat lists it; a value is missing or null while the resource behind it is not there. */
export interface StackOutput {
  output_key: string;
  output_value?: unknown;
  output_error?: unknown;
}

/** What a cluster's stack says about itself. Addresses are bare, null or left out of a list while they are not known. */
export interface ClusterStackOutputs {
  /** Where users reach the API. */
  apiAddress: string | null;
  /** Where nodes reach the API. */
  privateApiAddress: string | null;
  masterAddresses: string[];
  masterPublicAddresses: string[];
  masterServerIds: string[];
  masterVersion: string | null;
}

/** What a stack says of a group of workers: lists in the order of the group's members, yet maybe of different lengths while it changes. */
export interface WorkerGroupOutputs {
  addresses: string[];
  publicAddresses: string[];
  serverIds: string[];
  version: string | null;
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.map(text).filter((item) => item !== null) : [];
}

type Outputs = readonly StackOutput[] | null | undefined;

function valueReader(outputs: Outputs): (key: string) => unknown {
  const values = new Map((outputs ?? []).map((output) => [output.output_key, output.output_value]));
  return (key) => values.get(key);
}

/** Reads the outputs of a cluster's stack; unknown keys, nulls and missing outputs are passed over. */
export function readStackOutputs(outputs: Outputs): ClusterStackOutputs {
  const value = valueReader(outputs);
  return {
    apiAddress: text(value(OUTPUT.apiAddress)),
    privateApiAddress: text(value(OUTPUT.privateApiAddress)),
    masterAddresses: texts(value(OUTPUT.masterAddresses)),
    masterPublicAddresses: texts(value(OUTPUT.masterPublicAddresses)),
    masterServerIds: texts(value(OUTPUT.masterServerIds)),
    masterVersion: text(value(OUTPUT.masterVersion)),
  };
}

/**
 * Reads the outputs of one group of workers, as {@link readStackOutputs}.
 * @param exists whether there is such a server: a group that failed lists addresses of ports that got none, and something else instead of
 *   its id
 */
export function readGroupOutputs(
  outputs: Outputs,
  groupKey: string | null,
  exists: (serverId: string) => boolean = () => true,
): WorkerGroupOutputs {
  const value = valueReader(outputs);
  const list = (name: string): unknown[] => {
    const items = value(groupName(name, groupKey));
    return Array.isArray(items) ? items : [];
  };
  const ids = list(GROUP_OUTPUT.nodeServerIds);
  // All lists have the order of the group's members.
  const missing = ids.map((id) => typeof id === 'string' && !exists(id));
  const ofServers = (name: string): string[] => texts(list(name).filter((_, at) => missing[at] !== true));
  return {
    addresses: ofServers(GROUP_OUTPUT.nodeAddresses),
    publicAddresses: ofServers(GROUP_OUTPUT.nodePublicAddresses),
    serverIds: ofServers(GROUP_OUTPUT.nodeServerIds),
    version: text(value(groupName(GROUP_OUTPUT.nodeVersion, groupKey))),
  };
}

/** `https://address:port`, as Magnum writes `api_address` and a kubeconfig its server. */
export function apiUrl(address: string, port: number): string {
  return `https://${address.includes(':') ? `[${address}]` : address}:${port}`;
}
