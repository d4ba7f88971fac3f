import assert from 'node:assert/strict';
import type { MagnumCluster, MagnumNodeGroup } from '@cetus/openstack/magnum';
import type { ClusterSpec, NodeGroupSpec } from '@cetus/shared/schemas';
import { GROUP_LABEL } from '../../../../src/cluster/drivers/magnum/groups.ts';
import { memoryOf, seenAtWork, tell, type Memory } from '../../../../src/cluster/drivers/magnum/memory.ts';
import { planNext, type Plan } from '../../../../src/cluster/drivers/magnum/plan.ts';
import { nodeGroup } from '../openstack/new-cluster.ts';
import { storedCluster } from '../../stored-cluster.ts';

const LABELS = { kube_tag: 'v1.24.1' };
const master = nodeGroup('default-master', { role: 'master', is_default: true, labels: LABELS });
const worker = nodeGroup('default-worker', { is_default: true, node_count: 2, labels: LABELS });
const pool = nodeGroup('pool', { node_count: 3, labels: LABELS });
const NOTHING_TOLD = memoryOf(storedCluster(), null);
const NOW = Date.parse('2026-01-01T00:10:00Z');
const LONG_AGO = '2026-01-01T00:08:00+00:00';

const have = (want: NodeGroupSpec, more: Partial<MagnumNodeGroup> = {}): MagnumNodeGroup =>
  ({
    uuid: `magnum-${want.uuid}`,
    name: want.name,
    role: want.role,
    is_default: want.is_default,
    node_count: want.node_count,
    status: 'CREATE_COMPLETE',
    labels: { ...want.labels, ...(want.is_default ? {} : { [GROUP_LABEL]: want.uuid }) },
    updated_at: 'before',
    ...more,
  }) as MagnumNodeGroup;

interface Scene {
  wanted?: NodeGroupSpec[];
  status?: string;
  groups?: MagnumNodeGroup[];
  memory?: Memory;
}

/** The plan in one word and what it is about. */
function plan({
  wanted = [master, worker],
  status = 'CREATE_COMPLETE',
  groups,
  memory = NOTHING_TOLD,
}: Scene): string {
  const spec = { node_groups: wanted, labels: LABELS } as unknown as ClusterSpec;
  const cluster = { status, master_count: 1, labels: LABELS } as unknown as MagnumCluster;
  const found = { cluster, groups: groups ?? wanted.map((want) => have(want)) };
  return wordOf(planNext(spec, found, memory, NOW));
}

function wordOf(made: Plan): string {
  if (made.kind === 'step') return `${made.step.kind} ${made.step.about}`;
  return made.kind === 'refuse' ? `refuse ${made.failure.code}` : made.kind;
}

const told = (about: string, mark: string | null, ago: number): Memory =>
  tell(NOTHING_TOLD, about, { mark }, NOW - ago);

