import { readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { KeystoneSession } from '@cetus/openstack/keystone';
import type { KubernetesHost } from '@cetus/simcloud/kubernetes/kubernetes-host';
import { startSimCloud } from '@cetus/simcloud/sim-cloud';

type Behaviour = Partial<Record<'create' | 'update' | 'delete', { wait_secs?: number; fail?: string }>>;

export interface Cloud {
  authUrl: string;
  /** How resources of a name behave from now on; null: as always again. */
  behave(resource: string, behaviour: Behaviour | null): Promise<void>;
  close(): Promise<void>;
  /** The clusters of stacks, by the stack's id; a real Heat has none. */
  kubernetes?: KubernetesHost;
}

/** A cloud that a driver is tried on: the simulated one always, a real one when an address is given. */
export interface Target {
  name: string;
  start(): Promise<Cloud>;
}

/** The service user's session, and the tenant in whose project the driver acts. */
export interface Accounts {
  service: KeystoneSession;
  projectId: string;
  userId: string;
}

const PASSWORD = process.env.CETUS_LAB_PASSWORD ?? 'devpw';
const LAB_URL = process.env.CETUS_LAB_KEYSTONE_URL;
const LAB_DIR = process.env.CETUS_LAB_DIR ?? join(homedir(), '.cache/cetus/lab/openstack');
const CONTROL_FILE = process.env.CETUS_LAB_HEAT_CONTROL ?? join(LAB_DIR, 'heat-control.json');

export const targets: Target[] = [
  { name: 'the simulated cloud', start: startSimulated },
  ...(LAB_URL === undefined
    ? []
    : [
        {
          name: 'a real Heat',
          start: () =>
            Promise.resolve({ authUrl: LAB_URL, behave: behaveInLab, close: () => Promise.resolve() }),
        },
      ]),
];

async function startSimulated(): Promise<Cloud> {
  const sim = await startSimCloud({
    resourceSeconds: { '*': 0.01 },
    kubernetesSeconds: { nodeUpgrade: 0.1, podStart: 0.01, podStop: 0.01, nodeSilence: 0.1 },
  });
  return {
    authUrl: sim.keystoneUrl,
    behave: (resource, behaviour) => {
      sim.control.set({ resources: behaviour === null ? {} : { [`name:${resource}`]: behaviour } });
      return Promise.resolve();
    },
    close: () => sim.close(),
    kubernetes: sim.kubernetes,
  };
}

/** The lab's file is shared with others: only one key is changed, and Heat, which reads it at every action, never sees half of it. */
async function behaveInLab(resource: string, behaviour: Behaviour | null): Promise<void> {
  const plans = JSON.parse(await readFile(CONTROL_FILE, 'utf8')) as Record<string, Behaviour>;
  const { [`name:${resource}`]: _, ...others } = plans;
  const next = behaviour === null ? others : { ...others, [`name:${resource}`]: behaviour };
  await writeFile(`${CONTROL_FILE}.new`, JSON.stringify(next));
  await rename(`${CONTROL_FILE}.new`, CONTROL_FILE);
}

export async function signIn({ authUrl }: Cloud): Promise<Accounts> {
  const sessionOf = (username: string, projectName: string): KeystoneSession =>
    new KeystoneSession({
      authUrl,
      credentials: { type: 'password', username, password: PASSWORD, projectName },
      grantRoles: ['member', 'heat_stack_owner'],
    });
  const demo = sessionOf('demo', 'demo');
  const { projectId = '', userId } = await demo.identity();
  await demo.close();
  return { service: sessionOf('cetus', 'service'), projectId, userId };
}
