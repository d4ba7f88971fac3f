import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { hasStatus } from '../../src/errors.ts';
import { KeystoneSession, type KeystoneSessionOptions } from '../../src/keystone.ts';
import { startSimCloud } from '@cetus/simcloud/sim-cloud';
import { waitFor } from '@cetus/test-kit';

/** Why a test is skipped that needs {@link Cloud.behave}. */
export const NO_FAILURES = 'the resources of this cloud cannot be told to fail (CETUS_LAB_HEAT_CONTROL)';

/** A cloud under the contract. */
export interface Cloud {
  authUrl: string;
  /** Password of all its users. */
  password: string;
  /** A session of a user in a project, closed with the cloud. */
  session(
    username: string,
    projectName: string | undefined,
    options?: Partial<KeystoneSessionOptions>,
  ): KeystoneSession;
  /**
   * How the stacks' resources of a name behave from now on; null: as always again. Absent where the cloud cannot be told.
   */
  behave?: (resource: string, behaviour: ResourceBehaviour | null) => Promise<void>;
  close(): Promise<void>;
}

/** What an action of a resource does: waits so many seconds, then fails with the reason, if there is one. */
type ResourceBehaviour = Partial<
  Record<'create' | 'update' | 'delete', { wait_secs?: number; fail?: string }>
>;

/** A cloud to hold to the contract: the simulated one always, the lab's real services when an address is given. */
export interface Target {
  name: string;
  start(): Promise<Cloud>;
}

const LAB_URL = process.env['CETUS_LAB_KEYSTONE_URL'];
const LAB_PASSWORD = process.env['CETUS_LAB_PASSWORD'] ?? 'devpw';

export const targets: Target[] = [
  { name: 'simulated cloud', start: startSimulated },
  ...(LAB_URL === undefined
    ? []
    : [{ name: 'lab', start: async () => prepareLab(cloudAt(LAB_URL, LAB_PASSWORD, [])) }]),
];

/** A stack name nobody else uses. */
export function uniqueName(prefix: string): string {
  return `${prefix}-${randomBytes(4).toString('hex')}`;
}

async function startSimulated(): Promise<Cloud> {
  const sim = await startSimCloud({ resourceSeconds: { '*': 0.05, 'OS::Nova::Server': 0.2 } });
  const cloud = cloudAt(sim.keystoneUrl, 'devpw', [() => sim.close()]);
  cloud.behave = (resource, behaviour) => {
    const { [`name:${resource}`]: _, ...others } = sim.control.switches().resources;
    sim.control.set({
      resources: behaviour === null ? others : { ...others, [`name:${resource}`]: behaviour },
    });
    return Promise.resolve();
  };
  return cloud;
}

function cloudAt(authUrl: string, password: string, closers: (() => Promise<void>)[]): Cloud {
  const sessions: KeystoneSession[] = [];
  return {
    authUrl,
    password,
    session: (username, projectName, options = {}) => {
      const session = new KeystoneSession({
        authUrl,
        credentials: {
          type: 'password',
          username,
          password,
          ...(projectName === undefined ? {} : { projectName }),
        },
        ...options,
      });
      sessions.push(session);
      return session;
    },
    close: async () => {
      await Promise.all(sessions.map((session) => session.close()));
      for (const close of closers) await close();
    },
  };
}

/** The file that tells the lab's Heat how resources behave; others use it too, so only one key is changed. */
const CONTROL_FILE =
  process.env['CETUS_LAB_HEAT_CONTROL'] ??
  join(process.env['CETUS_LAB_DIR'] ?? join(homedir(), '.cache/cetus/lab/openstack'), 'heat-control.json');

async function behaveInLab(resource: string, behaviour: ResourceBehaviour | null): Promise<void> {
  const { [`name:${resource}`]: _, ...others } = JSON.parse(await readFile(CONTROL_FILE, 'utf8')) as Record<
    string,
    ResourceBehaviour
  >;
  const plans = behaviour === null ? others : { ...others, [`name:${resource}`]: behaviour };
  // Heat reads it at every action, so it is never half written.
  await writeFile(`${CONTROL_FILE}.new`, JSON.stringify(plans));
  await rename(`${CONTROL_FILE}.new`, CONTROL_FILE);
}

/** Gives the lab the users the simulated cloud is born with. */
async function prepareLab(cloud: Cloud): Promise<Cloud> {
  if (existsSync(CONTROL_FILE)) cloud.behave = behaveInLab;
  const admin = cloud.session('admin', 'admin');
  // Seen once under load: a list without what is there, and there again at the next look.
  const idOf = (collection: string, name: string): Promise<string> =>
    waitFor(
      async () => {
        const { body } = await admin.request('identity', 'GET', `/${collection}`, { query: { name } });
        return (body as Record<string, { id: string }[]>)[collection]?.[0]?.id;
      },
      { what: `${name} is one of the ${collection}` },
    );
  const wanted = [
    ['cetus', 'service', 'admin'],
    ['cetus', 'service', 'service'],
    ['demo-reader', 'demo', 'reader'],
  ] as const;
  for (const [name, project, role] of wanted) {
    try {
      const user = { name, password: cloud.password, domain_id: 'default' };
      await admin.request('identity', 'POST', '/users', { json: { user } });
    } catch (error) {
      if (!hasStatus(error, 409)) throw error;
    }
    const path = `/projects/${await idOf('projects', project)}/users/${await idOf('users', name)}/roles/${await idOf('roles', role)}`;
    await admin.request('identity', 'PUT', path);
  }
  return cloud;
}
