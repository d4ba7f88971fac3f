import { strict as assert } from 'node:assert';
import { expectError } from './support/answers.ts';
import { startApi, type TestApi } from './support/api.ts';

describe('api: drivers', () => {
  let api: TestApi;
  before(async () => (api = await startApi()));
  after(() => api.close());

  const template = (payload: object = {}) =>
    api.request({
      method: 'POST',
      url: '/v1/clustertemplates',
      payload: { coe: 'kubernetes', image_id: 'i', ...payload },
    });

  it('are chosen by the template, else the first of the site that makes clusters', async () => {
    assert.equal((await template()).json().driver, 'heat');
    assert.equal((await template({ driver: null })).json().driver, 'heat');
    assert.equal((await template({ driver: 'plain' })).json().driver, 'plain');
    expectError(await template({ driver: 'nope' }), 400, 'invalid_field', 'driver');
    const usual = api.drivers.value;
    api.drivers.value = [...usual].reverse();
    assert.equal((await template()).json().driver, 'plain');
    api.drivers.value = usual;
  });

  it('stay those of their template', async () => {
    const { uuid } = (await template({ driver: 'plain' })).json();
    const url = `/v1/clustertemplates/${uuid}`;
    expectError(
      await api.request({
        method: 'PATCH',
        url,
        payload: [{ op: 'replace', path: '/driver', value: 'heat' }],
      }),
      400,
      'invalid_field',
      'driver',
    );
    const payload = [{ op: 'replace', path: '/tags', value: 'x' }];
    assert.equal((await api.request({ method: 'PATCH', url, payload })).json().driver, 'plain');
  });

  it('are waited for when no conductor has ever reported', async () => {
    const cluster_template_id = await api.template();
    const uuid = await api.cluster({ cluster_template_id });
    await api.finish(uuid);
    const usual = api.drivers.value;
    api.drivers.value = [];
    const post = (url: string, payload: object) => api.request({ method: 'POST', url, payload });
    for (const answer of [
      await template(),
      await post('/v1/clusters', { cluster_template_id }),
      await post('/v1/clusters/import', { kubeconfig: 'k' }),
      await post(`/v1/clusters/${uuid}/actions/resize`, { node_count: 2 }),
    ]) {
      expectError(answer, 503, 'drivers_unknown');
      assert.equal(answer.headers['retry-after'], '5');
    }
    // What needs no capability goes on.
    assert.equal((await api.request({ url: `/v1/clusters/${uuid}` })).statusCode, 200);
    assert.equal((await api.request({ method: 'DELETE', url: `/v1/clusters/${uuid}` })).statusCode, 204);
    api.drivers.value = usual;
  });

  it('are asked for nothing that they cannot do', async () => {
    const cluster_template_id = await api.template({ driver: 'plain' });
    const uuid = await api.cluster({ name: 'plain', cluster_template_id });
    await api.finish(uuid);
    const url = `/v1/clusters/${uuid}`;
    const send = async (method: 'POST' | 'PATCH' | 'GET', path: string, payload?: object, field?: string) => {
      const answer = await api.request({ method, url: path, ...(payload === undefined ? {} : { payload }) });
      expectError(answer, 400, 'unsupported', field);
      assert.match(answer.body, /The driver plain cannot/);
    };
    await send('POST', `${url}/actions/resize`, { node_count: 2 }, 'node_count');
    await send('PATCH', url, [{ op: 'replace', path: '/node_count', value: 2 }], 'node_count');
    await send('PATCH', url, [{ op: 'replace', path: '/kubeconfig', value: 'k' }], 'kubeconfig');
    await send('POST', `${url}/actions/upgrade`, { cluster_template: cluster_template_id });
    await send('POST', `${url}/actions/rollback`);
    await send('POST', `${url}/nodegroups`, { name: 'pool' });
    const labels = [{ op: 'add', path: '/node_labels/a', value: 'b' }];
    await send('PATCH', `${url}/nodegroups/default-worker`, labels, 'node_labels/a');
    await send('GET', `/v1/certificates/${uuid}`);
    await send('PATCH', `/v1/certificates/${uuid}`);
    const imports = await template({ driver: 'import' });
    const create = await api.request({
      method: 'POST',
      url: '/v1/clusters',
      payload: { cluster_template_id: imports.json().uuid },
    });
    expectError(create, 400, 'unsupported', 'cluster_template_id');
    const usual = api.drivers.value;
    api.drivers.value = usual.filter(({ name }) => name !== 'plain');
    const gone = await api.request({
      method: 'POST',
      url: `${url}/actions/resize`,
      payload: { node_count: 2 },
    });
    expectError(gone, 400, 'unsupported');
    api.drivers.value = usual.map((one) =>
      one.name === 'heat'
        ? { ...one, capabilities: one.capabilities.filter((capability) => capability !== 'nodes-to-remove') }
        : one,
    );
    const heat = await api.cluster({ name: 'chosen', node_count: 3 });
    const chosen = await api.request({
      method: 'POST',
      url: `/v1/clusters/${heat}/actions/resize`,
      payload: { node_count: 2, nodes_to_remove: ['x'] },
    });
    expectError(chosen, 400, 'unsupported', 'nodes_to_remove');
    api.drivers.value = usual;
  });
});
