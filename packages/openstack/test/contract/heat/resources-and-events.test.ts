import assert from 'node:assert/strict';
import { heatContract, type StackNames } from './bench.ts';
import { CLUSTER, TIME, UUID } from './templates.ts';

heatContract('resources and events', (bench) => {
  let ref: StackNames;
  before(async () => {
    ref = await bench.create({ template: CLUSTER });
    await bench.settled(ref);
  });

  it('lists its resources, those of nested stacks on demand', async () => {
    const flat = await bench.heat.listResources(ref);
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
    const deep = await bench.heat.listResources(ref, { nestedDepth: 2 });
    const members = deep.filter(({ parent_resource }) => parent_resource === 'nodes');
    assert.deepEqual(members.map(({ resource_name }) => resource_name).sort(), ['0', '1']);
    assert.deepEqual(
      new Set(members.map(({ resource_type }) => resource_type)),
      new Set(['OS::Nova::Server']),
    );
    assert.deepEqual(await bench.heat.listResources(ref, { status: 'FAILED' }), []);
    assert.equal((await bench.heat.listResources(ref, { type: 'OS::Neutron::Net' })).length, 1);
    assert.equal((await bench.heat.listResources(ref.name)).length, 4);
  });

  it('tells its events in both directions, page by page, of one action, of nested stacks', async () => {
    const events = await bench.heat.listEvents(ref, { sortDir: 'asc' });
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
    const down = await bench.heat.listEvents(ref);
    assert.deepEqual(new Set(down.map(({ id }) => id)), new Set(events.map(({ id }) => id)));
    assert.equal(down[0]?.resource_status_reason, 'Stack CREATE completed successfully');
    const paged: string[] = [];
    for (let marker: string | undefined; ;) {
      const page = await bench.heat.listEvents(ref, {
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
    const completed = await bench.heat.listEvents(ref, {
      filter: { resourceName: 'net', resourceStatus: 'COMPLETE' },
    });
    assert.deepEqual(
      completed.map(({ resource_status }) => resource_status),
      ['CREATE_COMPLETE'],
    );
    const nested = await bench.heat.listEvents(ref, { nestedDepth: 2, sortDir: 'asc' });
    assert.equal(nested.length, events.length + 2 + 2 * 2);
    assert.deepEqual(
      nested.find(({ resource_name }) => resource_name === '0')?.links.map(({ rel }) => rel),
      ['self', 'resource', 'stack', 'root_stack'],
    );
  });
});
