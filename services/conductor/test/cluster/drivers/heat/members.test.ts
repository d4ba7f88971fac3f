import assert from 'node:assert/strict';
import type { Stack } from '@cetus/openstack/heat';
import type { ClusterSpec, NodeGroupSpec } from '@cetus/shared/schemas';
import { leftoversOf } from '../../../../src/cluster/drivers/heat/leftovers.ts';
import {
  goingWorkers,
  mayRemoveWorkers,
  nodeOfNoGroup,
  workersOf,
} from '../../../../src/cluster/drivers/heat/removal/members.ts';
import type { StackResourceState } from '../../../../src/cluster/drivers/openstack/stack-failure.ts';
import { nodeGroup } from '../openstack/new-cluster.ts';

const UUID = '6c1e2a52-8f0b-4a3c-9d7e-112233445566';
const pool = nodeGroup('pool', { uuid: '00000000-0000-4000-8000-aabbccddeeff' });
const workers = nodeGroup('default-worker', { is_default: true });
const specOf = (...node_groups: NodeGroupSpec[]): ClusterSpec => ({ node_groups }) as unknown as ClusterSpec;
const stackOf = (parameters: Record<string, string>): Stack => ({ parameters }) as unknown as Stack;

/** The resources of a group whose members are servers, or stacks with a server in them. */
function groupOf(
  name: string,
  members: Record<string, string>,
  { nested = false, status = 'UPDATE_COMPLETE' } = {},
): StackResourceState[] {
  const link = (rel: string, href: string): { rel: string; href: string } => ({ rel, href });
  const resource = (
    resource_name: string,
    resource_type: string,
    id: string,
    resource_status: string,
    parent_resource: string | null,
    links: { rel: string; href: string }[],
  ): StackResourceState => ({
    resource_name,
    resource_type,
    physical_resource_id: id,
    resource_status,
    parent_resource,
    links,
  });
  return [
    resource(name, 'OS::Heat::ResourceGroup', name, status, null, [link('nested', name)]),
    ...Object.entries(members).flatMap(([index, is]) => {
      const server = `${name}-${index}`;
      if (!nested) return [resource(index, 'OS::Nova::Server', server, is, name, [link('stack', name)])];
      const own = `${server}-stack`;
      return [
        resource(index, 'cetus-worker.yaml', own, is, name, [link('stack', name), link('nested', own)]),
        resource('server', 'OS::Nova::Server', server, is, index, [link('stack', own)]),
      ];
    }),
  ];
}

const OK = 'CREATE_COMPLETE';

describe('the workers of a stack', () => {
  const going = (
    spec: ClusterSpec,
    resources: StackResourceState[],
    told: Record<string, string>,
  ): string[] =>
    goingWorkers(spec, workersOf(UUID, resources), leftoversOf(told, resources)).map(({ node }) =>
      node.replace(`cetus-${UUID}-`, ''),
    );

  it('have the names of their nodes and the ids of their servers, nested or not, in the order of their numbers', () => {
    const resources = [
      ...groupOf('workers', { 10: OK, 9: OK, 2: 'DELETE_COMPLETE' }),
      ...groupOf('workers_aabbccddeeff', { 0: 'CREATE_FAILED' }, { nested: true }),
    ];
    assert.deepEqual(
      workersOf(UUID, resources).map(({ node, serverIds, status }) => [node, serverIds, status]),
      [
        [`cetus-${UUID}-aabbccddeeff-0`, ['workers_aabbccddeeff-0'], 'CREATE_FAILED'],
        [`cetus-${UUID}-worker-9`, ['workers-9'], OK],
        [`cetus-${UUID}-worker-10`, ['workers-10'], OK],
      ],
    );
  });

  it('go that are named, then those with the highest numbers, as Heat chooses', () => {
    const resources = groupOf('workers', { 1: OK, 9: OK, 10: OK }, { nested: true });
    const told = { node_count: '3' };
    const three = { ...workers, node_count: 3 };
    assert.deepEqual(going(specOf(three), resources, told), []);
    assert.deepEqual(going(specOf({ ...three, node_count: 2 }), resources, told), ['worker-10']);
    const named = { ...three, node_count: 1, nodes_to_remove: ['workers-1'] };
    assert.deepEqual(going(specOf(named), resources, told), ['worker-1', 'worker-10']);
    assert.deepEqual(going(specOf({ ...three, deleted: true }), resources, told), [
      'worker-1',
      'worker-9',
      'worker-10',
    ]);
  });

  it('go that could not be deleted before, and are not waited for while they are being deleted', () => {
    const resources = groupOf('workers', { 0: OK, 1: 'DELETE_FAILED', 2: OK, 3: 'DELETE_IN_PROGRESS' });
    const told = { node_count: '2' };
    assert.deepEqual(going(specOf({ ...workers, node_count: 2 }), resources, told), ['worker-1']);
    assert.deepEqual(going(specOf({ ...workers, node_count: 4 }), resources, told), ['worker-1']);
    // What is left of a group that was to go is removed before the group comes back.
    const left = groupOf('workers_aabbccddeeff', { 0: OK }, { status: 'DELETE_FAILED' });
    assert.deepEqual(going(specOf(pool), left, told), ['aabbccddeeff-0']);
  });

  it('may go only when a group becomes smaller, goes, or names some', () => {
    const may = (...groups: NodeGroupSpec[]): boolean =>
      mayRemoveWorkers(specOf(...groups), stackOf({ node_count: '2', node_count_aabbccddeeff: '1' }));
    const two = { ...workers, node_count: 2 };
    assert.ok(!may(two, pool));
    assert.ok(!may({ ...two, node_count: 3 }, pool));
    assert.ok(may({ ...two, node_count: 1 }, pool));
    assert.ok(may(two, { ...pool, deleted: true }));
    assert.ok(may({ ...two, nodes_to_remove: ['a'] }, pool));
  });

  it('are not confused with those of another group when they are named', () => {
    const resources = [
      ...groupOf('workers', { 0: OK, 1: OK }),
      ...groupOf('workers_aabbccddeeff', { 0: OK }),
    ];
    const members = workersOf(UUID, resources);
    const stack = stackOf({ node_count: '2', node_count_aabbccddeeff: '1' });
    const named = (id: string, node_count = 1): string | undefined =>
      nodeOfNoGroup(specOf({ ...workers, node_count, nodes_to_remove: [id] }, pool), stack, members)?.message;
    assert.equal(named('workers-1'), undefined);
    assert.match(named('workers_aabbccddeeff-0') ?? '', /no server of the node group default-worker/);
    // It became smaller before.
    assert.equal(named('gone', 2), undefined);
  });
});
