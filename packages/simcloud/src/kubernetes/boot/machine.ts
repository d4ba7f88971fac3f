import { parseAllDocuments } from 'yaml';
import { at, isFields, listOf, type Fields } from '../objects.ts';
import { bootFiles } from './user-data.ts';

/** What a machine becomes when it boots: a node of a cluster. */
export interface Machine {
  /** `init` starts the control plane, `control-plane` joins it. */
  role: 'init' | 'control-plane' | 'worker';
  name: string;
  /** Its own address, where the user data names it. */
  address: string | undefined;
  version: string;
  apiAddress: string;
  apiPort: number;
  labels: Record<string, string>;
  /** Undefined: those that kubeadm gives by itself. */
  taints: { key: string; value?: string; effect: string }[] | undefined;
  /** PEM texts; only masters have the key. */
  authority: { certificate: string; key: string | undefined };
  serviceAccountKey: string | undefined;
  /** Whether it has what upgrades it when its Node asks for it. */
  upgradesItself: boolean;
}

const ROLES = ['init', 'control-plane', 'worker'] as const;

/** Reads what a server's user data makes of it; undefined when it does not start kubeadm. */
export function machineOf(userData: string): Machine | undefined {
  // Most user data is none of this; only what may be is parsed.
  if (!userData.includes('kubeadm')) return undefined;
  const files = bootFiles(userData);
  const environment = nodeEnvironment(files);
  const role = ROLES.find((one) => one === environment?.get('NODE_ROLE'));
  const certificate = fileAt(files, '/pki/ca.crt');
  if (environment === undefined || role === undefined || certificate === undefined) return undefined;
  const value = (name: string): string => environment.get(name) ?? '';
  const registration = nodeRegistration(files);
  const kubelet = registration['kubeletExtraArgs'];
  return {
    role,
    name: value('NODE_NAME'),
    address: value('NODE_ADDRESS') === '' ? undefined : value('NODE_ADDRESS'),
    version: value('KUBE_VERSION'),
    apiAddress: value('API_ADDRESS'),
    apiPort: Number(value('API_PORT')),
    labels: labelsOf(argument(kubelet, 'node-labels')),
    taints: Array.isArray(registration['taints']) ? (registration['taints'] as Machine['taints']) : undefined,
    authority: { certificate, key: fileAt(files, '/pki/ca.key') },
    serviceAccountKey: fileAt(files, '/pki/sa.key'),
    upgradesItself: fileAt(files, '/upgrade.sh') !== undefined,
  };
}

function fileAt(files: ReadonlyMap<string, string>, end: string): string | undefined {
  for (const [path, content] of files) if (path.endsWith(end)) return content;
  return undefined;
}

/** The variables of the file that says what the node is. */
function nodeEnvironment(files: ReadonlyMap<string, string>): Map<string, string> | undefined {
  for (const content of files.values()) {
    if (!/^NODE_ROLE=/m.test(content)) continue;
    const lines = content.matchAll(/^([A-Z_]+)=(.*)$/gm);
    return new Map([...lines].map(([, name = '', text = '']) => [name, unquoted(text)]));
  }
  return undefined;
}

function unquoted(text: string): string {
  const inner = /^'(.*)'$/.exec(text)?.[1];
  return inner === undefined ? text : inner.replaceAll(String.raw`'\''`, "'");
}

/** kubeadm's word on the node itself. */
function nodeRegistration(files: ReadonlyMap<string, string>): Fields {
  for (const [path, content] of files) {
    if (!path.endsWith('kubeadm.yaml')) continue;
    for (const document of parseAllDocuments(content)) {
      const registration = at(document.toJS(), 'nodeRegistration');
      if (isFields(registration)) return registration;
    }
  }
  return {};
}

/** An argument of the kubelet: of a map in kubeadm's older form, of a list in the newer. */
function argument(given: unknown, name: string): string {
  if (isFields(given)) return typeof given[name] === 'string' ? given[name] : '';
  const found = listOf<Fields>(given).find((one) => one['name'] === name);
  return typeof found?.['value'] === 'string' ? found['value'] : '';
}

function labelsOf(text: string): Record<string, string> {
  const pairs = text.split(',').filter((pair) => pair !== '');
  return Object.fromEntries(
    pairs.map((pair) => {
      const [key = '', ...value] = pair.split('=');
      return [key, value.join('=')];
    }),
  );
}
