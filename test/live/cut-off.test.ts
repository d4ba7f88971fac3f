import assert from 'node:assert/strict';
import { waitFor } from '@cetus/test-kit';
import { CuttableCloud } from './support/cuttable-cloud.ts';
import { live } from './support/suite.ts';

let cloud: CuttableCloud;

live(
  'a Heat that is cut off',
  (on) => {
    before(async () => {
      assert.equal((await on.demo.template('cut')).status, 201);
    });

    after(async () => cloud?.stop());

    it('makes one stack though the answer to its creation was lost', async () => {
      cloud.heatPath = 'lose-next-create';
      const uuid = await on.demo.create({ name: 'lost', cluster_template_id: 'cut', node_count: 1 });
      const created = await on.demo.settled(uuid);
      assert.equal(created.status, 'CREATE_COMPLETE', created.status_reason ?? '');
      assert.equal(cloud.lost, 1);
      assert.deepEqual(
        (await on.lab.stacksOf(uuid)).map(({ id }) => id),
        [created.stack_id],
      );
      await on.demo.remove(uuid);
    });

    it('is not a failed cluster: what goes on is waited for, what is complete stays so', async () => {
      const done = await on.demo.create({ name: 'done', cluster_template_id: 'cut', node_count: 1 });
      assert.equal((await on.demo.settled(done)).status, 'CREATE_COMPLETE');
      const going = await on.demo.create({ name: 'going', cluster_template_id: 'cut', node_count: 1 });
      await waitFor(async () => (await on.demo.cluster(going)).stack_id !== null, {
        timeoutMs: 30_000,
        what: 'Heat has the stack',
      });
      cloud.heatPath = 'cut';
      const reachable = async (uuid: string) =>
        (await on.demo.cluster(uuid)).conditions.find(({ type }) => type === 'BackEndReachable')?.status;
      for (const uuid of [going, done]) {
        await waitFor(async () => (await reachable(uuid)) === 'False', {
          timeoutMs: 30_000,
          what: 'the loss of contact is told',
        });
      }
      assert.equal((await on.demo.cluster(going)).status, 'CREATE_IN_PROGRESS');
      assert.equal((await on.demo.cluster(done)).status, 'CREATE_COMPLETE');
      assert.equal((await on.demo.scale(done, 2)).status, 202, 'accepted without Heat');

      cloud.heatPath = 'open';
      const [created, scaled] = await Promise.all([on.demo.settled(going), on.demo.settled(done)]);
      assert.equal(created.status, 'CREATE_COMPLETE', created.status_reason ?? '');
      assert.deepEqual([scaled.status, scaled.actual_node_count], ['UPDATE_COMPLETE', 2]);
      for (const uuid of [going, done]) {
        assert.equal(await reachable(uuid), 'True');
        assert.equal((await on.lab.stacksOf(uuid)).length, 1);
      }
      await Promise.all([on.demo.remove(going), on.demo.remove(done)]);
    });
  },
  async ({ lab }) => {
    cloud = new CuttableCloud(lab.keystoneUrl, await lab.session('demo').endpoint('orchestration'));
    await cloud.start();
    return { keystoneUrl: cloud.keystoneUrl };
  },
);
