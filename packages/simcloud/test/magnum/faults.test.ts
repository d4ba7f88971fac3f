import assert from 'node:assert/strict';
import { hasStatus, OpenStackError } from '@cetus/openstack/errors';
import { MagnumDesk } from './support.ts';

describe('switches of the simulated Magnum', () => {
  let desk: MagnumDesk;
  afterEach(() => desk.close());

  it('take the conductor away: all is accepted, nothing is done until it is back', async () => {
    desk = await MagnumDesk.open();
    const { control } = desk.cloud;
    const uuid = await desk.create('c1');
    await desk.reaches(uuid, 'CREATE_COMPLETE');
    const newer = await desk.template('newer', 'v1.31.2');
    control.set({ magnum: { conductorDown: true } });
    const other = await desk.create('c2');
    const upgrade = desk.magnum.upgradeCluster(uuid, { cluster_template: newer, max_batch_size: 1 });
    assert.equal(await desk.magnum.getCluster(other), null);
    assert.equal((await desk.magnum.getCluster(uuid))?.status, 'CREATE_COMPLETE');
    control.set({ magnum: {} });
    await upgrade;
    await desk.reaches(other, 'CREATE_COMPLETE');
    const upgraded = await desk.reaches(uuid, 'UPDATE_COMPLETE');
    assert.equal(upgraded.coe_version, 'v1.31.2');
  });

  it('fail the resources of one cluster, by the beginning of its stack’s name', async () => {
    desk = await MagnumDesk.open();
    desk.cloud.control.set({
      resources: { 'stack:bad-*': { create: { fail: 'No valid host was found', times: 1 } } },
    });
    const good = await desk.create('good');
    const bad = await desk.create('bad');
    await desk.reaches(good, 'CREATE_COMPLETE');
    const failed = await desk.reaches(bad, 'CREATE_FAILED');
    assert.equal(failed.status_reason, 'default-master failed, default-worker failed');
    assert.match(failed.faults?.['default-worker'] ?? '', /No valid host was found/);
  });

  it('say what the health is, until they are taken back', async () => {
    desk = await MagnumDesk.open();
    const uuid = await desk.create('c1');
    const found = await desk.reaches(uuid, ({ health_status }) => health_status === 'HEALTHY');
    assert.equal(found.health_status_reason?.['api'], 'ok');
    const reason = { api: 'ok', 'c1-node-0.Ready': 'False' };
    desk.cloud.control.set({ magnum: { health: { c1: { status: 'UNHEALTHY', reason } } } });
    const sick = await desk.reaches(uuid, ({ health_status }) => health_status === 'UNHEALTHY');
    assert.deepEqual(sick.health_status_reason, reason);
    desk.cloud.control.reset();
    await desk.reaches(uuid, ({ health_status }) => health_status === 'HEALTHY');
  });

  it('answer errors in Magnum’s words', async () => {
    desk = await MagnumDesk.open();
    await desk.magnum.versions();
    desk.cloud.control.set({ services: { magnum: { errorRate: 1, errorStatus: 500 } } });
    await assert.rejects(desk.magnum.stats(), (error) => {
      assert.ok(error instanceof OpenStackError);
      assert.deepEqual([error.status, error.code], [500, 'server']);
      assert.match(error.message, /Injected by a switch/);
      return hasStatus(error, 500);
    });
  });
});
