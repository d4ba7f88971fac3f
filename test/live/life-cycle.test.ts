import assert from 'node:assert/strict';
import { waitFor } from '@cetus/test-kit';
import { live } from './support/suite.ts';

live('the life of a cluster on a real Heat', (on) => {
  it('is created, grows, shrinks and is deleted, with one stack and every step told in order', async () => {
    const { demo, demoElsewhere, lab } = on;
    assert.equal((await demo.template('life')).status, 201);
    const stream = await demoElsewhere.follow('?kind=cluster');
    const uuid = await demo.create({ name: 'life', cluster_template_id: 'life', node_count: 2 });
    assert.equal((await demoElsewhere.cluster(uuid)).status, 'CREATE_IN_PROGRESS');

    const created = await demoElsewhere.settled(uuid);
    assert.equal(created.status, 'CREATE_COMPLETE', created.status_reason ?? '');
    assert.deepEqual([created.node_count, created.actual_node_count, created.actual_master_count], [2, 2, 1]);
    assert.match(created.api_address ?? '', /^https:\/\/127\.\d+\.\d+\.\d+:6443$/);
    const stack = await lab.heat().findByName(`cetus-${uuid}`);
    assert.equal(stack?.id, created.stack_id);
    assert.equal(stack?.stack_status, 'CREATE_COMPLETE');

    for (const count of [5, 1]) {
      assert.equal((await demo.scale(uuid, count)).status, 202);
      assert.equal((await demoElsewhere.cluster(uuid)).status, 'UPDATE_IN_PROGRESS');
      const scaled = await demo.settled(uuid);
      assert.equal(scaled.status, 'UPDATE_COMPLETE', scaled.status_reason ?? '');
      assert.deepEqual([scaled.node_count, scaled.actual_node_count], [count, count]);
      assert.equal(scaled.stack_id, created.stack_id);
    }

    assert.equal((await demo.send('DELETE', `/v1/clusters/${uuid}`)).status, 204);
    assert.equal((await demoElsewhere.cluster(uuid)).status, 'DELETE_IN_PROGRESS');
    await demo.gone(uuid);
    const stacks = await lab.stacksOf(uuid);
    assert.deepEqual(
      stacks.map(({ id, stack_status }) => [id, stack_status]),
      [[created.stack_id, 'DELETE_COMPLETE']],
    );

    const end = 'cetus.cluster.delete.end';
    await waitFor(() => stream.of(uuid).some(({ type }) => type === end), { what: end });
    stream.close();
    const events = stream.of(uuid);
    assert.deepEqual(
      events.map(({ sequence }) => Number(sequence)),
      events.map((_, index) => index + 1),
      'without a gap, in order',
    );
    assert.deepEqual(
      events
        .map(({ type }) => type)
        .filter((type) => /^cetus\.cluster\.(create|update|delete|rollback)\./.test(type))
        .map((type) => type.replace('cetus.cluster.', '')),
      [
        'create.start',
        'create.end',
        'update.start',
        'update.end',
        'update.start',
        'update.end',
        'delete.start',
        'delete.end',
      ],
    );
    assert.equal((await demo.send('DELETE', '/v1/clustertemplates/life')).status, 204);
  });
});
