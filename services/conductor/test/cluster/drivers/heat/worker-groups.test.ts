import assert from 'node:assert/strict';
import type { NodeGroupSpec } from '@cetus/shared/schemas';
import {
  countsOf,
  describeDrift,
  differenceOf,
  groupKey,
  scaleParameters,
} from '../../../../src/cluster/drivers/heat/worker-groups.ts';
import { nodeGroup } from '../openstack/new-cluster.ts';

const master = nodeGroup('default-master', { role: 'master', is_default: true });
const worker = nodeGroup('default-worker', { is_default: true, node_count: 2 });
const gpu = nodeGroup('gpu', { uuid: '3f0c8e1a-5b7d-4c1e-9a2f-c0ffee000001' });
const spec = (...node_groups: NodeGroupSpec[]) => ({ node_groups: [master, ...node_groups] });
const TOLD = { node_count: '2', node_count_c0ffee000001: '1', nodes_to_remove: '', ca_key: '******' };

describe('groups of workers in a stack', () => {
  it('are known by the random part of their ids, the default one by nothing', () => {
    assert.equal(groupKey(gpu), 'c0ffee000001');
    assert.equal(groupKey(worker), null);
    assert.deepEqual(
      [...countsOf(TOLD)],
      [
        [null, 2],
        ['c0ffee000001', 1],
      ],
    );
  });

  const rows: { what: string; groups: NodeGroupSpec[]; difference: string | null; drift: RegExp | null }[] = [
    { what: 'nothing', groups: [worker, gpu], difference: null, drift: null },
    {
      what: 'a number',
      groups: [worker, { ...gpu, node_count: 3 }],
      difference: 'counts',
      drift: /^The stack has 1 nodes instead of 3 in the node group gpu$/,
    },
    {
      what: 'a group that goes',
      groups: [worker, { ...gpu, deleted: true }],
      difference: 'groups',
      drift: /^The stack has a node group more than was asked for$/,
    },
    {
      what: 'a group that comes',
      groups: [worker, gpu, nodeGroup('new')],
      difference: 'groups',
      drift: /^The stack has no node group new$/,
    },
    {
      what: 'a group in the place of another',
      groups: [worker, nodeGroup('gpu')],
      difference: 'groups',
      drift: /no node group gpu; The stack has a node group more/,
    },
  ];
  for (const { what, groups, difference, drift } of rows) {
    it(`differ from what is asked for in ${what}`, () => {
      assert.equal(differenceOf(spec(...groups), TOLD), difference);
      const said = describeDrift(spec(...groups), TOLD);
      if (drift === null) assert.equal(said, null);
      else assert.match(said ?? '', drift);
    });
  }

  it('are scaled by two parameters each, and the list of those to go is always replaced', () => {
    assert.deepEqual(scaleParameters([worker, { ...gpu, node_count: 0, nodes_to_remove: ['a', 'b'] }]), {
      node_count: 2,
      nodes_to_remove: '',
      node_count_c0ffee000001: 0,
      nodes_to_remove_c0ffee000001: 'a,b',
    });
  });
});
