import assert from 'node:assert/strict';
import { GlanceClient } from '../../src/glance.ts';
import { NeutronClient } from '../../src/neutron.ts';
import { NovaClient } from '../../src/nova.ts';
import { targets, type Cloud } from './targets.ts';

for (const target of targets) {
  describe(`Nova, Glance, Neutron contract: ${target.name}`, () => {
    let cloud: Cloud;
    before(async () => {
      cloud = await target.start();
    });
    after(() => cloud.close());

    it('finds images with what a cluster depends on', async () => {
      const glance = new GlanceClient(cloud.session('demo', 'demo'));
      const image = await glance.findImage('ubuntu-22.04');
      assert.equal(image?.os_distro, 'ubuntu');
      assert.equal(image.status, 'active');
      assert.deepEqual(await glance.findImage(image.id), image);
      assert.equal(await glance.findImage('no-such-image'), null);
      assert.equal(await glance.findImage('00000000-0000-4000-8000-000000000000'), null);
    });

    it('finds flavors and key pairs', async () => {
      const nova = new NovaClient(cloud.session('demo', 'demo'));
      const flavor = await nova.findFlavor('m1.small');
      assert.deepEqual(flavor, { id: '1', name: 'm1.small', vcpus: 1, ram: 2048, disk: 20 });
      assert.deepEqual(await nova.findFlavor('1'), flavor);
      assert.equal(await nova.findFlavor('no such/flavor'), null);
      assert.match((await nova.getKeypair('mine', { userId: 'someone' }))?.public_key ?? '', /^ssh-/);
      assert.equal(await nova.getKeypair('missing-key'), null);
    });

    it('gives a user a key pair, and does not mind that it is there', async () => {
      const nova = new NovaClient(cloud.session('demo', 'demo'));
      const { public_key } = (await nova.getKeypair('mine')) ?? { public_key: '' };
      await nova.ensureKeypair({ name: 'contract', public_key });
      await nova.ensureKeypair({ name: 'contract', public_key });
      assert.equal((await nova.getKeypair('contract'))?.public_key, public_key);
    });

    it('finds networks and subnets', async () => {
      const neutron = new NeutronClient(cloud.session('demo', 'demo'));
      assert.equal((await neutron.findNetwork('public'))?.external, true);
      const network = await neutron.findNetwork('private');
      assert.equal(network?.external, false);
      const subnet = await neutron.findSubnet('private-subnet');
      assert.deepEqual(network.subnets, [subnet?.id]);
      assert.equal(subnet?.network_id, network.id);
      assert.deepEqual(await neutron.findNetwork(network.id), network);
      assert.equal(await neutron.findNetwork('no-such-network'), null);
      assert.equal(await neutron.findSubnet('00000000-0000-4000-8000-000000000000'), null);
    });
  });
}
