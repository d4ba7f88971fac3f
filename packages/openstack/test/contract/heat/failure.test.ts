import assert from 'node:assert/strict';
import { heatContract } from './bench.ts';
import { CLUSTER, template, TEST } from './templates.ts';

heatContract('failures', (bench) => {
  it('says which resource failed and why, and mends it by an update', async () => {
    const ref = await bench.create({ template: CLUSTER, parameters: { count: 1, fail: true } });
    const failed = await bench.settled(ref);
    assert.equal(failed.stack_status, 'CREATE_FAILED');
    assert.equal(
      failed.stack_status_reason,
      'Resource CREATE failed: ValueError: resources.last: Test Resource failed last',
    );
    const [resource] = await bench.heat.listResources(ref, { status: 'FAILED' });
    assert.equal(resource?.resource_status, 'CREATE_FAILED');
    assert.equal(resource.resource_status_reason, 'ValueError: resources.last: Test Resource failed last');
    const events = await bench.heat.listEvents(ref, { filter: { resourceStatus: 'FAILED' } });
    assert.deepEqual(new Set(events.map(({ resource_name }) => resource_name)), new Set(['last', ref.name]));
    await bench.heat.updateStack(ref, { parameters: { fail: false } });
    const mended = await bench.settled(ref);
    assert.equal(mended.stack_status, 'UPDATE_COMPLETE');
    const actions = (
      await bench.heat.listEvents(ref, { sortDir: 'asc', filter: { resourceName: 'last' } })
    ).map((e) => e.resource_status);
    assert.deepEqual(actions, [
      'CREATE_IN_PROGRESS',
      'CREATE_FAILED',
      'CREATE_IN_PROGRESS',
      'CREATE_COMPLETE',
      'DELETE_IN_PROGRESS',
      'DELETE_COMPLETE',
    ]);
  });

  it('says which member of a group failed', async () => {
    const server = { type: 'OS::Nova::Server', properties: { metadata: { fake_fail: 'create' } } };
    const nodes = { type: 'OS::Heat::ResourceGroup', properties: { count: 1, resource_def: server } };
    const ref = await bench.create({
      template: template({ nodes, after: { type: TEST, depends_on: 'nodes' } }),
    });
    const failed = await bench.settled(ref);
    const inner = 'fake failure of OS: : Nova: : Server: asked for by metadata';
    assert.equal(
      failed.stack_status_reason,
      `Resource CREATE failed: FakeFailure: resources.nodes.resources[0]: ${inner}`,
    );
    const resources = await bench.heat.listResources(ref, { nestedDepth: 2 });
    const reasons = Object.fromEntries(
      resources.map((r) => [r.resource_name, [r.resource_status, r.resource_status_reason]]),
    );
    assert.deepEqual(reasons, {
      nodes: ['CREATE_FAILED', `FakeFailure: resources.nodes.resources[0]: ${inner}`],
      0: [
        'CREATE_FAILED',
        'FakeFailure: resources[0]: fake failure of OS::Nova::Server: asked for by metadata',
      ],
      after: ['INIT_COMPLETE', ''],
    });
  });

  it('rolls back when asked to', async () => {
    const resources = {
      a: { type: 'OS::Nova::Server' },
      b: { type: TEST, depends_on: 'a', properties: { fail: true } },
    };
    const ref = await bench.create({ template: template(resources), disableRollback: false });
    const stack = await bench.settled(ref);
    assert.equal(stack.stack_status, 'ROLLBACK_COMPLETE');
    assert.deepEqual(await bench.heat.listResources(ref), []);
    const events = await bench.heat.listEvents(ref, { filter: { resourceStatus: 'FAILED' } });
    assert.ok(events.some(({ resource_name }) => resource_name === 'b'));
  });
});
