import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { withNodeGroup, defaultWorkerOf, type ClusterSpec } from '@cetus/shared/schemas';
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
