import { strict as assert } from 'node:assert';
import { expectError } from './support/answers.ts';
import { OTHER_PROJECT, PROJECT, startApi, type TestApi } from './support/api.ts';

describe('api: stats and services', () => {
  let api: TestApi;
  before(async () => (api = await startApi()));
  after(() => api.close());

  it('count the clusters and the nodes of a project, or of all', async () => {
    const stats = async (query = '', token = 'member') =>
      (await api.request({ url: `/v1/stats${query}`, token })).json();
    assert.deepEqual(await stats(), { clusters: 0, nodes: 0 });
    const uuid = await api.cluster({ name: 'a', node_count: 3, master_count: 3 });
    await api.finish(uuid);
    await api.request({
      method: 'POST',
      url: `/v1/clusters/${uuid}/nodegroups`,
      payload: { name: 'pool', node_count: 2 },
    });
    await api.finish(uuid);
    const gone = await api.cluster({ name: 'gone' });
    await api.request({ method: 'DELETE', url: `/v1/clusters/${gone}` });
    await api.finish(gone);
    const imported = await api.request({
      method: 'POST',
      url: '/v1/clusters/import',
      payload: { kubeconfig: 'k' },
      token: 'other',
    });
    await api.finish(imported.json().uuid, null, { actual_node_count: 4, actual_master_count: 1 });
    assert.deepEqual(await stats(), { clusters: 1, nodes: 8 });
    assert.deepEqual(await stats(`?project_id=${PROJECT}&type=cluster`), { clusters: 1, nodes: 8 });
    assert.deepEqual(await stats('', 'admin'), { clusters: 2, nodes: 13 });
    assert.deepEqual(await stats(`?project_id=${OTHER_PROJECT}`, 'admin'), { clusters: 1, nodes: 5 });
    expectError(await api.request({ url: `/v1/stats?project_id=${OTHER_PROJECT}` }), 403, 'forbidden');
    expectError(await api.request({ url: '/v1/stats?type=x' }), 400, 'invalid_field', 'type');
    await api.request({ method: 'DELETE', url: `/v1/clusters/${uuid}/nodegroups/pool` });
    assert.deepEqual(await stats(), { clusters: 1, nodes: 6 });
  });

  it('show administrators which processes are up', async () => {
    const now = new Date();
    const record = {
      binary: 'cetus-conductor',
      host: 'h',
      started_at: now,
      last_seen_at: now,
      stopped_at: null,
      report_count: 4,
      created_at: now,
      drivers: [{ name: 'heat', capabilities: ['create' as const] }],
    };
    await api.services.report({ ...record, _id: 'one' });
    const before = new Date(now.getTime() - 3_600_000);
    await api.services.report({ ...record, _id: 'two', host: 'g', created_at: before, last_seen_at: before });
    const { mservices } = (await api.request({ url: '/v1/mservices', token: 'admin' })).json();
    assert.deepEqual(
      mservices.map(({ host, state }: { host: string; state: string }) => [host, state]),
      [
        ['g', 'down'],
        ['h', 'up'],
      ],
    );
    const { created_at, updated_at, ...rest } = mservices[1];
    assert.match(`${created_at} ${updated_at}`, /^(\S+\+00:00) \1$/);
    assert.deepEqual(rest, {
      id: 'one',
      host: 'h',
      binary: 'cetus-conductor',
      state: 'up',
      report_count: 4,
      disabled: false,
      disabled_reason: null,
      drivers: [{ name: 'heat', capabilities: ['create'] }],
    });
  });
});
