import assert from 'node:assert/strict';
import { OpenStackError } from '../../../src/errors.ts';
import { outputsOf } from '../../../src/heat.ts';
import { heatContract } from './bench.ts';
import { CLUSTER, template, TEST, TIME } from './templates.ts';

heatContract('updates', (bench) => {
  it('grows and shrinks by PATCH, leaving alone what does not change', async () => {
    const ref = await bench.create({ template: CLUSTER, tags: ['contract'] });
    const stack = await bench.settled(ref);
    const before = outputsOf(stack) as Record<string, string[]>;
    await bench.heat.updateStack(ref, { parameters: { count: 3 } });
    assert.equal(
      (await bench.heat.getStack(ref, { resolveOutputs: false }))?.stack_status.split('_')[0],
      'UPDATE',
    );
    const grown = await bench.settled(ref);
    assert.equal(grown.stack_status, 'UPDATE_COMPLETE');
    assert.match(grown.updated_time ?? '', TIME);
    assert.deepEqual(grown.tags, stack.tags);
    const more = outputsOf(grown) as Record<string, string[]>;
    assert.deepEqual(more['refs']?.slice(0, 2), before['refs']);
    assert.equal(more['refs']?.length, 3);
    assert.equal(more['secret'], before['secret']);
    const resources = await bench.heat.listResources(ref, { nestedDepth: 1 });
    const statuses = Object.fromEntries(resources.map((r) => [r.resource_name, r.resource_status]));
    assert.deepEqual(statuses, {
      net: 'CREATE_COMPLETE',
      secret: 'CREATE_COMPLETE',
      nodes: 'UPDATE_COMPLETE',
      last: 'CREATE_COMPLETE',
      0: 'CREATE_COMPLETE',
      1: 'CREATE_COMPLETE',
      2: 'CREATE_COMPLETE',
    });
    // The member that is to go is named; the others keep their numbers.
    await bench.heat.updateStack(ref.name, { parameters: { count: 2, remove: '0' } });
    const shrunk = outputsOf(await bench.settled(ref)) as Record<string, string[]>;
    assert.deepEqual(Object.keys(shrunk['map'] ?? {}), ['1', '2']);
    assert.deepEqual(shrunk['refs'], more['refs']?.slice(1));
  });

  it('replaces, removes and keeps resources when the template changes', async () => {
    const of = (value: string, replace: string, withB: boolean) =>
      template({
        a: { type: TEST, properties: { value, update_replace_value: replace } },
        ...(withB ? { b: { type: 'OS::Nova::Server' } } : {}),
      });
    const ref = await bench.create({ template: of('1', 'x', true) });
    await bench.settled(ref);
    const physical = async () =>
      Object.fromEntries(
        (await bench.heat.listResources(ref)).map((r) => [r.resource_name, r.physical_resource_id]),
      );
    const first = await physical();
    await bench.heat.updateStack(ref, { template: of('1', 'x', true) });
    assert.equal((await bench.settled(ref)).stack_status, 'UPDATE_COMPLETE');
    assert.deepEqual(await physical(), first);
    await bench.heat.updateStack(ref, { template: of('2', 'x', true) });
    await bench.settled(ref);
    assert.deepEqual(await physical(), first);
    await bench.heat.updateStack(ref, { template: of('2', 'y', true) });
    await bench.settled(ref);
    const third = await physical();
    assert.notEqual(third['a'], first['a']);
    assert.equal(third['b'], first['b']);
    await bench.heat.updateStack(ref, { template: of('2', 'y', false) });
    await bench.settled(ref);
    assert.deepEqual(await physical(), { a: third['a'] });
  });

  it('lets an update take over from an action under way; refuses it while deleting', async () => {
    const slow = {
      type: TEST,
      properties: { value: { get_param: 'v' }, action_wait_secs: { create: 1, delete: 1 } },
    };
    const parameters = { v: { type: 'string', default: 'one' } };
    const ref = await bench.create({ template: template({ slow }, { parameters }) });
    await bench.heat.updateStack(ref, { parameters: { v: 'two' } });
    assert.equal((await bench.heat.getStack(ref))?.stack_status, 'UPDATE_IN_PROGRESS');
    const stack = await bench.settled(ref);
    assert.equal(stack.stack_status, 'UPDATE_COMPLETE');
    assert.equal(stack.parameters['v'], 'two');
    await bench.heat.deleteStack(ref);
    await assert.rejects(
      bench.heat.updateStack(ref, { parameters: { v: 'three' } }),
      (error) => error instanceof OpenStackError && error.status === 400 && error.code === 'NotSupported',
    );
  });

  it('refuses to cancel an update that is not under way, and unknown actions', async () => {
    const ref = await bench.create({ template: template({}) });
    await bench.settled(ref);
    await assert.rejects(
      bench.heat.cancelUpdate(ref),
      (error) => error instanceof OpenStackError && error.status === 400 && error.code === 'NotSupported',
    );
    const path = `/stacks/${ref.name}/${ref.id}/actions`;
    await assert.rejects(
      bench.session.request('orchestration', 'POST', path, { json: { dance: null } }),
      (error) => error instanceof OpenStackError && error.status === 400 && error.code === 'HTTPBadRequest',
    );
  });
});
