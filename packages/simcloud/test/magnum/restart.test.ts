import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MagnumClient } from '@cetus/openstack/magnum';
import { KeystoneSession } from '@cetus/openstack/keystone';
import { MagnumDesk } from './support.ts';

describe('the simulated Magnum with a folder', () => {
  let dataDir: string;
  let desk: MagnumDesk | undefined;
  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'simcloud-magnum-'));
  });
  afterEach(async () => {
    await desk?.close();
    desk = undefined;
    await rm(dataDir, { recursive: true, force: true });
  });
  const open = async (): Promise<MagnumDesk> => {
    await desk?.close();
    desk = await MagnumDesk.open({ dataDir });
    return desk;
  };

  it('does after a restart what it had accepted before', async () => {
    const one = await open();
    one.cloud.control.set({ magnum: { conductorDown: true } });
    const uuid = await one.create('late');
    assert.equal(await one.magnum.getCluster(uuid), null);
    const two = await open();
    assert.equal((await two.reaches(uuid, 'CREATE_COMPLETE')).name, 'late');
  });

  it('goes on with what was under way', async () => {
    const one = await open();
    const uuid = await one.create('busy', 2);
    await one.reaches(uuid, ({ stack_id }) => stack_id !== null);
    const two = await open();
    const cluster = await two.reaches(uuid, 'CREATE_COMPLETE');
    assert.equal(cluster.node_addresses.length, 2);
  });

  it('keeps templates, clusters with their authorities and APIs, groups and quotas', async () => {
    const one = await open();
    const uuid = await one.create('kept');
    const before = await one.reaches(uuid, 'CREATE_COMPLETE');
    await one.magnum.createNodeGroup(uuid, { name: 'pool', node_count: 1 });
    await one.reaches(uuid, ({ node_addresses }) => node_addresses.length === 2);
    const { pem } = await one.magnum.getCaCertificate(uuid);
    const credentials = { username: 'admin', password: 'devpw', projectName: 'admin' };
    const admin = new KeystoneSession({
      authUrl: one.cloud.keystoneUrl,
      credentials: { type: 'password', ...credentials },
    });
    try {
      await new MagnumClient(admin).createQuota(before.project_id, 1);
    } finally {
      await admin.close();
    }

    const two = await open();
    const after = await two.magnum.getCluster(uuid);
    assert.deepEqual([after?.name, after?.api_address], ['kept', before.api_address]);
    assert.equal((await two.magnum.getCaCertificate(uuid)).pem, pem);
    assert.equal((await two.magnum.getNodeGroup(uuid, 'pool'))?.node_count, 1);
    assert.deepEqual(
      (await two.nodes(uuid)).map(([name]) => name),
      ['kept-master-0', 'kept-node-0', 'kept-pool-node-0'],
    );
    await assert.rejects(two.create('more'), /You have reached the maximum clusters per project, 1/);
    await two.magnum.deleteCluster(uuid);
    while ((await two.magnum.getCluster(uuid)) !== null);
  });
});
