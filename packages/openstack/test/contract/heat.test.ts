import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { isStackExists, OpenStackError } from '../../src/errors.ts';
import { HeatClient, outputsOf, type CreateStack, type Stack } from '../../src/heat.ts';
import type { KeystoneSession } from '../../src/keystone.ts';
import { targets, uniqueName, type Cloud } from './targets.ts';

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const TEST = 'OS::Heat::TestResource';

const template = (resources: object, more: object = {}) => ({
  heat_template_version: '2018-08-31',
  resources,
  ...more,
});

/** A network, a group of servers, and something after them; with a parameter to scale and one to fail. */
const CLUSTER = template(
  {
    net: { type: 'OS::Neutron::Net' },
    secret: { type: 'OS::Heat::RandomString', properties: { length: 12 } },
    nodes: {
      type: 'OS::Heat::ResourceGroup',
      depends_on: 'net',
      properties: {
        count: { get_param: 'count' },
        removal_policies: [{ resource_list: { get_param: 'remove' } }],
        resource_def: {
          type: 'OS::Nova::Server',
          properties: { name: 'n-%index%', networks: [{ network: { get_resource: 'net' } }] },
        },
      },
    },
    last: { type: TEST, depends_on: 'nodes', properties: { value: 'done', fail: { get_param: 'fail' } } },
  },
  {
    parameters: {
      count: { type: 'number', default: 2 },
      remove: { type: 'comma_delimited_list', default: '' },
      fail: { type: 'boolean', default: false },
      hidden: { type: 'string', default: 'secret', hidden: true },
    },
    outputs: {
      refs: { value: { get_attr: ['nodes', 'refs'] } },
      map: { value: { get_attr: ['nodes', 'refs_map'] } },
      addresses: { value: { get_attr: ['nodes', 'first_address'] }, description: 'where they are' },
      attributes: { value: { get_attr: ['nodes', 'attributes', 'first_address'] } },
      first: { value: { get_attr: ['nodes', 'resource.0.first_address'] } },
      secret: { value: { get_attr: ['secret', 'value'] } },
      secret_ref: { value: { get_resource: 'secret' } },
      last: { value: { get_attr: ['last', 'output'] } },
    },
  },
);

