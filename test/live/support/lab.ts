import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { HeatClient, type StackSummary } from '@cetus/openstack/heat';
import { KeystoneSession } from '@cetus/openstack/keystone';
import { afterAllTests, requireOrSkip, waitFor, type SkippableContext } from '@cetus/test-kit';

export const ROOT = resolve(import.meta.dirname, '../../..');
const SCRIPTS = join(ROOT, 'test/lab/openstack');

/** The real cloud of this run. Its accounts are those of the lab: `demo`, `demo2`, `demo-reader`, `cetus`, `admin`. */
export class Lab {
  readonly keystoneUrl: string;
  readonly password: string;
  private readonly dir: string;
  private readonly sessions = new Map<string, KeystoneSession>();

  private constructor(keystoneUrl: string) {
    this.keystoneUrl = keystoneUrl;
    this.password = process.env['CETUS_LAB_PASSWORD'] ?? 'devpw';
    this.dir = process.env['CETUS_LAB_DIR'] ?? '';
    afterAllTests(() => this.close());
  }

  private static shared: Lab | undefined;

  /** For a `before`: skips the suite where there is no lab. */
  static require(context: SkippableContext): Lab {
    const url = process.env['CETUS_LAB_KEYSTONE_URL'];
    requireOrSkip(context, url, 'no lab is up (CETUS_LAB_KEYSTONE_URL)');
    return (Lab.shared ??= new Lab(url));
  }

  /** A session of a user, in the project of the same name unless another is given. */
  session(username: string, projectName = username): KeystoneSession {
    const key = `${username}/${projectName}`;
    const found = this.sessions.get(key);
    if (found !== undefined) return found;
    const session = new KeystoneSession({
      authUrl: this.keystoneUrl,
      credentials: { type: 'password', username, password: this.password, projectName },
      region: process.env['CETUS_LAB_REGION'] ?? 'RegionOne',
    });
    this.sessions.set(key, session);
    return session;
  }

  heat(username = 'demo'): HeatClient {
    return new HeatClient(this.session(username));
  }

  /** Every stack that the cluster ever had, deleted ones too. */
  async stacksOf(clusterId: string, username = 'demo'): Promise<StackSummary[]> {
    const stacks: StackSummary[] = [];
    for await (const page of this.heat(username).listStacks({
      name: `cetus-${clusterId}`,
      showDeleted: true,
    }))
      stacks.push(...page);
    return stacks;
  }

  /** Removes what a test that failed left behind. */
  async removeStacksOf(clusterIds: Iterable<string>): Promise<void> {
    const heat = this.heat();
    await Promise.all(
      [...clusterIds].map(async (id) => {
        const stack = await heat.findByName(`cetus-${id}`);
        if (stack !== null) await heat.deleteStack({ name: stack.stack_name, id: stack.id });
      }),
    );
  }

  /** The file by which the lab's Heat is told to fail or to wait; skips where it is not to be had. */
  controlFile(context: SkippableContext): string {
    const file = process.env['CETUS_LAB_HEAT_CONTROL'] ?? join(this.dir, 'heat-control.json');
    requireOrSkip(context, existsSync(file), `Heat cannot be told to fail: no ${file} (CETUS_LAB_DIR)`);
    return file;
  }

  /** Makes a URL the container-infra service of a region of its own, so that nothing else in the cloud changes. */
  async register(context: SkippableContext, url: string, region: string): Promise<void> {
    requireOrSkip(
      context,
      existsSync(join(this.dir, 'openrc')),
      `no administrator's account: no openrc in ${this.dir} (CETUS_LAB_DIR)`,
    );
    const session = this.session('demo');
    await waitFor(
      async () => {
        await this.script('register', [url, region]);
        // Keystone's processes may remember catalogs, each for itself.
        for (let asked = 0; asked < 6; asked += 1) {
          const { body } = await session.request('identity', 'GET', '/auth/catalog');
          const { catalog } = body as { catalog: { endpoints: { region_id: string; url: string }[] }[] };
          if (
            !catalog.some(({ endpoints }) =>
              endpoints.some((one) => one.region_id === region && one.url === `${url}/v1`),
            )
          )
            return false;
        }
        return true;
      },
      { timeoutMs: 60_000, what: 'Cetus is in the catalog' },
    );
  }

  async unregister(region: string): Promise<void> {
    await this.script('register', ['--remove', region]);
  }

  private async script(name: string, args: string[]): Promise<void> {
    await promisify(execFile)(join(SCRIPTS, name), args, {
      env: { ...process.env, CETUS_LAB_DIR: this.dir },
      timeout: 60_000,
    });
  }

  private async close(): Promise<void> {
    await Promise.all([...this.sessions.values()].map((session) => session.close()));
  }
}
