import assert from 'node:assert/strict';
import { waitFor } from '@cetus/test-kit';
import { CetusError } from '@cetus/shared/errors';
import {
  defaultMasterOf,
  defaultWorkerOf,
  type ClusterSpec,
  type NodeGroupSpec,
  type NodeGroupStatus,
} from '@cetus/shared/schemas';
import type { KubernetesConnection } from '@cetus/kubernetes/connection';
import { cordon } from '@cetus/kubernetes/nodes';
import type { Node } from '@cetus/kubernetes/objects';
import type { SimCluster } from '@cetus/simcloud/kubernetes/kubernetes-host';
import { targets } from '../openstack/clouds.ts';
import { nodeGroup, partOf } from '../openstack/new-cluster.ts';
import { DriverBench } from './driver-bench.ts';

const OLD = 'v1.33.2';
const NEW = 'v1.34.1';
const IMAGE = 'ubuntu-24.04';

/** What is asked of groups by an upgrade. */
const upgradeOf =
  (version: string, groups?: readonly NodeGroupSpec[]) =>
  (spec: ClusterSpec): ClusterSpec => ({
    ...spec,
    max_batch_size: 2,
    node_groups: spec.node_groups.map((group) =>
      groups === undefined || groups.some(({ uuid }) => uuid === group.uuid)
        ? { ...group, image_id: IMAGE, labels: { ...group.labels, kube_tag: version } }
        : group,
    ),
  });