for (const target of targets) {
  describe(`Heat contract: ${target.name}`, function () {
    this.timeout(90_000);
    let cloud: Cloud;
    let session: KeystoneSession;
    let heat: HeatClient;
    const made: { name: string; id: string }[] = [];
    before(async () => {
      cloud = await target.start();
      session = cloud.session('demo', 'demo');
      heat = new HeatClient(session);
    });
    after(async () => {
      for (const ref of made) await heat.deleteStack(ref);
      await cloud.close();
    });

    const create = async (stack: Omit<CreateStack, 'name'>, name = uniqueName('contract')) => {
      const ref = { name, id: (await heat.createStack({ name, ...stack })).id };
      made.push(ref);
      return ref;
    };
    const settled = async (ref: { name: string; id: string }): Promise<Stack> => {
      for (;;) {
        const stack = await heat.getStack(ref);
        assert.ok(stack !== null);
        if (!stack.stack_status.endsWith('IN_PROGRESS')) return stack;
        await delay(100);
      }
    };

    describe('a stack from birth to death', () => {
      let ref: { name: string; id: string };
      let stack: Stack;
      before(async () => {
        ref = await create({ template: CLUSTER, tags: ['contract', 'cetus'], timeoutMins: 5 });
      });

      it('is there at once, under way, its name taken', async () => {
        const early = await heat.getStack(ref);
        assert.match(early?.stack_status ?? '', /^CREATE_(IN_PROGRESS|COMPLETE)$/);
        await assert.rejects(heat.createStack({ name: ref.name, template: CLUSTER }), (error) =>
          isStackExists(error),
        );
      });

      it('is completed, with all that a stack says', async () => {
        stack = await settled(ref);
        assert.equal(stack.stack_status, 'CREATE_COMPLETE');
        assert.equal(stack.stack_status_reason, 'Stack CREATE completed successfully');
        assert.match(stack.creation_time, TIME);
        assert.equal(stack.updated_time, null);
        assert.equal(stack.deletion_time, null);
        assert.deepEqual([...(stack.tags ?? [])].sort(), ['cetus', 'contract']);
        assert.equal(stack.timeout_mins, 5);
        assert.equal(stack.disable_rollback, true);
        assert.equal(stack.parent, null);
        assert.equal(stack.stack_owner, 'demo');
        assert.equal(stack.parameters['count'], '2');
        assert.equal(stack.parameters['fail'], 'False');
        assert.equal(stack.parameters['hidden'], '******');
        assert.equal(stack.parameters['OS::stack_id'], ref.id);
      });

      it('has outputs', () => {
        const outputs = outputsOf(stack) as Record<string, string[]>;
        assert.equal(outputs['refs']?.length, 2);
        assert.deepEqual(outputs['map'], { 0: outputs['refs'][0], 1: outputs['refs'][1] });
        for (const address of outputs['addresses'] ?? []) assert.match(address, /^127\.20\.\d+\.\d+$/);
        assert.deepEqual(outputs['attributes'], {
          0: outputs['addresses']?.[0],
          1: outputs['addresses']?.[1],
        });
        assert.equal(outputs['first'], outputs['addresses']?.[0]);
        assert.match(String(outputs['secret']), /^[A-Za-z0-9]{12}$/);
        assert.equal(outputs['secret_ref'], outputs['secret']);
        assert.equal(outputs['last'], 'done');
        const described = stack.outputs?.find((output) => output.output_key === 'addresses');
        assert.equal(described?.description, 'where they are');
      });

      it('is found by name and by id, and without outputs on demand', async () => {
        assert.equal((await heat.getStack(ref.name))?.id, ref.id);
        assert.equal((await heat.getStack(ref.id))?.stack_name, ref.name);
        assert.equal((await heat.findByName(ref.name))?.id, ref.id);
        assert.equal(await heat.findByName(ref.id), null);
        assert.equal((await heat.getStack(ref, { resolveOutputs: false }))?.outputs, undefined);
        assert.equal(await heat.getStack({ name: 'other', id: ref.id }), null);
      });

      it('is answered by a redirect to both names', async () => {
        const answer = await session.request('orchestration', 'GET', `/stacks/${ref.name}`, {
          accept: (s) => s === 302,
        });
        assert.match(String(answer.headers['location']), new RegExp(`/stacks/${ref.name}/${ref.id}$`));
        assert.equal((answer.body as { title: string }).title, 'Found');
      });

      it('is invisible to another project', async () => {
        const other = cloud.session('demo2', 'demo2');
        assert.equal(await new HeatClient(other).getStack(ref), null);
        const url = `/../${(await session.identity()).projectId ?? ''}/stacks`;
        await assert.rejects(
          other.request('orchestration', 'GET', url),
          (error) =>
            error instanceof OpenStackError && error.status === 403 && error.code === 'HTTPForbidden',
        );
      });

      it('lists its resources, those of nested stacks on demand', async () => {
        const flat = await heat.listResources(ref);
        assert.deepEqual(flat.map(({ resource_name }) => resource_name).sort(), [
          'last',
          'net',
          'nodes',
          'secret',
        ]);
        for (const resource of flat) {
          assert.equal(resource.resource_status, 'CREATE_COMPLETE');
          assert.equal(resource.resource_status_reason, 'state changed');
          assert.equal(resource.logical_resource_id, resource.resource_name);
          assert.notEqual(resource.physical_resource_id, '');
          assert.match(resource.updated_time, TIME);
        }
        const net = flat.find(({ resource_name }) => resource_name === 'net');
        assert.match(net?.physical_resource_id ?? '', UUID);
        assert.deepEqual(net?.required_by, ['nodes']);
        const nodes = flat.find(({ resource_name }) => resource_name === 'nodes');
        assert.deepEqual(
          nodes?.links.map(({ rel }) => rel),
          ['self', 'stack', 'nested'],
        );
        const deep = await heat.listResources(ref, { nestedDepth: 2 });
        const members = deep.filter(({ parent_resource }) => parent_resource === 'nodes');
        assert.deepEqual(members.map(({ resource_name }) => resource_name).sort(), ['0', '1']);
        assert.deepEqual(
          new Set(members.map(({ resource_type }) => resource_type)),
          new Set(['OS::Nova::Server']),
        );
        assert.deepEqual(await heat.listResources(ref, { status: 'FAILED' }), []);
        assert.equal((await heat.listResources(ref, { type: 'OS::Neutron::Net' })).length, 1);
        assert.equal((await heat.listResources(ref.name)).length, 4);
      });

      it('tells its events in both directions, page by page, of one action, of nested stacks', async () => {
        const events = await heat.listEvents(ref, { sortDir: 'asc' });
        const said = events.map((event) => `${event.resource_name} ${event.resource_status}`);
        assert.equal(said[0], `${ref.name} CREATE_IN_PROGRESS`);
        assert.equal(said.at(-1), `${ref.name} CREATE_COMPLETE`);
        assert.equal(events.length, 2 + 2 * 4);
        assert.ok(said.indexOf('net CREATE_COMPLETE') < said.indexOf('nodes CREATE_IN_PROGRESS'));
        assert.ok(said.indexOf('nodes CREATE_COMPLETE') < said.indexOf('last CREATE_IN_PROGRESS'));
        assert.match(events[0]?.event_time ?? '', TIME);
        assert.equal(events[0]?.resource_status_reason, 'Stack CREATE started');
        assert.equal(events[0].physical_resource_id, ref.id);
        const started = events.find((event) => event.resource_name === 'net');
        assert.match(started?.physical_resource_id ?? '', new RegExp(`^${ref.name}-net-[a-z0-9]{12}$`));
        assert.deepEqual(
          started?.links.map(({ rel }) => rel),
          ['self', 'resource', 'stack'],
        );
        const down = await heat.listEvents(ref);
        assert.deepEqual(new Set(down.map(({ id }) => id)), new Set(events.map(({ id }) => id)));
        assert.equal(down[0]?.resource_status_reason, 'Stack CREATE completed successfully');
        const paged: string[] = [];
        for (let marker: string | undefined; ;) {
          const page = await heat.listEvents(ref, {
            sortDir: 'asc',
            limit: 3,
            ...(marker === undefined ? {} : { marker }),
          });
          paged.push(...page.map(({ id }) => id));
          marker = page.at(-1)?.id;
          if (page.length < 3) break;
        }
        assert.deepEqual(
          paged,
          events.map(({ id }) => id),
        );
        const completed = await heat.listEvents(ref, {
          filter: { resourceName: 'net', resourceStatus: 'COMPLETE' },
        });
        assert.deepEqual(
          completed.map(({ resource_status }) => resource_status),
          ['CREATE_COMPLETE'],
        );
        const nested = await heat.listEvents(ref, { nestedDepth: 2, sortDir: 'asc' });
        assert.equal(nested.length, events.length + 2 + 2 * 2);
        assert.deepEqual(
          nested.find(({ resource_name }) => resource_name === '0')?.links.map(({ rel }) => rel),
          ['self', 'resource', 'stack', 'root_stack'],
        );
      });

      it('is listed by tag, name and status, page by page', async () => {
        const all: string[] = [];
        for await (const page of heat.listStacks({
          tags: ['contract', 'cetus'],
          status: ['COMPLETE'],
          limit: 1,
        })) {
          assert.equal(page.length, 1);
          all.push(...page.map(({ id }) => id));
        }
        assert.ok(all.includes(ref.id));
        for await (const page of heat.listStacks({ name: ref.name }))
          assert.deepEqual(
            page.map(({ id }) => id),
            [ref.id],
          );
        for await (const page of heat.listStacks({ tags: ['no-such-tag'] }))
          assert.fail(JSON.stringify(page));
      });

      it('grows and shrinks by PATCH, leaving alone what does not change', async () => {
        const before = outputsOf(stack) as Record<string, string[]>;
        await heat.updateStack(ref, { parameters: { count: 3 } });
        assert.equal(
          (await heat.getStack(ref, { resolveOutputs: false }))?.stack_status.split('_')[0],
          'UPDATE',
        );
        const grown = await settled(ref);
        assert.equal(grown.stack_status, 'UPDATE_COMPLETE');
        assert.match(grown.updated_time ?? '', TIME);
        assert.deepEqual(grown.tags, stack.tags);
        const more = outputsOf(grown) as Record<string, string[]>;
        assert.deepEqual(more['refs']?.slice(0, 2), before['refs']);
        assert.equal(more['refs']?.length, 3);
        assert.equal(more['secret'], before['secret']);
        const resources = await heat.listResources(ref, { nestedDepth: 1 });
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
        await heat.updateStack(ref.name, { parameters: { count: 2, remove: '0' } });
        const shrunk = outputsOf(await settled(ref)) as Record<string, string[]>;
        assert.deepEqual(Object.keys(shrunk['map'] ?? {}), ['1', '2']);
        assert.deepEqual(shrunk['refs'], more['refs']?.slice(1));
      });

      it('refuses to cancel an update that is not under way, and unknown actions', async () => {
        await assert.rejects(
          heat.cancelUpdate(ref),
          (error) => error instanceof OpenStackError && error.status === 400 && error.code === 'NotSupported',
        );
      });

      it('is deleted; its id is remembered, its name is free, deleting again is fine', async () => {
        await heat.deleteStack(ref.name);
        const going = await heat.getStack(ref);
        assert.match(going?.stack_status ?? '', /^DELETE_/);
        let gone = await settled(ref);
        assert.equal(gone.stack_status, 'DELETE_COMPLETE');
        while (gone.deletion_time === null) {
          await delay(50);
          gone = await settled(ref);
        }
        assert.match(gone.deletion_time, TIME);
        assert.equal(gone.outputs, undefined);
        assert.equal((await heat.getStack(ref.id))?.stack_status, 'DELETE_COMPLETE');
        assert.equal(await heat.findByName(ref.name), null);
        assert.equal(await heat.getStack(ref.name), null);
        await heat.deleteStack(ref);
        await heat.deleteStack(ref.name);
        assert.deepEqual(await heat.listResources(ref), []);
        assert.equal((await heat.listEvents(ref, { limit: 1 }))[0]?.resource_status, 'DELETE_COMPLETE');
        assert.deepEqual(await heat.listEvents(ref, { nestedDepth: 1 }), []);
        await assert.rejects(
          heat.updateStack(ref, {}),
          (error) =>
            error instanceof OpenStackError && error.status === 404 && error.code === 'EntityNotFound',
        );
      });
    });

    it('says which resource failed and why, and mends it by an update', async () => {
      const ref = await create({ template: CLUSTER, parameters: { count: 1, fail: true } });
      const failed = await settled(ref);
      assert.equal(failed.stack_status, 'CREATE_FAILED');
      assert.equal(
        failed.stack_status_reason,
        'Resource CREATE failed: ValueError: resources.last: Test Resource failed last',
      );
      const [resource] = await heat.listResources(ref, { status: 'FAILED' });
      assert.equal(resource?.resource_status, 'CREATE_FAILED');
      assert.equal(resource.resource_status_reason, 'ValueError: resources.last: Test Resource failed last');
      const events = await heat.listEvents(ref, { filter: { resourceStatus: 'FAILED' } });
      assert.deepEqual(
        new Set(events.map(({ resource_name }) => resource_name)),
        new Set(['last', ref.name]),
      );
      await heat.updateStack(ref, { parameters: { fail: false } });
      const mended = await settled(ref);
      assert.equal(mended.stack_status, 'UPDATE_COMPLETE');
      const actions = (await heat.listEvents(ref, { sortDir: 'asc', filter: { resourceName: 'last' } })).map(
        (e) => e.resource_status,
      );
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
      const ref = await create({ template: template({ nodes, after: { type: TEST, depends_on: 'nodes' } }) });
      const failed = await settled(ref);
      const inner = 'fake failure of OS: : Nova: : Server: asked for by metadata';
      assert.equal(
        failed.stack_status_reason,
        `Resource CREATE failed: FakeFailure: resources.nodes.resources[0]: ${inner}`,
      );
      const resources = await heat.listResources(ref, { nestedDepth: 2 });
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
      const ref = await create({ template: template(resources), disableRollback: false });
      const stack = await settled(ref);
      assert.equal(stack.stack_status, 'ROLLBACK_COMPLETE');
      assert.deepEqual(await heat.listResources(ref), []);
      const events = await heat.listEvents(ref, { filter: { resourceStatus: 'FAILED' } });
      assert.ok(events.some(({ resource_name }) => resource_name === 'b'));
    });

    it('replaces, removes and keeps resources when the template changes', async () => {
      const of = (value: string, replace: string, withB: boolean) =>
        template({
          a: { type: TEST, properties: { value, update_replace_value: replace } },
          ...(withB ? { b: { type: 'OS::Nova::Server' } } : {}),
        });
      const ref = await create({ template: of('1', 'x', true) });
      await settled(ref);
      const physical = async () =>
        Object.fromEntries(
          (await heat.listResources(ref)).map((r) => [r.resource_name, r.physical_resource_id]),
        );
      const first = await physical();
      await heat.updateStack(ref, { template: of('1', 'x', true) });
      assert.equal((await settled(ref)).stack_status, 'UPDATE_COMPLETE');
      assert.deepEqual(await physical(), first);
      await heat.updateStack(ref, { template: of('2', 'x', true) });
      await settled(ref);
      assert.deepEqual(await physical(), first);
      await heat.updateStack(ref, { template: of('2', 'y', true) });
      await settled(ref);
      const third = await physical();
      assert.notEqual(third['a'], first['a']);
      assert.equal(third['b'], first['b']);
      await heat.updateStack(ref, { template: of('2', 'y', false) });
      await settled(ref);
      assert.deepEqual(await physical(), { a: third['a'] });
    });

    it('lets an update take over from an action under way; refuses it while deleting', async () => {
      const slow = {
        type: TEST,
        properties: { value: { get_param: 'v' }, action_wait_secs: { create: 1, delete: 1 } },
      };
      const parameters = { v: { type: 'string', default: 'one' } };
      const ref = await create({ template: template({ slow }, { parameters }) });
      await heat.updateStack(ref, { parameters: { v: 'two' } });
      assert.equal((await heat.getStack(ref))?.stack_status, 'UPDATE_IN_PROGRESS');
      const stack = await settled(ref);
      assert.equal(stack.stack_status, 'UPDATE_COMPLETE');
      assert.equal(stack.parameters['v'], 'two');
      await heat.deleteStack(ref);
      await assert.rejects(
        heat.updateStack(ref, { parameters: { v: 'three' } }),
        (error) => error instanceof OpenStackError && error.status === 400 && error.code === 'NotSupported',
      );
    });

    it('deletes a stack that is being created', async () => {
      const resources = {
        slow: { type: TEST, properties: { action_wait_secs: { create: 3, delete: 0 } } },
        b: { type: TEST, depends_on: 'slow' },
      };
      const ref = await create({ template: template(resources) });
      await heat.deleteStack(ref);
      assert.equal((await settled(ref)).stack_status, 'DELETE_COMPLETE');
    });

    describe('refuses', () => {
      const some = { a: { type: TEST } };
      const number = { parameters: { p: { type: 'number', constraints: [{ range: { min: 1 } }] } } };
      const invalid = 'StackValidationFailed';
      const rows: { reason: string; stack?: Partial<CreateStack>; code: string; message: RegExp }[] = [
        {
          reason: 'a bad name',
          stack: { name: '9bad name' },
          code: invalid,
          message: /Invalid stack name 9bad name/,
        },
        {
          reason: 'an unknown type',
          stack: { template: template({ a: { type: 'OS::No::Such' } }) },
          code: invalid,
          message: /OS::No::Such/,
        },
        { reason: 'no type', stack: { template: template({ a: {} }) }, code: invalid, message: /type key/ },
        {
          reason: 'a missing parameter',
          stack: { template: template(some, { parameters: { p: { type: 'string' } } }) },
          code: 'UserParameterMissing',
          message: /\(p\) was not provided/,
        },
        {
          reason: 'a surplus parameter',
          stack: { parameters: { q: 1 } },
          code: 'UnknownUserParameter',
          message: /\(q\)/,
        },
        {
          reason: 'text for a number',
          stack: { template: template(some, number), parameters: { p: 'x' } },
          code: invalid,
          message: /'p'/,
        },
        {
          reason: 'a number out of range',
          stack: { template: template(some, number), parameters: { p: 0 } },
          code: invalid,
          message: /0 is out of range/,
        },
        {
          reason: 'a reference to nothing',
          stack: { template: template({ a: { type: TEST, properties: { value: { get_resource: 'no' } } } }) },
          code: 'InvalidTemplateReference',
          message: /"no" \(in a.Properties.value\)/,
        },
        {
          reason: 'a dependency on nothing',
          stack: { template: template({ a: { type: TEST, depends_on: 'no' } }) },
          code: 'InvalidTemplateReference',
          message: /"no" \(in a\)/,
        },
        {
          reason: 'an unknown property',
          stack: { template: template({ a: { type: TEST, properties: { no: 1 } } }) },
          code: invalid,
          message: /Unknown Property no/,
        },
        {
          reason: 'a file that was not sent',
          stack: { template: template({ a: { type: TEST, properties: { value: { get_file: 'x.sh' } } } }) },
          code: invalid,
          message: /x\.sh/,
        },
        {
          reason: 'a group of nothing',
          stack: { template: template({ a: { type: 'OS::Heat::ResourceGroup', properties: { count: 1 } } }) },
          code: invalid,
          message: /resource_def not assigned/,
        },
        {
          reason: 'an unknown version',
          stack: { template: { heat_template_version: '1999-01-01', resources: {} } },
          code: 'InvalidTemplateVersion',
          message: /1999-01-01/,
        },
        {
          reason: 'a negative time-out',
          stack: { timeoutMins: -1 },
          code: 'HTTPBadRequest',
          message: /timeout_mins/,
        },
      ];
      for (const { reason, stack, code, message } of rows) {
        it(reason, async () => {
          const wanted = { name: uniqueName('contract-bad'), template: template(some), ...stack };
          await assert.rejects(heat.createStack(wanted), (error) => {
            assert.ok(error instanceof OpenStackError, String(error));
            assert.deepEqual([error.status, error.code, error.service], [400, code, 'orchestration']);
            assert.match(error.message, message);
            assert.equal((error.body as { title: string }).title, 'Bad Request');
            return true;
          });
          assert.equal(await heat.findByName(wanted.name.replaceAll(' ', '-')), null);
        });
      }
    });
  });
}
