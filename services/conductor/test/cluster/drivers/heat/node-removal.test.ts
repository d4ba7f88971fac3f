import assert from 'node:assert/strict';
import { waitFor } from '@cetus/test-kit';
import {
  defaultWorkerOf,
  withNodeGroup,
  type Blocker,
  type ClusterSpec,
  type NodeGroupSpec,
} from '@cetus/shared/schemas';
import { MERGE_PATCH, type KubernetesConnection } from '@cetus/kubernetes/connection';
import { cordon } from '@cetus/kubernetes/nodes';
import type { Node } from '@cetus/kubernetes/objects';
import type { SimCluster } from '@cetus/simcloud/kubernetes/kubernetes-host';
import { operationTag } from '../../../../src/cluster/drivers/openstack/stack-name.ts';
import { targets } from '../openstack/clouds.ts';
import { nodeGroup, partOf } from '../openstack/new-cluster.ts';
import { DriverBench } from './driver-bench.ts';

const MARK = 'cetus.io/removal-operation';
const PODS = '/api/v1/namespaces/default/pods';
const BUDGETS = '/apis/policy/v1/namespaces/default/poddisruptionbudgets';

describe('a removal of nodes by the heat driver', function () {
  this.timeout(60_000);
  let bench: DriverBench;
  let pool: NodeGroupSpec;
  let sim: SimCluster;
  let admin: KubernetesConnection;

  const workers = (): NodeGroupSpec => defaultWorkerOf(bench.cluster.spec)!;
  const nodes = async (): Promise<Node[]> => (await admin.get<{ items: Node[] }>('/api/v1/nodes')).items;
  const names = async (): Promise<string[]> =>
    (await nodes()).map(({ metadata }) => metadata.name.replace(/^cetus-.{36}-/, '')).toSorted();
  const nameOf = (end: string): string => `cetus-${bench.cluster._id}-${end}`;
  const poolNode = (index: number): string => `${pool.uuid.slice(-12)}-${String(index)}`;
  const there = ['master-0', 'worker-0', 'worker-1', 'worker-2'];
  const cordoned = async (): Promise<string[]> =>
    (await nodes()).flatMap(({ metadata, spec }) =>
      spec?.unschedulable === true || metadata.annotations?.[MARK] !== undefined ? [metadata.name] : [],
    );
  const change = (group: NodeGroupSpec, values: Partial<NodeGroupSpec>) => (spec: ClusterSpec) =>
    withNodeGroup(spec, group.uuid, (one) => ({ ...one, ...values }));
  const resize = (group: NodeGroupSpec, node_count: number, nodes_to_remove: string[] = []): void =>
    bench.accept('resize', change(group, { node_count, nodes_to_remove }), {
      parts: [partOf(group, 'update')],
    });
  const ends = async (state = 'UPDATE_COMPLETE'): Promise<void> => {
    assert.equal(await bench.settled(), state, bench.cluster.status.state_reason ?? '');
  };
  const roundsUntil = (done: () => Promise<boolean> | boolean): Promise<unknown> =>
    waitFor(async () => {
      if (await done()) return true;
      assert.equal(bench.cluster.operation?.state, 'IN_PROGRESS', bench.cluster.status.state_reason ?? '');
      await bench.round();
      return false;
    });
  const told = async (): Promise<boolean> =>
    (await bench.stack()).tags?.includes(operationTag(bench.cluster.operation!)) === true;
  const hasNote = (): boolean => 'node_removal' in bench.cluster.status.driver_state;

  /** A pod that runs on a node. */
  const run = async (name: string, node: string): Promise<void> => {
    const spec = { nodeName: nameOf(node), containers: [{ name: 'c', image: 'c' }] };
    await admin.request('POST', PODS, { body: { metadata: { name, labels: { name } }, spec } });
    await waitFor(async () => {
      const { status } = await admin.get<{ status?: { phase?: string } }>(`${PODS}/${name}`);
      return status?.phase === 'Running';
    });
  };
  const isThere = async (pod: string): Promise<boolean> =>
    (await admin.get<{ items: { metadata: { name: string } }[] }>(PODS)).items.some(
      ({ metadata }) => metadata.name === pod,
    );
  /** A pod that may not be moved away from a node. */
  const shy = async (node: string): Promise<void> => {
    await run('shy', node);
    const spec = { minAvailable: 1, selector: { matchLabels: { name: 'shy' } } };
    await admin.request('POST', BUDGETS, { body: { metadata: { name: 'shy' }, spec } });
    await waitFor(async () => {
      const { status } = await admin.get<{ status?: { currentHealthy?: number } }>(`${BUDGETS}/shy`);
      return status?.currentHealthy === 1;
    });
  };
  /** What the conductor that follows the cluster has written: that it was reached, and which one it is. */
  const followed = async (uid?: string): Promise<void> => {
    const { metadata } = await admin.get<{ metadata: { uid: string } }>('/api/v1/namespaces/kube-system');
    const identity = {
      uid: uid ?? metadata.uid,
      kubeconfig: bench.cluster.status.kubeconfig?.nonce ?? '',
    };
    const health = {
      status: 'HEALTHY' as const,
      reasons: {},
      nodes: { ready: 1, total: 1 },
      version: null,
      last_contact: new Date(),
      conditions: [],
      identity,
    };
    bench.cluster = { ...bench.cluster, health };
  };

  /** The operation's time is over. */
  const givenUp = (): void => {
    const { operation, status } = bench.cluster;
    bench.cluster = {
      ...bench.cluster,
      operation: { ...operation!, state: 'FAILED' },
      status: { ...status, state: 'UPDATE_FAILED' },
    };
  };

  before(async () => {
    bench = await DriverBench.start(targets[0]!);
  });
  beforeEach(async () => {
    bench.replaceConductor();
    bench.renew();
    pool = nodeGroup('pool', { node_count: 2 });
    const { spec } = bench.cluster;
    const node_groups = spec.node_groups.map((group) =>
      group.role === 'master' ? group : { ...group, node_count: 3 },
    );
    bench.cluster = { ...bench.cluster, spec: { ...spec, node_groups: [...node_groups, pool] } };
    await ends('CREATE_COMPLETE');
    ({ sim, admin } = await bench.kubernetes(6));
    await followed();
  });
  afterEach(async () => {
    await admin.close();
    await bench.clear();
  });
  after(() => bench.close());

  it('moves pods away before the machines go, and takes out their Nodes afterwards', async () => {
    await run('moves', 'worker-2');
    await run('stays', 'worker-1');
    await cordon(admin, nameOf('worker-0'));
    const foreign = [`cetus-${crypto.randomUUID()}-worker-9`, 'somebody-9', nameOf('worker-9x')];
    for (const name of foreign)
      await admin.request('POST', '/api/v1/nodes', { body: { metadata: { name } } });
    resize(workers(), 2);
    const waited: Blocker[] = [];
    await roundsUntil(async () => {
      waited.push(...(bench.cluster.operation?.blocked_by ?? []));
      if (!(await told())) return false;
      assert.ok(!(await isThere('moves')), 'Heat was told before the pod had left');
      return true;
    });
    assert.deepEqual(new Set(waited.map(({ kind, name }) => `${kind} ${name}`)), new Set(['Pod moves']));
    assert.deepEqual(bench.cluster.operation?.blocked_by, []);
    const [gone] = (await nodes()).filter(({ metadata }) => metadata.name === nameOf('worker-2'));
    assert.equal(gone?.spec?.unschedulable, true);
    await ends();
    const left = ['master-0', 'worker-0', 'worker-1', poolNode(0), poolNode(1)];
    assert.deepEqual(
      (await names()).filter(
        (name) => !foreign.includes(name) && name !== 'worker-9x' && name !== 'worker-9',
      ),
      left.toSorted(),
    );
    for (const name of foreign) await admin.get(`/api/v1/nodes/${name}`);
    assert.deepEqual(await cordoned(), [nameOf('worker-0')], 'a user did that');
    assert.ok(await isThere('stays'));
    assert.equal(bench.cluster.operation?.left_behind, undefined);
    assert.ok(!hasNote());
  });

  it('empties exactly the nodes that are named, and all of a group that is removed', async () => {
    const [first] = await bench.output('node_server_ids');
    await run('named', 'worker-0');
    await run('grouped', poolNode(1));
    bench.accept('node-group-delete', (spec) =>
      change(pool, { deleted: true })(change(workers(), { node_count: 2, nodes_to_remove: [first!] })(spec)),
    );
    await roundsUntil(async () => (await cordoned()).length > 0);
    assert.deepEqual(
      (await cordoned()).toSorted(),
      [nameOf('worker-0'), nameOf(poolNode(0)), nameOf(poolNode(1))].toSorted(),
    );
    await roundsUntil(told);
    assert.deepEqual([await isThere('named'), await isThere('grouped')], [false, false]);
    await ends();
    assert.deepEqual(await names(), ['master-0', 'worker-1', 'worker-2']);
  });

  it('does not let pods that may not go keep a machine for ever, and says which were cut off', async () => {
    await shy('worker-2');
    bench.replaceConductor({ removal: { drainMs: 200 } });
    resize(workers(), 2);
    await roundsUntil(() => bench.cluster.operation?.blocked_by?.some(({ name }) => name === 'shy') === true);
    assert.match(bench.cluster.operation?.progress ?? '', /default\/shy .*disruption budget/);
    await ends();
    const [cut] = bench.cluster.operation?.left_behind ?? [];
    assert.deepEqual([cut?.kind, cut?.name], ['Pod', 'shy']);
    assert.deepEqual(bench.cluster.operation?.blocked_by, []);
    assert.ok(!(await names()).includes('worker-2'));
  });

  it('does not wait for what nobody can end: pods of a node that does not answer', async () => {
    await run('lost', 'worker-2');
    sim.setNodeReady(nameOf('worker-2'), 'Unknown');
    resize(workers(), 2);
    await ends();
    assert.deepEqual(bench.cluster.operation?.left_behind, undefined);
    assert.deepEqual([await isThere('lost'), (await names()).includes('worker-2')], [false, false]);
  });

  it('lets pods on nodes again that stay after all', async () => {
    await shy('worker-2');
    resize(workers(), 2);
    await roundsUntil(async () => (await cordoned()).length > 0);
    assert.deepEqual(await cordoned(), [nameOf('worker-2')]);
    givenUp();
    // Another one goes in its place.
    const [first] = await bench.output('node_server_ids');
    await run('moves', 'worker-0');
    resize(workers(), 2, [first!]);
    await roundsUntil(async () => bench.cluster.operation?.blocked_by?.length === 1);
    assert.deepEqual(await cordoned(), [nameOf('worker-0')]);
    await ends();
    assert.deepEqual(
      await names(),
      ['master-0', 'worker-1', 'worker-2', poolNode(0), poolNode(1)].toSorted(),
    );
    assert.ok(await isThere('shy'));

    resize(workers(), 1);
    await roundsUntil(async () => (await cordoned()).length > 0);
    bench.accept('rollback');
    await ends('ROLLBACK_COMPLETE');
    assert.deepEqual(await cordoned(), []);
    assert.ok(!hasNote());
  });

  it('lets pods on nodes again when it was given up', async () => {
    await shy('worker-2');
    resize(workers(), 2);
    await roundsUntil(async () => (await cordoned()).length > 0);
    givenUp();
    await bench.round();
    assert.deepEqual(await cordoned(), []);
    assert.ok(!hasNote());
    bench.replaceConductor({ removal: { drainMs: 0 } });
    bench.accept('retry');
    await ends();
    assert.ok(!(await names()).includes('worker-2'));
  });

  it('goes on without a cluster that cannot be reached, and cleans up when it can again', async () => {
    bench.replaceConductor({ removal: { silenceMs: 100 } });
    await sim.setNetwork('refused');
    resize(workers(), 2);
    await ends();
    assert.equal((await bench.output('node_server_ids')).length, 2);
    const [cut] = bench.cluster.operation?.left_behind ?? [];
    assert.equal(cut?.kind, 'Cluster');
    assert.match(cut.reason, /could not be moved away/);
    await bench.round();
    assert.ok(hasNote(), 'it is still to be done');
    await sim.setNetwork('up');
    assert.ok((await names()).includes('worker-2'));
    const { health } = bench.cluster;
    const unreachable = {
      type: 'Reachable',
      status: 'False' as const,
      reason: 'NoAnswer',
      message: '',
      since: new Date().toISOString(),
    };
    bench.cluster = { ...bench.cluster, health: { ...health!, conditions: [unreachable] } };
    await bench.round();
    assert.ok(hasNote(), 'it is not tried while nobody can reach it');
    bench.cluster = { ...bench.cluster, health };
    await waitFor(async () => {
      await bench.round();
      return !hasNote();
    });
    assert.deepEqual(
      (await names()).filter((name) => there.includes(name)),
      ['master-0', 'worker-0', 'worker-1'],
    );
  });

  it('touches nothing of a cluster that was never reached, or is another one', async () => {
    const untouched = JSON.stringify((await nodes()).map(({ spec }) => spec));
    bench.replaceConductor({ removal: { silenceMs: 100 } });
    await followed('another');
    resize(workers(), 2);
    await roundsUntil(told);
    assert.equal(JSON.stringify((await nodes()).map(({ spec }) => spec)), untouched);
    await ends();
    assert.match(bench.cluster.operation?.left_behind?.[0]?.reason ?? '', /Another cluster/);
    await bench.round();
    assert.ok((await names()).includes('worker-2'));
    bench.cluster = { ...bench.cluster, health: null };
    resize(workers(), 1);
    await ends();
    await bench.round();
    assert.ok((await names()).includes('worker-1'));
    await followed();
    await waitFor(async () => {
      await bench.round();
      return !hasNote();
    });
    assert.deepEqual(
      (await names()).filter((name) => there.includes(name)),
      ['master-0', 'worker-0'],
    );
  });

  it('never takes out the Node of a machine that is there, nor one that is ready', async () => {
    bench.replaceConductor({ removal: { noticeMs: 50 } });
    resize(workers(), 4);
    await bench.begun();
    await (await bench.kubernetes(7)).admin.close();
    sim.setNodeReady(nameOf('worker-1'), 'False');
    // As if a kubelet lived though Heat has no machine for it.
    const name = nameOf('worker-7');
    await admin.request('POST', '/api/v1/nodes', { body: { metadata: { name } } });
    const status = { conditions: [{ type: 'Ready', status: 'True' }] };
    const ready = { body: { status }, contentType: MERGE_PATCH };
    await admin.request('PATCH', `/api/v1/nodes/${name}/status`, ready);
    await ends();
    assert.ok(hasNote());
    assert.deepEqual(
      (await names()).filter((one) => one.startsWith('worker')),
      ['worker-0', 'worker-1', 'worker-2', 'worker-3', 'worker-7'],
    );
  });

  it('is gone on with by another conductor, wherever the one before was', async () => {
    await run('moves', 'worker-2');
    resize(workers(), 2);
    while (bench.cluster.operation?.state === 'IN_PROGRESS') {
      // What this one finds is never written: it dies before.
      const before = bench.cluster;
      await bench.round();
      bench.cluster = before;
      bench.replaceConductor();
      await bench.round();
    }
    assert.equal(bench.cluster.status.state, 'UPDATE_COMPLETE', bench.cluster.status.state_reason ?? '');
    assert.deepEqual(await cordoned(), []);
    assert.ok(!(await names()).includes('worker-2'));
    assert.ok(!hasNote());
  });
});
