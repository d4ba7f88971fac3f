import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { requireOrSkip, waitFor } from '@cetus/test-kit';
import { live } from './support/suite.ts';

/** What the client prints is checked by what is asserted of it. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Json = any;

const OPENSTACK = '/usr/bin/openstack';

live("OpenStack's own client", (on) => {
  const region = `cetus-live-${randomBytes(3).toString('hex')}`;
  let registered = false;

  before('registers Cetus in the catalog', async function () {
    requireOrSkip(
      this,
      existsSync(OPENSTACK),
      `${OPENSTACK} is not installed (python3-openstackclient, python3-magnumclient)`,
    );
    await on.lab.register(this, on.cetus.urls[0] ?? '', region);
    registered = true;
  });

  after('takes it out again', async () => {
    if (registered) await on.lab.unregister(region);
  });

  /** Runs `openstack coe …` as the user demo; answers what `-f json` prints, or the text. */
  async function coe(...args: string[]): Promise<Json> {
    const env = {
      PATH: '/usr/bin:/bin',
      HOME: '/nonexistent',
      OS_AUTH_URL: on.lab.keystoneUrl,
      OS_USERNAME: 'demo',
      OS_PASSWORD: on.lab.password,
      OS_PROJECT_NAME: 'demo',
      OS_USER_DOMAIN_NAME: 'Default',
      OS_PROJECT_DOMAIN_NAME: 'Default',
      OS_IDENTITY_API_VERSION: '3',
      OS_REGION_NAME: region,
    };
    // The distribution's python, whatever the program's first line would find on the PATH.
    const { stdout } = await promisify(execFile)('/usr/bin/python3', [OPENSTACK, 'coe', ...args], {
      env,
      timeout: 60_000,
    });
    return args.includes('json') ? JSON.parse(stdout) : stdout;
  }

  it('creates, lists, shows, updates and deletes templates and clusters, finding Cetus by the catalog', async () => {
    await coe(
      'cluster',
      'template',
      'create',
      'stock',
      '--coe',
      'kubernetes',
      '--image',
      'ubuntu-22.04',
      '--flavor',
      'm1.small',
      '--master-flavor',
      'm1.medium',
      '--keypair',
      'mine',
      '--external-network',
      'public',
      '--floating-ip-disabled',
    );
    const [listed, template] = await Promise.all([
      coe('cluster', 'template', 'list', '-f', 'json'),
      coe('cluster', 'template', 'show', 'stock', '-f', 'json'),
    ]);
    assert.deepEqual(
      listed.map(({ name }: { name: string }) => name),
      ['stock'],
    );
    assert.equal(template.image_id, 'ubuntu-22.04');
    assert.equal(template.cluster_distro, 'ubuntu');

    const accepted = (await coe(
      'cluster',
      'create',
      'shop',
      '--cluster-template',
      'stock',
      '--node-count',
      '2',
    )) as string;
    const uuid = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(accepted)?.[0] ?? '';
    on.cetus.made.add(uuid);
    await on.demo.settled(uuid);
    const [clusters, shown] = await Promise.all([
      coe('cluster', 'list', '-f', 'json'),
      coe('cluster', 'show', 'shop', '-f', 'json'),
    ]);
    assert.deepEqual(
      clusters.map((one: Record<string, unknown>) => [one['uuid'], one['status']]),
      [[uuid, 'CREATE_COMPLETE']],
    );
    assert.equal(shown.status, 'CREATE_COMPLETE');
    assert.equal(shown.node_count, 2);

    await coe('cluster', 'update', 'shop', 'replace', 'node_count=3');
    const updated = await on.demo.settled(uuid);
    assert.deepEqual([updated.status, updated.actual_node_count], ['UPDATE_COMPLETE', 3]);
    await coe('cluster', 'delete', 'shop');
    await waitFor(async () => (await coe('cluster', 'list', '-f', 'json')).length === 0, {
      timeoutMs: 60_000,
      what: 'no cluster is listed',
    });
    await coe('cluster', 'template', 'delete', 'stock');
    assert.deepEqual(await coe('cluster', 'template', 'list', '-f', 'json'), []);
  });

  it('is told what is wrong', async () => {
    const refused = coe(
      'cluster',
      'template',
      'create',
      'wrong',
      '--coe',
      'kubernetes',
      '--image',
      'no-such-image',
      '--external-network',
      'public',
    );
    await assert.rejects(refused, (error: { stderr: string }) => {
      assert.match(error.stderr, /no-such-image does not exist.*HTTP 400/s);
      return true;
    });
  });
});