describe('what Magnum is told next', () => {
  const smaller = have(worker, { node_count: 1 });
  const failedWorker = have(worker, { status: 'UPDATE_FAILED' });

  const rows: [string, Scene, string][] = [
    ['nothing, when all is as asked', {}, 'done'],
    ['a resize', { groups: [have(master), smaller] }, 'resize group default-worker'],
    [
      'a group that is not there',
      { wanted: [master, worker, pool], groups: [have(master), have(worker)] },
      'create-group group pool',
    ],
    [
      'the end of a group that shall not be',
      {
        wanted: [master, worker, { ...pool, deleted: true }],
        groups: [have(master), have(worker), have(pool)],
      },
      'delete-group group pool',
    ],
    [
      'the end of a group of ours that the spec no longer has',
      { groups: [have(master), have(worker), have(pool)] },
      'delete-group group pool',
    ],
    [
      'nothing about a group that others made',
      { groups: [have(master), have(worker), have(pool, { labels: {} })] },
      'done',
    ],
    [
      'an upgrade, before other changes',
      {
        wanted: [master, { ...worker, node_count: 9, labels: { kube_tag: 'v1.25.0' } }],
        groups: [have(master), have(worker)],
      },
      'upgrade cluster',
    ],
    [
      'the upgrade of a group to its cluster’s version',
      {
        wanted: [master, worker, pool],
        groups: [
          have(master),
          have(worker),
          have(pool, { labels: { kube_tag: 'v1.23.0', [GROUP_LABEL]: pool.uuid } }),
        ],
      },
      'upgrade group pool',
    ],
    [
      'never a lower version',
      {
        wanted: [master, { ...worker, labels: { kube_tag: 'v1.9.11' } }],
        groups: [have(master), have(worker)],
      },
      'refuse unsupported',
    ],
    ['nothing while it works', { status: 'UPDATE_IN_PROGRESS' }, 'wait'],
    [
      'nothing while a group works',
      { groups: [have(master), have(worker, { status: 'UPDATE_IN_PROGRESS' })] },
      'wait',
    ],
    [
      'a resize, over what an earlier operation does not end',
      { status: 'UPDATE_IN_PROGRESS', groups: [have(master), smaller] },
      'resize group default-worker',
    ],
    [
      'a resize, to make it look after a group that it has forgotten',
      { groups: [have(master), have(worker, { status: 'UPDATE_IN_PROGRESS', updated_at: LONG_AGO })] },
      'resize group default-worker',
    ],
    [
      'nothing over a create that does not end',
      { status: 'CREATE_IN_PROGRESS', groups: [have(master), smaller] },
      'wait',
    ],
    [
      'nothing while what is read may be old',
      { groups: [have(master), smaller], memory: told('group default-worker', 'before', 5_000) },
      'wait',
    ],
    [
      'nothing again so soon, though Magnum has noted something else of it since',
      {
        groups: [have(master), have(worker, { node_count: 1, updated_at: 'later' })],
        memory: told('group default-worker', 'before', 5_000),
      },
      'wait',
    ],
    [
      'a resize again, when it was lost',
      { groups: [have(master), smaller], memory: told('group default-worker', 'before', 31_000) },
      'resize group default-worker',
    ],
    [
      'nothing while a new group is not written yet',
      {
        wanted: [master, worker, pool],
        groups: [have(master), have(worker)],
        memory: told('group pool', null, 5_000),
      },
      'wait',
    ],
    [
      'a resize to the same number, to mend what failed before',
      { status: 'UPDATE_FAILED', groups: [have(master), failedWorker] },
      'resize group default-worker',
    ],
    [
      'nothing more, when what was told was seen at work and failed within the same second',
      {
        status: 'UPDATE_FAILED',
        groups: [have(master), failedWorker],
        memory: seenAtWork(told('group default-worker', 'before', 5_000)),
      },
      'failed',
    ],
    [
      'nothing more, when what was told failed',
      {
        status: 'UPDATE_FAILED',
        groups: [have(master), failedWorker],
        memory: told('group default-worker', 'earlier', 5_000),
      },
      'failed',
    ],
    [
      'a failed group away, to make it anew',
      {
        wanted: [master, worker, pool],
        status: 'UPDATE_FAILED',
        groups: [have(master), have(worker), have(pool, { status: 'CREATE_FAILED' })],
      },
      'delete-group group pool',
    ],
    [
      'a resize of the workers, when the cluster failed and no group did',
      { status: 'UPDATE_FAILED' },
      'resize group default-worker',
    ],
    [
      'nothing more, when a rotation failed',
      { status: 'UPDATE_FAILED', memory: told('cluster', null, 5_000) },
      'failed',
    ],
    [
      'nothing after a rollback of its own that failed',
      { status: 'ROLLBACK_FAILED' },
      'refuse back_end_refused',
    ],
  ];
  for (const [what, scene, expected] of rows) {
    it(what, () => assert.equal(plan(scene), expected));
  }
});
