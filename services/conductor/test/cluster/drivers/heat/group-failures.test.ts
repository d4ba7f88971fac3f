import assert from 'node:assert/strict';
import type { Stack } from '@cetus/openstack/heat';
import type { NodeGroupSpec } from '@cetus/shared/schemas';
import type { StackResourceState } from '../../../../src/cluster/drivers/openstack/stack-failure.ts';
import { groupFailures } from '../../../../src/cluster/drivers/heat/group-failures.ts';
import { leftoversOf } from '../../../../src/cluster/drivers/heat/leftovers.ts';
import { nodeGroup } from '../openstack/new-cluster.ts';

const STACK = 'http://heat/v1/p/stacks';
const master = nodeGroup('default-master', { role: 'master', is_default: true });
const worker = nodeGroup('default-worker', { is_default: true, node_count: 1 });
const gpu = nodeGroup('gpu', { uuid: '3f0c8e1a-5b7d-4c1e-9a2f-c0ffee000001' });
const overall = { code: 'stack_timeout', message: 'The stack ran out of time' };

function resource(name: string, status: string, reason = 'state changed'): StackResourceState {
  return {
    resource_name: name,
    resource_type: name.startsWith('workers') ? 'OS::Heat::ResourceGroup' : 'OS::Nova::Server',
    resource_status: status,
    resource_status_reason: reason,
    physical_resource_id: `id-of-${name}`,
    links: [
      { rel: 'stack', href: STACK },
      { rel: 'nested', href: `${STACK}/${name}` },
    ],
  };
}

function member(group: string, name: string, status: string, reason?: string): StackResourceState {
  return {
    ...resource(name, status, reason),
    parent_resource: group,
    links: [{ rel: 'stack', href: `${STACK}/${group}` }],
  };
}

describe('the failures of node groups', () => {
  const failuresOf = (
    resources: StackResourceState[],
    groups: NodeGroupSpec[] = [master, worker, gpu],
  ): Record<string, string> => {
    const stack = { stack_name: 'cetus-a', stack_status: 'UPDATE_FAILED' } as Stack;
    const cluster = { spec: { node_groups: groups } } as Parameters<typeof groupFailures>[0];
    const failures = groupFailures(cluster, { stack, resources, events: [], asked: {} }, overall);
    return Object.fromEntries(Object.entries(failures).map(([uuid, { message }]) => [uuid, message]));
  };

  const fine = [
    resource('master_0', 'CREATE_COMPLETE'),
    resource('workers', 'CREATE_COMPLETE'),
    member('workers', '0', 'CREATE_COMPLETE'),
  ];

  it('are told from each other although their members have the same names', () => {
    const found = failuresOf([
      ...fine,
      resource('workers_c0ffee000001', 'CREATE_FAILED', 'Forbidden: resources[0]: no'),
      member('workers_c0ffee000001', '0', 'CREATE_FAILED', 'Forbidden: resources[0]: Quota exceeded'),
    ]);
    assert.deepEqual(found, { [gpu.uuid]: '0 (OS::Nova::Server): Forbidden: resources[0]: Quota exceeded' });
  });

  it('are those of the stack for a group that did not become as asked, and none for one that did', () => {
    assert.deepEqual(
      failuresOf([...fine, resource('workers_c0ffee000001', 'INIT_COMPLETE')]),
      // Heat stopped before it made a member.
      { [gpu.uuid]: overall.message },
    );
    const made = [
      resource('workers_c0ffee000001', 'CREATE_COMPLETE'),
      member('workers_c0ffee000001', '0', 'CREATE_COMPLETE'),
    ];
    assert.deepEqual(failuresOf([...fine, ...made]), {});
    assert.deepEqual(failuresOf([...fine, ...made], [master, worker, { ...gpu, deleted: true }]), {
      [gpu.uuid]: overall.message,
    });
    assert.deepEqual(failuresOf(fine, [master, worker, { ...gpu, deleted: true }]), {});
  });

  it('are those of everything but workers for the masters', () => {
    const [, ...others] = fine;
    const failed = resource('master_0', 'CREATE_FAILED', 'ResourceInError: resources.master_0: Went');
    const found = failuresOf([failed, ...others], [master, worker]);
    assert.match(found[master.uuid] ?? '', /^master_0/);
    assert.equal(found[worker.uuid], undefined);
  });
});

describe('what is left of what Heat deletes', () => {
  const resources = [
    resource('workers', 'UPDATE_FAILED'),
    member('workers', '0', 'CREATE_COMPLETE'),
    member('workers', '1', 'DELETE_FAILED'),
    member('workers', '2', 'DELETE_IN_PROGRESS'),
    resource('workers_c0ffee000001', 'DELETE_FAILED'),
  ];

  it('are groups and members that must not be asked for again under their names', () => {
    const leftovers = leftoversOf({ node_count: '1' }, resources);
    assert.equal(leftovers.isGroup(null), false);
    assert.equal(leftovers.isGroup('c0ffee000001'), true);
    assert.equal(leftovers.isGroup('c0ffee000002'), false);
    const told = leftoversOf({ node_count: '1', node_count_c0ffee000001: '1' }, resources);
    assert.equal(told.isGroup('c0ffee000001'), false);
    assert.deepEqual(leftovers.members(null), ['1', '2']);
    assert.deepEqual(leftovers.members('c0ffee000002'), []);
  });
});
