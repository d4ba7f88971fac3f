import { OUTPUT } from './template/outputs.ts';

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
  /** Workers: these lists have the order of the group's members, yet may differ in length while it changes. */
  nodeAddresses: string[];
  nodePublicAddresses: string[];
  nodeServerIds: string[];
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.map(text).filter((item) => item !== null) : [];
}

/** Reads the outputs of a cluster's stack; unknown keys, nulls and missing outputs are passed over. */
export function readStackOutputs(outputs: readonly StackOutput[] | null | undefined): ClusterStackOutputs {
  const values = new Map((outputs ?? []).map((output) => [output.output_key, output.output_value]));
  return {
    apiAddress: text(values.get(OUTPUT.apiAddress)),
    privateApiAddress: text(values.get(OUTPUT.privateApiAddress)),
    masterAddresses: texts(values.get(OUTPUT.masterAddresses)),
    masterPublicAddresses: texts(values.get(OUTPUT.masterPublicAddresses)),
    masterServerIds: texts(values.get(OUTPUT.masterServerIds)),
    nodeAddresses: texts(values.get(OUTPUT.nodeAddresses)),
    nodePublicAddresses: texts(values.get(OUTPUT.nodePublicAddresses)),
    nodeServerIds: texts(values.get(OUTPUT.nodeServerIds)),
  };
}

/** `https://address:port`, as Magnum writes `api_address` and a kubeconfig its server. */
export function apiUrl(address: string, port: number): string {
  return `https://${address.includes(':') ? `[${address}]` : address}:${port}`;
}
