import assert from 'node:assert/strict';
import { requireOrSkip } from '@cetus/test-kit';
import { HeatClient } from '../../../src/heat.ts';
import type { MagnumTemplate } from '../../../src/magnum.ts';
import { NO_FAILURES } from '../targets.ts';
import { magnumContract } from './bench.ts';

/** Members of the groups that only these tests have; they are told to fail by their number. */
const MEMBER = '6';
const WORD = 'No valid host was found';

magnumContract('failures', (bench) => {
  let template: MagnumTemplate;
  before(async function () {
    requireOrSkip(this, bench.cloud.behave, NO_FAILURES);
    template = await bench.template();
  });
  const fail = (what: 'create' | 'delete') => bench.cloud.behave!(MEMBER, { [what]: { fail: WORD } });
  const heal = () => bench.cloud.behave!(MEMBER, null);
  afterEach(async () => bench.cloud.behave?.(MEMBER, null));

  it('says which groups failed; only their stack says why; what is left can be deleted', async () => {
    await fail('create');
    const uuid = await bench.create({ cluster_template_id: template.uuid, node_count: 7 });
    let failed = await bench.magnum.getCluster(uuid);
    while (failed?.status !== 'CREATE_FAILED') failed = await bench.magnum.getCluster(uuid);
    assert.equal(failed.status_reason, 'default-master failed, default-worker failed');
    assert.deepEqual(Object.keys(failed.faults ?? {}).sort(), ['default-master', 'default-worker']);
    assert.match(
      failed.faults?.['default-worker'] ?? '',
      /resources\.kube_minions\.resources\[6\].*No valid host/,
    );
    const heat = new HeatClient(bench.session);
    const stack = await heat.getStack(failed.stack_id!);
    const ref = { name: stack!.stack_name, id: stack!.id };
    const resources = await heat.listResources(ref, { nestedDepth: 2, status: 'FAILED' });
    assert.ok(resources.some(({ resource_name }) => resource_name === MEMBER));
    await heal();
    await bench.magnum.deleteCluster(uuid);
    await bench.gone(uuid);
  });

  it('fails to grow, takes no PATCH any more, and is mended by another resize', async () => {
    const uuid = await bench.create({ cluster_template_id: template.uuid, node_count: 1 });
    await bench.reaches(uuid, 'CREATE_COMPLETE');
    await fail('create');
    const resize = (to: number) =>
      bench.changed(uuid, 'default-worker', () => bench.magnum.resizeCluster(uuid, { node_count: to }));
    const failed = await resize(7);
    assert.equal(failed.status, 'UPDATE_FAILED');
    // What was asked for, not what there is.
    assert.equal(failed.node_count, 7);
    assert.match(failed.faults?.['default-worker'] ?? '', /No valid host/);
    await heal();
    // Accepted, and refused by the conductor, of which nothing is heard.
    await bench.magnum.setNodeCount(uuid, 2);
    const mended = await resize(3);
    assert.deepEqual([mended.status, mended.node_count, mended.faults], ['UPDATE_COMPLETE', 3, undefined]);
    assert.equal(mended.node_addresses.length, 3);
  });

  it('fails by one group, which can be deleted; the cluster is whole again', async () => {
    const uuid = await bench.create({ cluster_template_id: template.uuid, node_count: 1 });
    await bench.reaches(uuid, 'CREATE_COMPLETE');
    await fail('create');
    await bench.magnum.createNodeGroup(uuid, { name: 'pool', node_count: 7 });
    const group = await bench.group(uuid, 'pool');
    assert.equal(group.status, 'CREATE_FAILED');
    assert.match(group.status_reason ?? '', /No valid host/);
    const failed = await bench.leaves(uuid, 'CREATE_COMPLETE');
    assert.deepEqual([failed.status, failed.status_reason], ['UPDATE_FAILED', 'pool failed']);
    assert.deepEqual(Object.keys(failed.faults ?? {}), ['pool']);
    await heal();
    await bench.magnum.deleteNodeGroup(uuid, 'pool');
    while ((await bench.magnum.getNodeGroup(uuid, 'pool')) !== null);
    assert.equal((await bench.reaches(uuid, 'CREATE_COMPLETE', 'UPDATE_COMPLETE')).node_count, 1);
  });

  it('fails to be deleted, and is deleted when asked again', async () => {
    const uuid = await bench.create({ cluster_template_id: template.uuid, node_count: 7 });
    await bench.reaches(uuid, 'CREATE_COMPLETE');
    await fail('delete');
    await bench.magnum.deleteCluster(uuid);
    const failed = await bench.leaves(uuid, 'CREATE_COMPLETE');
    assert.equal(failed.status, 'DELETE_FAILED');
    assert.match(JSON.stringify(failed.faults), /No valid host/);
    await heal();
    await bench.magnum.deleteCluster(uuid);
    await bench.gone(uuid);
  });
});
