import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { withNodeGroup, defaultWorkerOf, type ClusterSpec } from '@cetus/shared/schemas';
import { waitFor } from '@cetus/test-kit';
import { startSimCloud, type SimCloud } from '@cetus/simcloud/sim-cloud';
import { clusterName } from '../../../../src/cluster/drivers/magnum/find-cluster.ts';
import { MagnumDriverBench } from './driver-bench.ts';

describe('the magnum driver and a Magnum in trouble', function () {
  this.timeout(60_000);
  let sim: SimCloud;
  let bench: MagnumDriverBench;
  before(async () => {
    bench = await MagnumDriverBench.start({
      name: 'simulated',
      start: async () => {
        sim = await startSimCloud({ resourceSeconds: { '*': 0.01 } });
        return { authUrl: sim.keystoneUrl, behave: () => Promise.resolve(), close: () => sim.close() };
      },
    });
  });
  beforeEach(() => bench.renew());
  afterEach(async () => {
    sim.control.reset();
    await bench.clear();
  });
  after(() => bench.close());

  const workerCount =
    (node_count: number) =>
    (spec: ClusterSpec): ClusterSpec =>
      withNodeGroup(spec, defaultWorkerOf(spec)!.uuid, (group) => ({ ...group, node_count }));
  const rounds = async (count: number): Promise<void> => {
    for (let round = 0; round < count; round += 1) await delay(await bench.round());
  };
  const setConductor = (conductorDown: boolean): void => {
    sim.control.set({ magnum: { conductorDown } });
  };

  it('waits for a cluster that was accepted and not recorded, without asking for another one', async () => {
    setConductor(true);
    await rounds(5);
    assert.equal(bench.cluster.operation?.state, 'IN_PROGRESS');
    assert.match(bench.cluster.operation.progress ?? '', /not recorded it yet/);
    setConductor(false);
    assert.equal(await bench.settled(), 'CREATE_COMPLETE');
    assert.equal((await bench.clusters()).length, 1);
  });

  it('deletes a cluster that appears only then', async () => {
    setConductor(true);
    await rounds(3);
    bench.accept('delete');
    await rounds(3);
    assert.equal(bench.cluster.operation?.state, 'IN_PROGRESS');
    setConductor(false);
    assert.equal(await bench.settled(), 'DELETE_COMPLETE');
    assert.deepEqual(await bench.clusters(), []);
    assert.deepEqual(await bench.templates(), []);
  });

  it('deletes at once a cluster that was announced and not asked for, with the template that was made for it', async () => {
    await rounds(1);
    assert.equal((await bench.templates()).length, 1);
    bench.accept('delete');
    await bench.round();
    assert.equal(bench.cluster.status.state, 'DELETE_COMPLETE');
    assert.deepEqual([await bench.clusters(), await bench.templates()], [[], []]);
  });

  it('waits for one that a process that has died may have asked for', async () => {
    await rounds(1);
    bench.restart();
    bench.accept('delete');
    await rounds(2);
    assert.equal(bench.cluster.operation?.state, 'IN_PROGRESS');
    assert.match(bench.cluster.operation.progress ?? '', /may be creating is waited for/);
  });

  it('asks for no more than it needs when something has ended', async () => {
    assert.equal(await bench.settled(), 'CREATE_COMPLETE');
    // Magnum's times are of whole seconds: what ends within the second in which it was told does not show.
    sim.control.set({ resources: { 'OS::Nova::Server': { create: { wait_secs: 1.1 } } } });
    bench.accept('resize', workerCount(3));
    await bench.round();
    while ((await bench.clusters())[0]?.status !== 'UPDATE_COMPLETE') await delay(20);
    const before = sim.control.stats().requests;
    assert.equal(await bench.settled(), 'UPDATE_COMPLETE');
    const after = Object.entries(sim.control.stats().requests);
    const asked = after
      .map(([request, count]): [string, number] => [request, count - (before[request] ?? 0)])
      // The list is this test's own.
      .filter(([request, count]) => /^magnum (?!.*\/clusters 200)/.test(request) && count > 0)
      .map(([request, count]) => [request.replace(/^magnum (\w+) .*\/v1/, '$1 '), count]);
    assert.deepEqual(asked.sort(), [
      ['GET /clusters/:cluster 200', 1],
      ['GET /clusters/:cluster/nodegroups 200', 1],
      ['GET /clusters/:cluster/nodegroups/:group 200', 2],
    ]);
  });

  it('has its certificate signed while it reads the groups of a cluster that is complete', async () => {
    await rounds(2);
    while ((await bench.clusters())[0]?.status !== 'CREATE_COMPLETE') await delay(20);
    sim.control.set({ paths: [{ match: 'GET .*/nodegroups', errorRate: 1, errorStatus: 500 }] });
    await assert.rejects(bench.round());
    const signed = (): boolean =>
      Object.keys(sim.control.stats().requests).some((one) => /^magnum POST .*\/certificates 201/.test(one));
    await waitFor(signed, { timeoutMs: 5_000, what: 'the signature' });
  });

  it('keeps one of the clusters that lost answers made, the last of which appears late', async () => {
    const template = await bench.magnum.createTemplate({
      coe: 'kubernetes',
      image_id: 'fedora-coreos-37',
      external_network_id: 'public',
      flavor_id: 'm1.small',
      labels: bench.cluster.spec.labels,
    });
    const create = async (): Promise<string> => {
      const name = clusterName(bench.cluster._id);
      const body = { name, cluster_template_id: template.uuid, node_count: 2, flavor_id: 'm1.small' };
      const { uuid } = await bench.magnum.createCluster(body);
      while ((await bench.magnum.getCluster(uuid)) === null) await delay(20);
      return uuid;
    };
    const oldest = await create();
    await create();
    await bench.round();
    await create();
    assert.equal(await bench.settled(), 'CREATE_COMPLETE');
    while ((await bench.clusters()).length > 1) await delay(50);
    assert.deepEqual(
      (await bench.clusters()).map(({ uuid }) => uuid),
      [oldest],
    );
    // The template was not made by the driver, which leaves it alone.
    bench.accept('delete');
    assert.equal(await bench.settled(), 'DELETE_COMPLETE');
    assert.deepEqual(
      (await bench.templates()).map(({ uuid }) => uuid),
      [template.uuid],
    );
  });

  it('tells a resize again that got lost', async () => {
    assert.equal(await bench.settled(), 'CREATE_COMPLETE');
    bench.accept('resize', workerCount(3));
    setConductor(true);
    await rounds(2);
    const [there] = await bench.clusters();
    assert.equal(there?.node_count, 2);
    assert.equal(bench.cluster.operation?.state, 'IN_PROGRESS');
    setConductor(false);
    assert.equal(await bench.settled(), 'UPDATE_COMPLETE');
    assert.equal(bench.cluster.status.actual_node_count, 3);
  });

  it('begins nothing when the time of the operation is over', async () => {
    assert.equal(await bench.settled(), 'CREATE_COMPLETE');
    bench.accept('resize', workerCount(3));
    await bench.round({ deadlineExceeded: true });
    assert.equal(bench.cluster.operation?.state, 'IN_PROGRESS');
    assert.deepEqual(bench.cluster.status.driver_state['told'], {});
    assert.equal((await bench.clusters())[0]?.node_count, 2);
  });

  it('says that Magnum cannot be asked now', async () => {
    sim.control.set({ services: { magnum: { errorRate: 1, errorStatus: 503 } } });
    await assert.rejects(
      bench.round(),
      (error) => (error as { code?: string }).code === 'back_end_unavailable',
    );
    sim.control.reset();
    assert.equal(await bench.settled(), 'CREATE_COMPLETE');
  });
});
