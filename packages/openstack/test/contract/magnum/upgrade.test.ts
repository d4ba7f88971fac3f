import assert from 'node:assert/strict';
import { HeatClient } from '../../../src/heat.ts';
import { magnumContract } from './bench.ts';
import { refused } from './refusal.ts';

magnumContract('upgrades', (bench) => {
  let uuid: string;
  const template = (kubeTag: string | null) =>
    bench.template({ labels: kubeTag === null ? { other: 'x' } : { kube_tag: kubeTag, other: 'x' } });

  before(async () => {
    const { uuid: ct } = await template('v1.23.3');
    uuid = await bench.create({ cluster_template_id: ct, node_count: 1 });
    await bench.reaches(uuid, 'CREATE_COMPLETE');
  });

  it('takes the versions of another template, for all nodes of the stack', async () => {
    const newer = await template('v1.24.16');
    await bench.magnum.upgradeCluster(uuid, { cluster_template: newer.uuid, max_batch_size: 1 });
    // Magnum's API has waited: no old status is to be seen any more.
    const upgraded = await bench.reaches(uuid, 'UPDATE_COMPLETE');
    assert.equal(upgraded.cluster_template_id, newer.uuid);
    assert.equal(upgraded.labels['kube_tag'], 'v1.24.16');
    const stack = await new HeatClient(bench.session).getStack(upgraded.stack_id!);
    assert.equal(stack?.parameters['kube_tag'], 'v1.24.16');
    for (const name of ['default-master', 'default-worker'])
      assert.equal((await bench.group(uuid, name)).labels['kube_tag'], 'v1.24.16');
  });

  it('upgrades a further group only to the cluster’s own template', async () => {
    await bench.magnum.createNodeGroup(uuid, {
      name: 'pool',
      node_count: 1,
      labels: { kube_tag: 'v1.23.3' },
    });
    await bench.group(uuid, 'pool');
    const { cluster_template_id } = await bench.reaches(uuid, 'UPDATE_COMPLETE');
    const newest = await template('v1.25.3');
    await refused(
      bench.magnum.upgradeCluster(uuid, { cluster_template: newest.uuid, nodegroup: 'pool' }),
      409,
      /can be upgraded only to match cluster's template/,
    );
    await bench.magnum.upgradeCluster(uuid, { cluster_template: cluster_template_id, nodegroup: 'pool' });
    await bench.reaches(uuid, 'UPDATE_COMPLETE');
    const pool = await bench.group(uuid, 'pool');
    assert.deepEqual([pool.status, pool.labels['kube_tag']], ['UPDATE_COMPLETE', 'v1.24.16']);
  });

  it('refuses lower versions, a template without any, one that does not exist', async () => {
    const before = await bench.magnum.getCluster(uuid);
    const older = await template('v1.22.1');
    const refusal = bench.magnum.upgradeCluster(uuid, { cluster_template: older.uuid });
    await refused(refusal, 400, /Downgrade .*kube_tag|kube_tag/);
    // Magnum notes its own refusal as a failure.
    const failed = await bench.magnum.getCluster(uuid);
    assert.equal(failed?.status, 'UPDATE_FAILED');
    assert.equal(failed.cluster_template_id, before?.cluster_template_id);
    const none = bench.magnum.upgradeCluster(uuid, { cluster_template: 'no-such' });
    await refused(none, 404, /ClusterTemplate no-such could not be found/);
  });

  it('is stuck after a failure: only a resize brings the cluster back', async () => {
    const newest = await template('v1.25.3');
    assert.equal((await bench.magnum.getCluster(uuid))?.status, 'UPDATE_FAILED');
    const refusal = bench.magnum.upgradeCluster(uuid, { cluster_template: newest.uuid });
    await refused(refusal, 400, /Upgrading a cluster when status is "UPDATE_FAILED" is not supported/);
    // To the number it has.
    await bench.magnum.resizeCluster(uuid, { node_count: 1 });
    await bench.leaves(uuid, 'UPDATE_FAILED');
    await bench.magnum.upgradeCluster(uuid, { cluster_template: newest.uuid });
    const upgraded = await bench.reaches(uuid, 'UPDATE_COMPLETE');
    assert.equal(upgraded.labels['kube_tag'], 'v1.25.3');
  });
});
