import { strict as assert } from 'node:assert';
import { ensureUuid, expectError } from '../support/answers.ts';
import { startApi, type TestApi } from '../support/api.ts';

const FAILURE = {
  code: 'no_valid_host',
  message: 'No valid host was found',
  resource: { type: 'OS::Nova::Server', name: 'master-0' },
};

describe('api: changes of clusters', () => {
  let api: TestApi;
  before(async () => (api = await startApi()));
  after(() => api.close());

  it('changes the number of workers by PATCH and by resize, one at a time', async () => {
    const uuid = await api.cluster({ name: 'grow' });
    const patch = (payload: object[], version = '1.14') =>
      api.request({ method: 'PATCH', url: `/v1/clusters/${uuid}`, payload, version });
    const replace = (value: unknown) => [{ op: 'replace', path: '/node_count', value }];
    expectError(await patch(replace(3)), 409, 'operation_in_progress');
    await api.finish(uuid);
    const patched = await patch(replace(3));
    assert.equal(patched.statusCode, 202);
    assert.deepEqual(patched.json(), { uuid });
    assert.deepEqual(api.commands.at(-1), { kind: 'cluster', id: uuid, reason: 'update' });
    await api.finish(uuid);
    expectError(await patch([{ op: 'replace', path: '/name', value: 'x' }]), 400, 'invalid_field', 'name');
    expectError(
      await patch([{ op: 'replace', path: '/labels/x', value: 'x' }]),
      400,
      'invalid_field',
      'labels/x',
    );
    expectError(await patch([{ op: 'remove', path: '/node_count' }]), 400, 'invalid_field', 'node_count');
    expectError(await patch([{ op: 'replace', path: '/node_count' }]), 400, 'invalid_patch', '0/value');
    expectError(
      await patch([{ op: 'replace', path: '/health_status', value: 'HEALTHY' }]),
      400,
      'unsupported',
      'health_status',
    );
    for (const value of [-1, 1.5, '3', null, true, 5001, {}]) {
      expectError(await patch(replace(value)), 400, 'invalid_field', 'node_count');
    }
    expectError(await patch(replace(0), '1.9'), 400, 'invalid_field', 'node_count');
    expectError(
      await patch([{ op: 'test', path: '/node_count', value: 7 }, ...replace(9)]),
      400,
      'invalid_patch',
      'node_count',
    );
    const resize = (payload: object, version = '1.14') =>
      api.request({ method: 'POST', url: `/v1/clusters/${uuid}/actions/resize`, payload, version });
    expectError(await resize({ node_count: 4 }, '1.6'), 406, 'not_acceptable');
    assert.equal((await resize({ node_count: 4, nodes_to_remove: [], nodegroup: null })).statusCode, 202);
    const cluster = (await api.request({ url: `/v1/clusters/${uuid}` })).json();
    assert.equal(cluster.node_count, 4);
    assert.equal(cluster.status, 'UPDATE_IN_PROGRESS');
  });

  it('shows a failure for machines and for people, and retries it', async () => {
    const uuid = await api.cluster({ name: 'fails' });
    const retry = () => api.request({ method: 'POST', url: `/v1/clusters/${uuid}/actions/retry` });
    expectError(await retry(), 409, 'operation_in_progress');
    await api.finish(uuid, FAILURE);
    const cluster = (await api.request({ url: `/v1/clusters/${uuid}` })).json();
    assert.equal(cluster.status, 'CREATE_FAILED');
    assert.equal(cluster.status_reason, FAILURE.message);
    assert.deepEqual(cluster.failure, FAILURE);
    assert.deepEqual(cluster.faults, { 'master-0': FAILURE.message });
    const answer = await retry();
    assert.equal(answer.statusCode, 202);
    const operation = (
      await api.request({ url: `/v1/operations/${String(answer.headers['cetus-operation-id'])}` })
    ).json();
    assert.equal(operation.action, 'create');
    assert.equal(operation.requested, 'retry');
    assert.equal(operation.object.uuid, uuid);
  });

  it('asks for a look at a cluster in any state', async () => {
    const uuid = await api.cluster({ name: 'resync' });
    const answer = await api.request({
      method: 'POST',
      url: `/v1/clusters/${uuid}/actions/resync`,
      payload: {},
    });
    assert.equal(answer.statusCode, 202);
    assert.deepEqual(api.commands.at(-1), { kind: 'cluster', id: uuid, reason: 'resync' });
  });

  it('deletes in the background, and answers a second time the same', async () => {
    const uuid = await api.cluster({ name: 'gone' });
    const remove = () =>
      api.request({
        method: 'DELETE',
        url: `/v1/clusters/${uuid}`,
        headers: { 'content-type': 'application/octet-stream' },
      });
    const first = await remove();
    assert.equal(first.statusCode, 204);
    const second = await remove();
    assert.equal(second.statusCode, 204);
    assert.equal(second.headers['cetus-operation-id'], first.headers['cetus-operation-id']);
    assert.equal((await api.request({ url: `/v1/clusters/${uuid}` })).json().status, 'DELETE_IN_PROGRESS');
    await api.finish(uuid);
    expectError(await api.request({ url: `/v1/clusters/${uuid}` }), 404, 'not_found');
    expectError(await remove(), 404, 'not_found');
    const operation = (
      await api.request({ url: `/v1/operations/${String(first.headers['cetus-operation-id'])}` })
    ).json();
    assert.equal(operation.state, 'COMPLETE');
  });

  it('gives a deletion and its retry a deadline of their own', async () => {
    const minutes = async (answer: { headers: Record<string, unknown> }): Promise<number> => {
      const { accepted_at, deadline_at } = (
        await api.request({ url: `/v1/operations/${String(answer.headers['cetus-operation-id'])}` })
      ).json<{ accepted_at: string; deadline_at: string }>();
      return Math.round((Date.parse(deadline_at) - Date.parse(accepted_at)) / 60_000);
    };
    const template = await api.template({ name: 'deadlines' });
    const created = await api.request({
      method: 'POST',
      url: '/v1/clusters',
      payload: { cluster_template_id: template, create_timeout: 5 },
    });
    assert.equal(await minutes(created), 5);
    const uuid = ensureUuid(created);
    const url = `/v1/clusters/${uuid}`;
    const retry = () => api.request({ method: 'POST', url: `${url}/actions/retry` });
    await api.finish(uuid, FAILURE);
    assert.equal(await minutes(await retry()), 5);
    await api.finish(uuid);
    const payload = [{ op: 'replace', path: '/node_count', value: 3 }];
    assert.equal(await minutes(await api.request({ method: 'PATCH', url, payload })), 5);
    assert.equal(await minutes(await api.request({ method: 'DELETE', url })), 60);
    await api.finish(uuid, FAILURE);
    assert.equal(await minutes(await retry()), 60);
  });
});