describe('an upgrade by the heat driver', function () {
  this.timeout(120_000);
  let bench: DriverBench;
  let pool: NodeGroupSpec;
  let sim: SimCluster;
  let admin: KubernetesConnection;

  const masters = (): NodeGroupSpec => defaultMasterOf(bench.cluster.spec)!;
  const workers = (): NodeGroupSpec => defaultWorkerOf(bench.cluster.spec)!;
  const statusOf = ({ uuid }: NodeGroupSpec): NodeGroupStatus | undefined =>
    bench.cluster.status.node_groups.find((group) => group.uuid === uuid);
  const nodes = async (): Promise<Node[]> =>
    (await admin.get<{ items: Node[] }>('/api/v1/nodes')).items.toSorted((a, b) =>
      a.metadata.name.localeCompare(b.metadata.name),
    );
  const nameOf = async (end: string): Promise<string> =>
    (await nodes()).find(({ metadata }) => metadata.name.endsWith(end))!.metadata.name;
  const versionsOf = async (): Promise<string[]> =>
    (await nodes()).map(({ status }) => status?.nodeInfo?.kubeletVersion ?? '');
  const marked = async (): Promise<string[]> =>
    (await nodes()).flatMap(({ metadata, spec }) =>
      spec?.unschedulable === true ||
      Object.keys(metadata.annotations ?? {}).some((name) => name.startsWith('cetus.io/upgrade-c'))
        ? [metadata.name]
        : [],
    );
  const upgrade = (version = NEW, groups?: readonly NodeGroupSpec[]): void =>
    bench.accept('upgrade', upgradeOf(version, groups), {
      parts: (groups ?? bench.cluster.spec.node_groups).map((group) => partOf(group, 'update')),
    });
  const roundsUntil = async (done: () => Promise<boolean> | boolean): Promise<void> => {
    await waitFor(async () => {
      if (await done()) return true;
      assert.equal(bench.cluster.operation?.state, 'IN_PROGRESS', bench.cluster.status.state_reason ?? '');
      await bench.round();
      return false;
    });
  };
  const updated = async (): Promise<void> => {
    assert.equal(await bench.settled(), 'UPDATE_COMPLETE', bench.cluster.status.state_reason ?? '');
  };

  before(async () => {
    bench = await DriverBench.start(targets[0]!);
  });
  const create = async (masterCount = 1): Promise<void> => {
    bench.renew();
    pool = nodeGroup('pool', { node_count: 2, labels: { kube_tag: OLD } });
    const { spec } = bench.cluster;
    const node_groups = spec.node_groups.map((group) => ({
      ...group,
      labels: { kube_tag: OLD },
      node_count: group.role === 'master' ? masterCount : 3,
    }));
    bench.cluster = { ...bench.cluster, spec: { ...spec, node_groups: [...node_groups, pool] } };
    assert.equal(await bench.settled(), 'CREATE_COMPLETE', bench.cluster.status.state_reason ?? '');
    ({ sim, admin } = await bench.kubernetes(masterCount + 5));
  };
  const clear = async (): Promise<void> => {
    await admin.close();
    await bench.clear();
  };
  beforeEach(async () => {
    bench.replaceConductor();
    await create();
  });
  afterEach(clear);
  after(() => bench.close());

  it('takes the master first, then so many workers at once, where they are, and new nodes are as new', async () => {
    const servers = await bench.output('node_server_ids');
    const fixed = await bench.fixed();
    const byUser = await nameOf('-worker-2');
    await cordon(admin, byUser);
    const seen: string[] = [];
    upgrade();
    while (bench.cluster.operation?.state === 'IN_PROGRESS') {
      await bench.round();
      const all = await nodes();
      const ours = all.filter(
        ({ spec, metadata }) => spec?.unschedulable === true && metadata.name !== byUser,
      );
      assert.ok(ours.length <= 2, 'more nodes are cordoned than may be');
      const master = all.find(({ metadata }) => metadata.name.endsWith('master-0'))!;
      if (master.status?.nodeInfo?.kubeletVersion === OLD)
        assert.ok(
          ours.every(({ metadata }) => metadata.name === master.metadata.name),
          'a worker is before the master',
        );
      const { rollout, version } = statusOf(workers())!;
      seen.push(
        rollout === null ? '-' : `${String(rollout.updated)}/${String(rollout.total)} ${version ?? 'mixed'}`,
      );
    }
    assert.equal(bench.cluster.status.state, 'UPDATE_COMPLETE', bench.cluster.status.state_reason ?? '');
    assert.ok(seen.includes(`0/3 ${OLD}`) && seen.some((one) => /^[12]\/3 mixed$/.test(one)), seen.join());
    assert.deepEqual(new Set(await versionsOf()), new Set([NEW]));
    assert.deepEqual(await marked(), [byUser], 'what a user has cordoned stays so, and nothing else');
    for (const group of bench.cluster.spec.node_groups) {
      assert.equal(statusOf(group)?.version, NEW);
      assert.equal(statusOf(group)?.rollout, null);
      assert.equal(statusOf(group)?.state, 'UPDATE_COMPLETE');
    }
    assert.deepEqual(await bench.fixed(), fixed);
    assert.deepEqual(await bench.output('node_server_ids'), servers, 'servers were made anew');

    bench.accept('resize', (spec) => ({
      ...spec,
      node_groups: spec.node_groups.map((group) =>
        group.uuid === workers().uuid ? { ...group, node_count: 4 } : group,
      ),
    }));
    await updated();
    await waitFor(
      async () =>
        assert.deepEqual(
          await versionsOf(),
          Array.from({ length: 7 }, () => NEW),
        ) ?? true,
    );
    assert.deepEqual((await bench.output('node_server_ids')).slice(0, 3), servers);
  });

  it('takes several masters one after the other, the one that began the cluster first', async () => {
    await clear();
    await create(3);
    const order: string[] = [];
    upgrade(NEW, [masters()]);
    while (bench.cluster.operation?.state === 'IN_PROGRESS') {
      await bench.round();
      const all = await nodes();
      const away = all.filter(({ spec }) => spec?.unschedulable === true);
      assert.ok(away.length <= 1, 'two masters are changed at once');
      for (const { metadata, status } of all)
        if (status?.nodeInfo?.kubeletVersion === NEW && !order.includes(metadata.name))
          order.push(metadata.name);
    }
    assert.equal(bench.cluster.status.state, 'UPDATE_COMPLETE', bench.cluster.status.state_reason ?? '');
    assert.deepEqual(
      order.map((name) => name.slice(-8)),
      ['master-0', 'master-1', 'master-2'],
    );
    assert.equal(statusOf(workers())?.version, OLD);
    upgrade(NEW, [workers()]);
    await updated();
    assert.equal(statusOf(pool)?.version, OLD);
    assert.equal((await versionsOf()).filter((version) => version === NEW).length, 6);
  });

  it('passes over a Node whose machine has gone', async () => {
    const gone = (await nameOf('-worker-2')).replace(/2$/, '9');
    await admin.request('POST', '/api/v1/nodes', { body: { metadata: { name: gone } } });
    upgrade();
    await updated();
    const left = (await nodes()).find(({ metadata }) => metadata.name === gone);
    assert.equal(left?.spec?.unschedulable, undefined);
    assert.equal((await versionsOf()).filter((version) => version === NEW).length, 6);
  });

  it('touches only the groups that are asked for, and no version newer than the masters', async () => {
    upgrade(NEW, [pool]);
    assert.equal(await bench.settled(), 'UPDATE_FAILED');
    assert.match(bench.cluster.status.failure?.message ?? '', /newer than the masters/);
    assert.deepEqual(await marked(), []);
    upgrade(NEW, [masters(), workers()]);
    await updated();
    assert.deepEqual(new Set(await versionsOf()), new Set([NEW]));
  });

  it('fails with the node that fails, and goes on with it when told again', async () => {
    const bad = await nameOf('-worker-1');
    sim.setUpgradeFault(bad, { fail: 'kubeadm upgrade failed: no room' });
    upgrade();
    assert.equal(await bench.settled(), 'UPDATE_FAILED');
    const { failure } = bench.cluster.status;
    assert.equal(failure?.code, 'upgrade_failed');
    assert.deepEqual(failure.resource, { type: 'Node', name: bad });
    assert.match(failure.message, /default-worker.*no room/);
    assert.equal(statusOf(masters())?.state, 'UPDATE_COMPLETE');
    assert.equal(statusOf(masters())?.version, NEW);
    assert.equal(statusOf(workers())?.state, 'UPDATE_FAILED');
    assert.equal(statusOf(workers())?.version, null);
    assert.equal(statusOf(pool)?.state, 'UPDATE_FAILED');
    assert.deepEqual(await marked(), [bad]);

    bench.accept('rollback');
    assert.equal(await bench.settled(), 'ROLLBACK_FAILED');
    assert.equal(bench.cluster.status.failure?.code, 'unsupported');
    assert.match(bench.cluster.status.failure.message, /cannot go back from v1\.34\.1/);

    sim.setUpgradeFault(bad, null);
    upgrade();
    await updated();
    assert.deepEqual(new Set(await versionsOf()), new Set([NEW]));
    assert.deepEqual(await marked(), []);
  });

  it('gives a node that does not end only so much time', async () => {
    const stuck = await nameOf('-worker-0');
    sim.setUpgradeFault(stuck, 'hang');
    bench.replaceConductor({ upgrade: { upgradeMs: 300 } });
    upgrade();
    assert.equal(await bench.settled(), 'UPDATE_FAILED');
    assert.match(bench.cluster.status.failure?.message ?? '', new RegExp(`${stuck} \\(it has not ended`));
    sim.setUpgradeFault(stuck, null);
    bench.replaceConductor();
    bench.accept('retry');
    await updated();
    assert.deepEqual(await marked(), []);
  });

  it('is gone on with by another conductor, wherever the one before was', async () => {
    upgrade();
    while (bench.cluster.operation?.state === 'IN_PROGRESS') {
      // What this one finds is never written: it dies before.
      const before = bench.cluster;
      await bench.round();
      bench.cluster = before;
      bench.replaceConductor();
      await bench.round();
    }
    assert.equal(bench.cluster.status.state, 'UPDATE_COMPLETE', bench.cluster.status.state_reason ?? '');
    assert.deepEqual(new Set(await versionsOf()), new Set([NEW]));
    assert.deepEqual(await marked(), []);
  });

  it('fails when pods may not go, naming them, and goes back while no node has changed', async () => {
    const path = '/apis/apps/v1/namespaces/default/deployments';
    const labels = { app: 'shy' };
    await admin.request('POST', path, {
      body: {
        metadata: { name: 'shy' },
        spec: {
          replicas: 1,
          selector: { matchLabels: labels },
          template: {
            metadata: { labels },
            spec: {
              nodeName: await nameOf('master-0'),
              tolerations: [{ operator: 'Exists' }],
              containers: [{ name: 'c', image: 'c' }],
            },
          },
        },
      },
    });
    const budget = '/apis/policy/v1/namespaces/default/poddisruptionbudgets';
    await admin.request('POST', budget, {
      body: { metadata: { name: 'shy' }, spec: { minAvailable: 1, selector: { matchLabels: labels } } },
    });
    await waitFor(async () => {
      const { status } = await admin.get<{ status?: { readyReplicas?: number } }>(`${path}/shy`);
      return status?.readyReplicas === 1;
    });
    bench.replaceConductor({ upgrade: { drainMs: 200 } });
    upgrade();
    assert.equal(await bench.settled(), 'UPDATE_FAILED');
    const { failure } = bench.cluster.status;
    assert.equal(failure?.code, 'upgrade_blocked');
    assert.match(failure.message, /default\/shy-.*disruption budget/);
    assert.deepEqual(await marked(), [await nameOf('master-0')]);

    bench.accept('rollback');
    assert.equal(await bench.settled(), 'ROLLBACK_COMPLETE', bench.cluster.status.state_reason ?? '');
    assert.deepEqual(await marked(), []);
    assert.deepEqual(new Set(await versionsOf()), new Set([OLD]));

    await admin.request('DELETE', `${budget}/shy`);
    await admin.request('DELETE', `${path}/shy`);
    upgrade();
    await updated();
    assert.deepEqual(new Set(await versionsOf()), new Set([NEW]));
  });

  it('waits for a cluster that cannot be reached', async () => {
    upgrade();
    await roundsUntil(async () => (await marked()).length > 0);
    await sim.setNetwork('refused');
    await assert.rejects(
      bench.round(),
      (error) => error instanceof CetusError && error.code === 'back_end_unavailable' && error.retryable,
    );
    await sim.setNetwork('up');
    await updated();
    assert.deepEqual(new Set(await versionsOf()), new Set([NEW]));
  });

  it('goes neither back nor over a minor version', async () => {
    upgrade('v1.35.0');
    assert.equal(await bench.settled(), 'UPDATE_FAILED');
    assert.equal(bench.cluster.status.failure?.code, 'unsupported');
    assert.match(bench.cluster.status.failure.message, /one minor version at a time/);
    upgrade('v1.32.9');
    assert.equal(await bench.settled(), 'UPDATE_FAILED');
    assert.match(bench.cluster.status.failure.message, /cannot go back/);
    assert.deepEqual(await marked(), []);
    bench.accept('rollback');
    assert.equal(await bench.settled(), 'ROLLBACK_COMPLETE', bench.cluster.status.state_reason ?? '');
  });
});
