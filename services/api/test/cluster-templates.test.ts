import { strict as assert } from 'node:assert';
import { waitFor } from '@cetus/test-kit';
import { expectError, errorsOf } from './support/answers.ts';
import { startApi, type TestApi } from './support/api.ts';

describe('api: cluster templates', () => {
  let api: TestApi;
  before(async () => (api = await startApi()));
  after(() => api.close());

  const create = (payload: object, token = 'member') =>
    api.request({
      method: 'POST',
      url: '/v1/clustertemplates',
      payload: { coe: 'kubernetes', image_id: 'i', ...payload },
      token,
    });
  const patch = (
    ref: string,
    payload: object[],
    more: { token?: string; headers?: Record<string, string>; query?: string } = {},
  ) => {
    const { query = '', ...rest } = more;
    return api.request({ method: 'PATCH', url: `/v1/clustertemplates/${ref}${query}`, payload, ...rest });
  };
  const stored = (uuid: string) => api.templates.get({ kind: 'all' }, uuid);
  const replace = (field: string, value: unknown) => [{ op: 'replace', path: `/${field}`, value }];

  it('answers a new one whole, with its distribution and defaults', async () => {
    const answer = await create({ name: 'new', labels: { a: 1, b: false } });
    assert.equal(answer.statusCode, 201);
    const template = answer.json();
    assert.equal(answer.headers['location'], `http://localhost:80/v1/clustertemplates/${template.uuid}`);
    assert.equal(template.cluster_distro, 'ubuntu');
    assert.equal(template.network_driver, 'flannel');
    assert.equal(template.floating_ip_enabled, true);
    assert.equal(template.server_type, 'vm');
    assert.equal(template.updated_at, null);
    assert.deepEqual(template.labels, { a: '1', b: 'False' });
    assert.deepEqual((await api.request({ url: '/v1/clustertemplates/new' })).json(), template);
    assert.match((await create({})).json().name, /^[a-z]+-\d+-template$/);
  });

  it('takes the same request with the same key once', async () => {
    const send = () =>
      api.request({
        method: 'POST',
        url: '/v1/clustertemplates',
        payload: { coe: 'kubernetes', image_id: 'i' },
        headers: { 'idempotency-key': 'k' },
      });
    assert.deepEqual((await send()).json(), (await send()).json());
  });

  it('is changed by JSON Patch, and checked like a new one', async () => {
    const { uuid } = (await create({ name: 'patch', labels: { keep: 'x', drop: 'y' }, tags: 't' })).json();
    const answer = await patch(uuid, [
      { op: 'test', path: '/name', value: 'patch' },
      { op: 'replace', path: '/dns_nameserver', value: '127.0.0.54' },
      { op: 'add', path: '/labels/with~1slash', value: 5 },
      { op: 'remove', path: '/labels/drop' },
      { op: 'remove', path: '/tags' },
      { op: 'add', path: '/flavor_id', value: 'm1.small' },
    ]);
    assert.equal(answer.statusCode, 200, answer.body);
    const template = answer.json();
    assert.equal(template.dns_nameserver, '127.0.0.54');
    assert.equal(template.tags, null);
    assert.equal(template.flavor_id, 'm1.small');
    assert.deepEqual(template.labels, { keep: 'x', 'with/slash': '5' });
    assert.equal(template.cluster_distro, 'ubuntu');
    assert.deepEqual((await api.request({ url: `/v1/clustertemplates/${uuid}` })).json(), template);
  });

  it('takes what python-magnumclient sends for booleans and labels', async () => {
    const { uuid } = (await create({ name: 'python' })).json();
    const answer = await patch(uuid, [
      ...replace('tls_disabled', 'True'),
      ...replace('labels', `{'a': 'b, c', "n": "it's", 'q': 'say \\'x\\''}`),
    ]);
    assert.equal(answer.json().tls_disabled, true);
    assert.deepEqual(answer.json().labels, { a: 'b, c', n: "it's", q: "say 'x'" });
    for (const value of ['{', "{'a': 1}", "{'a'}", 'a=b', "{'a': 'b' 'c': 'd'}", "[('a', 'b')]"]) {
      expectError(await patch(uuid, replace('labels', value)), 400, 'invalid_field', 'labels');
    }
    assert.deepEqual((await patch(uuid, replace('labels', '{}'))).json().labels, {});
  });

  it('refuses a patch that breaks a rule, naming the field', async () => {
    const { uuid } = (await create({ name: 'rules' })).json();
    for (const field of [
      'uuid',
      'project_id',
      'user_id',
      'links',
      'created_at',
      'updated_at',
      'cluster_distro',
    ]) {
      expectError(await patch(uuid, replace(field, 'x')), 400, 'invalid_field', field);
    }
    for (const path of [
      '/foo',
      '/name/x',
      '/labels/a/b',
      '/__proto__',
      '/__proto__/x',
      '/constructor/prototype/x',
    ]) {
      expectError(await patch(uuid, [{ op: 'add', path, value: 'x' }]), 400, 'unknown_field', path.slice(1));
    }
    for (const path of ['/labels/__proto__', '/labels/constructor']) {
      const answer = await patch(uuid, [{ op: 'add', path, value: 'x' }]);
      assert.ok([200, 400].includes(answer.statusCode), answer.body);
    }
    assert.equal(({} as { x?: unknown }).x, undefined);
    for (const field of ['name', 'coe', 'image_id', 'public', 'server_type']) {
      expectError(await patch(uuid, [{ op: 'remove', path: `/${field}` }]), 400, 'invalid_field', field);
    }
    for (const [field, value] of [
      ['coe', 'mesos'],
      ['image_id', ''],
      ['docker_volume_size', 0],
      ['apiserver_port', 80],
      ['labels', { a: {} }],
      ['public', 'maybe'],
      ['network_driver', 'x'],
    ] as const) {
      const [error] = errorsOf(await patch(uuid, replace(field, value)));
      assert.equal(error?.code, 'invalid_field');
      assert.ok(error.field?.startsWith(field), error.field);
    }
    expectError(
      await patch(uuid, [{ op: 'remove', path: '/labels/none' }]),
      400,
      'invalid_patch',
      'labels/none',
    );
    expectError(await patch(uuid, [{ op: 'move', path: '/name', from: '/tags' }]), 400, 'unknown_field');
    expectError(await patch(uuid, []), 400, 'invalid_field', 'body');
    expectError(
      await api.request({ method: 'PATCH', url: `/v1/clustertemplates/${uuid}`, payload: {} }),
      400,
      'invalid_field',
      'body',
    );
  });

  it('asks the conductor only about what a patch changes', async () => {
    const { uuid } = (await create({ name: 'refs', flavor_id: 'old' })).json();
    api.verdict.value = {
      problems: [{ field: 'keypair', code: 'keypair_not_found', detail: 'no' }],
      image: null,
    };
    expectError(await patch(uuid, replace('keypair_id', 'new')), 400, 'keypair_not_found', 'keypair_id');
    expectError(await create({ keypair_id: 'new' }), 400, 'keypair_not_found', 'keypair_id');
    api.verdict.value = { problems: [], image: { id: 'i', os_distro: 'fedora-coreos' } };
    assert.equal((await patch(uuid, replace('image_id', 'new'))).json().cluster_distro, 'fedora-coreos');
    assert.deepEqual(api.questions.at(-1)?.references, { image_id: 'new' });
  });

  it('asks the conductor whether its driver can do what a template says', async () => {
    const usual = api.verdict.value;
    const { uuid } = (await create({ name: 'rules-of-driver' })).json();
    const asked = api.questions.at(-1) as { driver: string; template: object; references: object };
    assert.equal(asked.driver, 'heat');
    assert.deepEqual(asked.references, { image_id: 'i' });
    assert.deepEqual(Object.keys(asked.template).sort(), Object.keys((await stored(uuid)).spec).sort());
    api.verdict.value = {
      problems: [{ field: 'network_driver', code: 'unsupported', detail: 'flannel only' }],
      image: null,
    };
    expectError(await create({ network_driver: 'calico' }), 400, 'unsupported', 'network_driver');
    expectError(await patch(uuid, replace('network_driver', 'calico')), 400, 'unsupported', 'network_driver');
    assert.deepEqual(api.questions.at(-1)?.references, {});
    assert.equal(
      (api.questions.at(-1) as typeof asked & { template: { network_driver: string } }).template
        .network_driver,
      'calico',
    );
    api.verdict.value = usual;
  });

  it('answers a request that is sent again as the first time, whatever has gone since', async () => {
    const send = (image_id = 'goes') =>
      api.request({
        method: 'POST',
        url: '/v1/clustertemplates',
        payload: { coe: 'kubernetes', image_id },
        headers: { 'idempotency-key': 'again' },
      });
    const first = await send();
    const usual = api.verdict.value;
    api.verdict.value = {
      problems: [{ field: 'image_id', code: 'image_not_found', detail: 'There is no image' }],
      image: null,
    };
    const second = await send();
    assert.equal(second.statusCode, 201);
    assert.deepEqual(second.json(), first.json());
    assert.equal(second.headers['location'], first.headers['location']);
    expectError(await send('other'), 422, 'idempotency_key_reused', 'Idempotency-Key');
    api.verdict.value = usual;
  });

  it('is published by administrators, and then read by all projects', async () => {
    for (const flag of ['public', 'hidden']) expectError(await create({ [flag]: true }), 403, 'forbidden');
    const { uuid } = (await create({ name: 'shared' })).json();
    const url = `/v1/clustertemplates/${uuid}`;
    expectError(await api.request({ url, token: 'other' }), 404, 'not_found');
    expectError(await patch(uuid, replace('public', true)), 403, 'forbidden');
    assert.equal((await patch(uuid, replace('public', true), { token: 'admin' })).json().public, true);
    assert.equal((await api.request({ url, token: 'other' })).statusCode, 200);
    const theirs = (await api.request({ url: '/v1/clustertemplates', token: 'other' })).json();
    assert.deepEqual(
      theirs.clustertemplates.map((one: { uuid: string }) => one.uuid),
      [uuid],
    );
    expectError(await patch(uuid, replace('tags', 'x'), { token: 'other' }), 404, 'not_found');
    expectError(await api.request({ method: 'DELETE', url, token: 'other' }), 404, 'not_found');
    const cluster = await api.request({
      method: 'POST',
      url: '/v1/clusters',
      payload: { cluster_template_id: uuid },
      token: 'other',
    });
    assert.equal(cluster.statusCode, 202);
    expectError(await api.request({ method: 'DELETE', url }), 409, 'in_use');
    await patch(uuid, replace('hidden', true), { token: 'admin' });
    expectError(await api.request({ url, token: 'other' }), 404, 'not_found');
  });

  it('is changed only in what does not matter to clusters while it is in use', async () => {
    const { uuid } = (await create({ name: 'used' })).json();
    const cluster = await api.cluster({ name: 'user', cluster_template_id: uuid });
    expectError(await patch(uuid, replace('flavor_id', 'x')), 409, 'in_use');
    expectError(await api.request({ method: 'DELETE', url: `/v1/clustertemplates/${uuid}` }), 409, 'in_use');
    assert.equal(
      (await patch(uuid, [...replace('name', 'renamed'), ...replace('tags', 'x')])).statusCode,
      200,
    );
    await api.request({ method: 'DELETE', url: `/v1/clusters/${cluster}` });
    await api.finish(cluster);
    assert.equal(
      (await api.request({ method: 'DELETE', url: '/v1/clustertemplates/renamed' })).statusCode,
      204,
    );
    expectError(await api.request({ url: `/v1/clustertemplates/${uuid}` }), 404, 'not_found');
    const events = async () =>
      (await api.request({ url: `/v1/events?object=${uuid}` })).json().events as { type: string }[];
    await waitFor(async () => (await events()).length === 3);
    assert.deepEqual(
      (await events()).map(({ type }) => type),
      ['create', 'update', 'delete'].map((action) => `cetus.clustertemplate.${action}.end`),
    );
  });

  it('is in use by node groups, and by what a rollback goes back to', async () => {
    const version = (kube_tag: string) => api.template({ name: kube_tag, labels: { kube_tag } });
    const [first, second, third] = [
      await version('v1.29.0'),
      await version('v1.30.0'),
      await version('v1.31.0'),
    ];
    const uuid = await api.cluster({ name: 'upgraded', cluster_template_id: first });
    await api.finish(uuid);
    const url = `/v1/clusters/${uuid}`;
    const ask = async (path: string, payload?: object) => {
      const method = payload === undefined ? 'DELETE' : 'POST';
      const answer = await api.request({ method, url: `${url}${path}`, ...(payload && { payload }) });
      assert.ok(answer.statusCode < 300, answer.body);
    };
    const remove = (template: string) =>
      api.request({ method: 'DELETE', url: `/v1/clustertemplates/${template}` });
    const inUse = async (...templates: string[]) => {
      for (const one of templates) {
        expectError(await remove(one), 409, 'in_use');
        expectError(await patch(one, replace('flavor_id', 'x')), 409, 'in_use');
      }
    };
    await ask('/nodegroups', { name: 'pool' });
    await api.finish(uuid);
    // A group that was added stays as it is when the cluster is upgraded.
    await ask('/actions/upgrade', { cluster_template: second });
    await api.finish(uuid);
    await inUse(first, second);
    await ask('/actions/upgrade', { cluster_template: third });
    await api.finish(uuid, { code: 'upgrade_failed', message: 'no' });
    await inUse(first, second, third);
    await ask('/actions/rollback', {});
    await inUse(first, second);
    const before = (await api.clusters.get({ kind: 'all' }, uuid)).status.applied_spec;
    await api.finish(uuid, null, { applied_spec: before });
    await inUse(first, second);
    assert.equal((await api.request({ url })).json().cluster_template_id, second);
    await ask('/nodegroups/pool');
    await inUse(first);
    await api.finish(uuid);
    for (const unused of [first, third]) assert.equal((await remove(unused)).statusCode, 204);
    await inUse(second);
  });

  it('is in use by the nodes that an upgrade which failed may have left behind', async () => {
    const version = (kube_tag: string) => api.template({ name: kube_tag, labels: { kube_tag } });
    const [first, second, third] = [
      await version('v1.29.1'),
      await version('v1.30.1'),
      await version('v1.31.1'),
    ];
    const uuid = await api.cluster({ name: 'half-way', cluster_template_id: first });
    await api.finish(uuid);
    const upgrade = async (payload: object) => {
      const url = `/v1/clusters/${uuid}/actions/upgrade`;
      assert.equal((await api.request({ method: 'POST', url, payload })).statusCode, 202);
      await api.finish(uuid, { code: 'upgrade_failed', message: 'no' });
    };
    await upgrade({ cluster_template: second });
    await upgrade({ cluster_template: third, nodegroup: 'default-master' });
    // To go back to, of the workers, and of the cluster.
    for (const one of [first, second, third])
      expectError(await api.request({ method: 'DELETE', url: `/v1/clustertemplates/${one}` }), 409, 'in_use');
  });

  it('is not needed by a cluster that was accepted: its values are copied', async () => {
    const template = await api.template({ name: 'gone', labels: { kube_tag: 'v1.30.0' } });
    const uuid = await api.cluster({ name: 'orphan', cluster_template_id: template });
    await api.finish(uuid);
    // As when it is deleted while the cluster is accepted.
    await api.store.db
      .collection<{ _id: string }>('cluster_templates')
      .updateOne({ _id: template }, { $set: { deleted_at: new Date() } });
    const url = `/v1/clusters/${uuid}`;
    const act = async (action: string, payload: object) =>
      (await api.request({ method: 'POST', url: `${url}/${action}`, payload })).statusCode;
    assert.equal(await act('actions/resize', { node_count: 3 }), 202);
    await api.finish(uuid, { code: 'stack_failed', message: 'no' });
    assert.equal(await act('actions/retry', {}), 202);
    await api.finish(uuid);
    assert.equal(await act('nodegroups', { name: 'more' }), 202);
    await api.finish(uuid);
    assert.equal(
      await act('actions/upgrade', { cluster_template: await api.template({ name: 'next' }) }),
      202,
    );
    await api.finish(uuid);
    assert.equal((await api.request({ method: 'DELETE', url })).statusCode, 204);
  });

  it('checks If-Match, and does not lose one of two changes at once', async () => {
    const { uuid } = (await create({ name: 'race' })).json();
    const etag = String((await api.request({ url: `/v1/clustertemplates/${uuid}` })).headers['etag']);
    const both = await Promise.all([
      patch(uuid, replace('tags', 'x')),
      patch(uuid, replace('http_proxy', 'p')),
    ]);
    assert.deepEqual(
      both.map(({ statusCode }) => statusCode),
      [200, 200],
    );
    const template = (await api.request({ url: `/v1/clustertemplates/${uuid}` })).json();
    assert.equal(template.tags, 'x');
    assert.equal(template.http_proxy, 'p');
    expectError(
      await patch(uuid, replace('tags', 'y'), { headers: { 'if-match': etag } }),
      412,
      'precondition_failed',
      'If-Match',
    );
  });

  it('says when a name is not enough', async () => {
    await create({ name: 'twice' });
    await create({ name: 'twice' });
    expectError(await api.request({ url: '/v1/clustertemplates/twice' }), 409, 'ambiguous_name');
  });
});
