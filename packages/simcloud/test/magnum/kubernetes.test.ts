import assert from 'node:assert/strict';
import { waitFor } from '@cetus/test-kit';
import { MagnumDesk } from './support.ts';

describe('the Kubernetes cluster of a simulated Magnum cluster', () => {
  let desk: MagnumDesk;
  let uuid: string;
  beforeEach(async () => {
    desk = await MagnumDesk.open();
    uuid = await desk.create('c1');
    await desk.reaches(uuid, 'CREATE_COMPLETE');
  });
  afterEach(() => desk.close());
  const has = (wanted: [string, string][]): Promise<unknown> =>
    waitFor(async () => {
      assert.deepEqual(await desk.nodes(uuid), wanted);
      return true;
    });

  it('has the nodes of the groups, with what they are and which they are of', async () => {
    await desk.magnum.createNodeGroup(uuid, { name: 'pool', node_count: 2, role: 'gpu' });
    await desk.reaches(uuid, ({ node_addresses }) => node_addresses.length === 3);
    const v = 'v1.30.1';
    const pool: [string, string][] = [
      ['c1-pool-node-0', v],
      ['c1-pool-node-1', v],
    ];
    await has([['c1-master-0', v], ['c1-node-0', v], ...pool]);
    const { items } = (await desk.kubernetes(
      uuid,
      '/api/v1/nodes?labelSelector=magnum.openstack.org%2Fnodegroup%3Dpool',
    )) as { items: { metadata: { labels: Record<string, string> } }[] };
    assert.deepEqual(
      items.map(({ metadata }) => metadata.labels['magnum.openstack.org/role']),
      ['gpu', 'gpu'],
    );
    await desk.magnum.resizeCluster(uuid, { node_count: 0 });
    await has([['c1-master-0', v], ...pool]);
    await desk.magnum.deleteNodeGroup(uuid, 'pool');
    await has([['c1-master-0', v]]);
  });

  it('follows upgrades: all nodes of the stack, a further group by itself', async () => {
    await desk.magnum.createNodeGroup(uuid, { name: 'pool', node_count: 1 });
    await desk.reaches(uuid, ({ node_addresses }) => node_addresses.length === 2);
    const [old, young] = ['v1.30.1', 'v1.31.2'];
    const newer = await desk.template('newer', young);
    await desk.magnum.upgradeCluster(uuid, { cluster_template: newer, max_batch_size: 1 });
    await has([
      ['c1-master-0', young],
      ['c1-node-0', young],
      ['c1-pool-node-0', old],
    ]);
    // What the last group says, which is the old one.
    assert.equal((await desk.reaches(uuid, 'UPDATE_COMPLETE')).coe_version, old);
    await desk.magnum.upgradeCluster(uuid, { cluster_template: newer, nodegroup: 'pool', max_batch_size: 1 });
    await has([
      ['c1-master-0', young],
      ['c1-node-0', young],
      ['c1-pool-node-0', young],
    ]);
    assert.equal((await desk.reaches(uuid, 'UPDATE_COMPLETE')).coe_version, young);
  });

  it('works with another authority after a rotation, and ends with the cluster', async () => {
    const before = await desk.magnum.getCaCertificate(uuid);
    await desk.magnum.rotateCa(uuid);
    assert.notEqual((await desk.magnum.getCaCertificate(uuid)).pem, before.pem);
    await desk.reaches(uuid, 'UPDATE_COMPLETE');
    await has([
      ['c1-master-0', 'v1.30.1'],
      ['c1-node-0', 'v1.30.1'],
    ]);
    assert.ok(desk.cloud.kubernetes.get(uuid) !== undefined);
    await desk.magnum.deleteCluster(uuid);
    while ((await desk.magnum.getCluster(uuid)) !== null);
    assert.equal(desk.cloud.kubernetes.get(uuid), undefined);
  });
});
