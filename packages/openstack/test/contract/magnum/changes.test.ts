import assert from 'node:assert/strict';
import type { MagnumTemplate, ResizeMagnumCluster } from '../../../src/magnum.ts';
import { magnumContract } from './bench.ts';
import { refused } from './refusal.ts';

magnumContract('sizes and node groups', (bench) => {
  let template: MagnumTemplate;
  let uuid: string;
  before(async () => {
    template = await bench.template();
    uuid = await bench.create({ cluster_template_id: template.uuid, node_count: 2 });
    await bench.reaches(uuid, 'CREATE_COMPLETE');
  });

  it('has two default groups, of one stack', async () => {
    const { stack_id } = (await bench.magnum.getCluster(uuid))!;
    const groups = [];
    for await (const page of bench.magnum.listNodeGroups(uuid, { limit: 1 })) groups.push(...page);
    assert.deepEqual(
      groups.map((one) => [one.name, one.role, one.node_count, one.is_default, one.stack_id, one.status]),
      [
        ['default-master', 'master', 1, true, stack_id, 'CREATE_COMPLETE'],
        ['default-worker', 'worker', 2, true, stack_id, 'CREATE_COMPLETE'],
      ],
    );
    const workers = [];
    for await (const page of bench.magnum.listNodeGroups(uuid, { role: 'worker' })) workers.push(...page);
    assert.equal(workers.length, 1);
    const worker = await bench.magnum.getNodeGroup(uuid, 'default-worker');
    assert.equal(worker?.cluster_id, uuid);
    assert.equal(worker.node_addresses.length, 2);
    assert.equal(worker.min_node_count, 0);
    assert.equal(worker.max_node_count, null);
    assert.equal(await bench.magnum.getNodeGroup(uuid, 'no-such'), null);
    await refused(bench.magnum.listNodeGroups('no-such').next(), 404, /Cluster no-such could not be found/);
  });

  it('is resized, up and to nothing; the node that goes first can be named', async () => {
    const before = (await bench.magnum.getCluster(uuid))!.node_addresses;
    const resize = (to: ResizeMagnumCluster) =>
      bench.changed(uuid, 'default-worker', () => bench.magnum.resizeCluster(uuid, to));
    const grown = await resize({ node_count: 3 });
    assert.equal(grown.status, 'UPDATE_COMPLETE');
    assert.equal(grown.node_count, 3);
    assert.deepEqual(grown.node_addresses.slice(0, 2), before);
    const shrunk = await resize({ node_count: 2, nodes_to_remove: ['0'] });
    assert.equal(shrunk.status, 'UPDATE_COMPLETE');
    assert.deepEqual(shrunk.node_addresses, grown.node_addresses.slice(1));
    const none = await resize({ node_count: 0 });
    assert.deepEqual([none.status, none.node_addresses], ['UPDATE_COMPLETE', []]);
  });

  it('changes its number of nodes by PATCH', async () => {
    const changed = await bench.changed(uuid, 'default-worker', () =>
      bench.magnum.setNodeCount(uuid, 1, { rollback: true }),
    );
    assert.equal(changed.status, 'UPDATE_COMPLETE');
    const worker = await bench.group(uuid, 'default-worker');
    assert.deepEqual([worker.node_count, worker.node_addresses.length], [1, 1]);
  });

  it('refuses sizes that cannot be', async () => {
    await refused(bench.magnum.resizeCluster(uuid, { node_count: -1 }), 400, /node_count/);
    await refused(
      bench.magnum.resizeCluster(uuid, { node_count: 3, nodegroup: 'default-master' }),
      400,
      /Resizing a master nodegroup is not supported/,
    );
    await refused(
      bench.magnum.resizeCluster(uuid, { node_count: 1, nodegroup: 'no-such' }),
      404,
      /Nodegroup no-such could not be found/,
    );
    await refused(bench.magnum.resizeCluster('no-such', { node_count: 1 }), 404, /Cluster no-such/);
  });

  describe('a further node group', () => {
    it('is made, with a stack of its own', async () => {
      const accepted = await bench.magnum.createNodeGroup(uuid, {
        name: 'pool',
        node_count: 2,
        min_node_count: 1,
        max_node_count: 4,
        flavor_id: 'm1.medium',
        role: 'gpu',
        labels: { tier: 'x' },
        merge_labels: true,
      });
      assert.equal(accepted.name, 'pool');
      const group = await bench.group(uuid, 'pool');
      assert.equal(group.uuid, accepted.uuid);
      assert.equal(group.status, 'CREATE_COMPLETE');
      assert.deepEqual([group.node_count, group.min_node_count, group.max_node_count], [2, 1, 4]);
      assert.deepEqual([group.flavor_id, group.role, group.is_default], ['m1.medium', 'gpu', false]);
      assert.deepEqual(group.labels, { ...template.labels, tier: 'x' });
      assert.equal(group.node_addresses.length, 2);
      const cluster = await bench.reaches(uuid, 'UPDATE_COMPLETE');
      assert.notEqual(group.stack_id, cluster.stack_id);
      assert.equal(cluster.node_count, 3);
    });

    it('is resized within its bounds', async () => {
      const resize = { node_count: 3, nodegroup: 'pool' };
      const cluster = await bench.changed(uuid, 'pool', () => bench.magnum.resizeCluster(uuid, resize));
      assert.equal(cluster.node_count, 4);
      const group = await bench.group(uuid, 'pool');
      assert.deepEqual(
        [group.status, group.node_count, group.node_addresses.length],
        ['UPDATE_COMPLETE', 3, 3],
      );
      const wrong = bench.magnum.resizeCluster(uuid, { node_count: 5, nodegroup: 'pool' });
      await refused(wrong, 400, /outside the allowed range: min_node_count = 1, max_node_count = 4/);
    });

    it('changes its bounds and nothing else', async () => {
      await bench.magnum.patchNodeGroup(uuid, 'pool', [{ op: 'replace', path: '/max_node_count', value: 5 }]);
      // Read before the conductor has written, the group is the old one.
      while ((await bench.group(uuid, 'pool')).max_node_count !== 5);
      await bench.reaches(uuid, 'UPDATE_COMPLETE');
      await refused(
        bench.magnum.patchNodeGroup(uuid, 'pool', [{ op: 'replace', path: '/node_count', value: 1 }]),
        400,
        /node_count/,
      );
      await refused(
        bench.magnum.patchNodeGroup(uuid, 'pool', [{ op: 'replace', path: '/max_node_count', value: 2 }]),
        409,
        /max_node_count/,
      );
      await bench.reaches(uuid, 'UPDATE_COMPLETE');
    });

    it('is refused: a taken name, the role master, bounds that exclude the number', async () => {
      await refused(bench.magnum.createNodeGroup(uuid, { name: 'pool' }), 409, /already exists/);
      await refused(bench.magnum.createNodeGroup(uuid, { name: 'm', role: 'master' }), 400, /master/);
      const outside = { name: 'b', node_count: 3, min_node_count: 1, max_node_count: 2 };
      await refused(bench.magnum.createNodeGroup(uuid, outside), 409, /max_node_count/);
    });

    it('is deleted; the default ones cannot be', async () => {
      await bench.magnum.deleteNodeGroup(uuid, 'pool');
      while ((await bench.magnum.getNodeGroup(uuid, 'pool')) !== null);
      const cluster = await bench.reaches(uuid, 'UPDATE_COMPLETE');
      assert.equal(cluster.node_count, 1);
      await bench.magnum.deleteNodeGroup(uuid, 'pool');
      await refused(
        bench.magnum.deleteNodeGroup(uuid, 'default-worker'),
        400,
        /Deleting a default nodegroup is not supported/,
      );
    });
  });
});
