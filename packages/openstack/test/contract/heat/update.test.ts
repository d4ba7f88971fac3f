import assert from 'node:assert/strict';
import { requireOrSkip } from '@cetus/test-kit';
import { OpenStackError } from '../../../src/errors.ts';
import { outputsOf } from '../../../src/heat.ts';
import { heatContract } from './bench.ts';
import { NO_FAILURES, uniqueName } from '../targets.ts';
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

  it('keeps what is not given when a new template comes by PATCH, but for parameters that are no more', async () => {
    const server = (parameter: string) => ({
      type: 'OS::Nova::Server',
      properties: { name: { get_param: parameter } },
    });
    const text = { type: 'string' };
    const before = template(
      { a: server('name_a'), b: server('name_b') },
      { parameters: { name_a: text, name_b: text, hidden: { type: 'string', hidden: true } } },
    );
    const parameters = { name_a: 'one', name_b: 'two', hidden: 'secret' };
    const ref = await bench.create({ template: before, parameters, tags: ['contract'] });
    await bench.settled(ref);
    assert.deepEqual(await bench.heat.getTemplate(ref), before);
    const physical = async () =>
      Object.fromEntries(
        (await bench.heat.listResources(ref)).map((r) => [r.resource_name, r.physical_resource_id]),
      );
    const first = await physical();
    const { b: _b, ...others } = before.resources as Record<string, object>;
    const after = template(
      {
        ...others,
        members: {
          type: 'OS::Heat::ResourceGroup',
          properties: {
            count: { get_param: 'count' },
            removal_policies: [{ resource_list: { get_param: 'remove' } }],
            resource_def: { type: 'member.yaml', properties: { name: 'm-%index%' } },
          },
        },
      },
      {
        parameters: {
          name_a: text,
          hidden: { type: 'string', hidden: true },
          count: { type: 'number' },
          remove: { type: 'comma_delimited_list', default: '' },
        },
        outputs: { refs: { value: { get_attr: ['members', 'refs'] } } },
      },
    );
    const member = template(
      { server: { type: 'OS::Nova::Server', properties: { name: { get_param: 'name' } } } },
      { parameters: { name: text }, outputs: { 'OS::stack_id': { value: { get_resource: 'server' } } } },
    );
    const files = { 'member.yaml': JSON.stringify(member) };
    await bench.heat.updateStack(ref, { template: after, files, keep: true, parameters: { count: 3 } });
    const grown = await bench.settled(ref);
    assert.equal(grown.stack_status, 'UPDATE_COMPLETE');
    assert.equal(grown.parameters['name_a'], 'one');
    assert.equal(grown.parameters['name_b'], undefined);
    assert.deepEqual(grown.tags, ['contract']);
    assert.equal((await physical())['a'], first['a']);
    assert.equal((await physical())['b'], undefined);
    // A member's reference is what its template says: here the server, by whose id it can be told to go.
    const refs = outputsOf(grown)['refs'] as string[];
    const servers = (await bench.heat.listResources(ref, { nestedDepth: 2 })).filter(
      ({ resource_name }) => resource_name === 'server',
    );
    assert.deepEqual(
      refs.toSorted(),
      servers.map(({ physical_resource_id }) => physical_resource_id).toSorted(),
    );
    await bench.heat.updateStack(ref, { parameters: { count: 1, remove: `${refs[2]},${refs[0]}` } });
    const shrunk = await bench.settled(ref);
    assert.equal(shrunk.stack_status, 'UPDATE_COMPLETE');
    assert.deepEqual(outputsOf(shrunk)['refs'], [refs[1]]);
    // What is not of the group is passed over: another member goes, or none.
    await bench.heat.updateStack(ref, { parameters: { count: 1, remove: first['a'] } });
    assert.deepEqual(outputsOf(await bench.settled(ref))['refs'], [refs[1]]);
  });

  it('fails when what it could not delete, and what has a stack of its own, is to be there again', async function () {
    const { behave } = bench.cloud;
    requireOrSkip(this, behave, NO_FAILURES);
    const name = uniqueName('sticky');
    const isStuck = /Updating a stack when it is deleting is not supported/;
    const members = {
      type: 'OS::Heat::ResourceGroup',
      properties: {
        count: { get_param: 'count' },
        removal_policies: [{ resource_list: { get_param: 'remove' } }],
        resource_def: { type: 'member.yaml' },
      },
    };
    const parameters = {
      count: { type: 'number', default: 2 },
      remove: { type: 'comma_delimited_list', default: '' },
    };
    const whole = template({ members }, { parameters });
    const member = template({ [name]: { type: 'OS::Nova::Server' } });
    const ref = await bench.create({ template: whole, files: { 'member.yaml': JSON.stringify(member) } });
    assert.equal((await bench.settled(ref)).stack_status, 'CREATE_COMPLETE');
    const statuses = async (parent?: string) => {
      const resources = await bench.heat.listResources(ref, { nestedDepth: 1 });
      const wanted = resources.filter(({ parent_resource }) => parent_resource === parent);
      return Object.fromEntries(wanted.map((one) => [one.resource_name, one.resource_status]));
    };

    await behave(name, { delete: { fail: 'it is in use' } });
    await bench.heat.updateStack(ref, { parameters: { count: 1 } });
    assert.equal((await bench.settled(ref)).stack_status, 'UPDATE_FAILED');
    assert.equal((await statuses('members'))['1'], 'DELETE_FAILED');
    await behave(name, null);
    await bench.heat.updateStack(ref, { parameters: { count: 2 } });
    assert.match((await bench.settled(ref)).stack_status_reason, isStuck);
    // Another member can take its place, and it goes.
    await bench.heat.updateStack(ref, { parameters: { count: 2, remove: '1' } });
    assert.equal((await bench.settled(ref)).stack_status, 'UPDATE_COMPLETE');
    assert.deepEqual(Object.keys(await statuses('members')).toSorted(), ['0', '2']);

    await behave(name, { delete: { fail: 'it is in use' } });
    await bench.heat.updateStack(ref, { template: template({}, { parameters }), keep: true });
    assert.equal((await bench.settled(ref)).stack_status, 'UPDATE_FAILED');
    assert.deepEqual(await statuses(), { members: 'DELETE_FAILED' });
    await behave(name, null);
    await bench.heat.updateStack(ref, { template: whole, keep: true });
    assert.match((await bench.settled(ref)).stack_status_reason, isStuck);
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
