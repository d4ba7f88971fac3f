import { strict as assert } from 'node:assert';
import { CetusError } from '@cetus/shared/errors';
import { ensureUuid, errorOf, expectError } from '../support/answers.ts';
import { PROJECT, startApi, type TestApi } from '../support/api.ts';

describe('api: new clusters', () => {
  let api: TestApi;
  before(async () => (api = await startApi()));
  after(() => api.close());

  it('accepts a cluster with one write and one command, and shows it at once', async () => {
    const template = await api.template({
      name: 'a',
      flavor_id: 'm1.small',
      keypair_id: 'k',
      labels: { a: '1', b: '2' },
    });
    const answer = await api.request({
      method: 'POST',
      url: '/v1/clusters',
      payload: {
        name: 'one',
        cluster_template_id: 'a',
        node_count: 2,
        labels: { b: 3, c: true },
        create_timeout: 0,
      },
    });
    assert.equal(answer.statusCode, 202);
    const { uuid } = answer.json<{ uuid: string }>();
    assert.equal(answer.headers['location'], `http://localhost:80/v1/clusters/${uuid}`);
    assert.deepEqual(
      api.commands.filter(({ id }) => id === uuid),
      [{ kind: 'cluster', id: uuid, reason: 'create' }],
    );
    const cluster = (await api.request({ url: '/v1/clusters/one' })).json();
    assert.equal(cluster.operation_id, answer.headers['cetus-operation-id']);
    assert.equal(cluster.status, 'CREATE_IN_PROGRESS');
    assert.equal(cluster.cluster_template_id, template);
    assert.equal(cluster.flavor_id, 'm1.small');
    assert.equal(cluster.keypair, 'k');
    assert.equal(cluster.create_timeout, 1440);
    assert.equal(cluster.project_id, PROJECT);
    assert.deepEqual(cluster.labels, { b: '3', c: 'True' });
    assert.deepEqual(cluster.labels_overridden, { b: '2' });
    assert.deepEqual(cluster.labels_added, { c: 'True' });
    assert.deepEqual(cluster.labels_skipped, { a: '1' });
  });

  it('puts labels over those of the template when asked to, and makes up a name', async () => {
    const template = await api.template({ name: 'b', labels: { a: '1', b: '2' } });
    const uuid = await api.cluster({
      name: null,
      cluster_template_id: template,
      labels: { b: '3' },
      merge_labels: true,
    });
    const cluster = (await api.request({ url: `/v1/clusters/${uuid.toUpperCase()}` })).json();
    assert.deepEqual(cluster.labels, { a: '1', b: '3' });
    assert.deepEqual(cluster.labels_skipped, {});
    assert.match(cluster.name, /^[a-z]+-\d+-cluster$/);
    assert.equal(cluster.merge_labels, true);
  });

  it('refuses what no driver can build', async () => {
    const template = await api.template({ name: 'masters' });
    const create = (body: object, version = '1.14') =>
      api.request({
        method: 'POST',
        url: '/v1/clusters',
        payload: { cluster_template_id: template, ...body },
        version,
      });
    for (const master_count of [0, 2, 4, 7, 1.5, '1']) {
      expectError(await create({ master_count }), 400, 'invalid_field', 'master_count');
    }
    for (const master_count of [1, 3, 5]) assert.equal((await create({ master_count })).statusCode, 202);
    expectError(await create({ node_count: 0 }, '1.9'), 400, 'invalid_field', 'node_count');
    assert.equal((await create({ node_count: 0 }, '1.10')).statusCode, 202);
    expectError(
      await create({ cluster_template_id: 'nope' }),
      400,
      'cluster_template_not_found',
      'cluster_template_id',
    );
  });

  it('asks the conductor about what the request names, and goes on without an answer', async () => {
    const template = await api.template({ name: 'references', flavor_id: 'm1.small' });
    const create = () =>
      api.request({
        method: 'POST',
        url: '/v1/clusters',
        payload: { cluster_template_id: template, flavor_id: 'nope' },
      });
    const usual = api.verdict.value;
    api.verdict.value = {
      problems: [{ field: 'flavor_id', code: 'flavor_not_found', detail: 'There is no flavor nope' }],
      image: null,
    };
    expectError(await create(), 400, 'flavor_not_found', 'flavor_id');
    for (const code of [
      'request_deadline_exceeded',
      'bus_unavailable',
      'back_end_unavailable',
      'identity_unavailable',
      'store_unavailable',
    ] as const) {
      api.verdict.value = new CetusError(code, 'down');
      assert.equal((await create()).statusCode, 202, code);
    }
    for (const [status, code] of [
      [500, 'internal_error'],
      [502, 'back_end_error'],
    ] as const) {
      api.verdict.value = new CetusError(code, 'a mistake');
      expectError(await create(), status, code);
    }
    api.verdict.value = usual;
  });

  it('asks the conductor about the whole cluster, when it is not just what the template says', async () => {
    const template = await api.template({ name: 'whole', flavor_id: 'm1.small', labels: { kube_tag: 'v1' } });
    const create = (body: object) =>
      api.request({
        method: 'POST',
        url: '/v1/clusters',
        payload: { cluster_template_id: template, ...body },
      });
    api.questions.length = 0;
    ensureUuid(await create({ name: 'usual', node_count: 2, create_timeout: 5, flavor_id: null }));
    assert.deepEqual(api.questions, []);
    const uuid = ensureUuid(await create({ labels: { kube_tag: 'v2' }, flavor_id: 'm1.big' }));
    const { spec } = await api.clusters.get({ kind: 'all' }, uuid);
    assert.deepEqual(api.questions, [
      {
        driver: 'heat',
        project_id: PROJECT,
        user_id: 'member-user',
        references: { flavor_id: 'm1.big' },
        // As it travels.
        spec: JSON.parse(JSON.stringify(spec)),
      },
    ]);
    const usual = api.verdict.value;
    api.verdict.value = {
      problems: [
        { field: 'labels/kube_tag', code: 'invalid_field', detail: 'labels/kube_tag is no version' },
      ],
      image: null,
    };
    expectError(await create({ labels: { kube_tag: 'x' } }), 400, 'invalid_field', 'labels/kube_tag');
    expectError(await create({ fixed_subnet: 's' }), 400, 'invalid_field');
    api.verdict.value = usual;
  });

  it('does something once for one Idempotency-Key', async () => {
    const template = await api.template({ name: 'idempotent' });
    const create = (body: object, key = 'key-1', version = '1.14') =>
      api.request({
        method: 'POST',
        url: '/v1/clusters',
        payload: { cluster_template_id: template, ...body },
        headers: { 'idempotency-key': key },
        version,
      });
    const answers = await Promise.all([create({}), create({}), create({}, 'key-1', '1.10')]);
    const uuids = new Set(answers.map((answer) => ensureUuid(answer)));
    assert.equal(uuids.size, 1);
    const [uuid] = uuids;
    assert.equal(api.commands.filter(({ id }) => id === uuid).length, 1);
    expectError(await create({ node_count: 5 }), 422, 'idempotency_key_reused', 'Idempotency-Key');
    assert.notEqual(ensureUuid(await create({}, 'key-2')), uuid);
    for (const key of ['', 'a b', 'ü', 'x'.repeat(256)]) {
      assert.equal(errorOf(await create({}, key)).field, 'Idempotency-Key');
    }
  });

  it('answers a request that is sent again as the first time, whatever has gone since', async () => {
    const template = await api.template({ name: 'goes' });
    const create = (more: object = {}) =>
      api.request({
        method: 'POST',
        url: '/v1/clusters',
        payload: { cluster_template_id: 'goes', flavor_id: 'goes', ...more },
        headers: { 'idempotency-key': 'sent-again' },
      });
    const first = await create();
    const uuid = ensureUuid(first);
    await api.finish(uuid);
    const usual = api.verdict.value;
    api.verdict.value = {
      problems: [{ field: 'flavor_id', code: 'flavor_not_found', detail: 'There is no flavor goes' }],
      image: null,
    };
    const second = await create();
    assert.equal(ensureUuid(second), uuid);
    for (const header of ['location', 'cetus-operation-id'])
      assert.equal(second.headers[header], first.headers[header]);
    expectError(await create({ node_count: 3 }), 422, 'idempotency_key_reused', 'Idempotency-Key');
    api.verdict.value = usual;
    await api.request({ method: 'DELETE', url: `/v1/clusters/${uuid}` });
    await api.finish(uuid);
    const removed = await api.request({ method: 'DELETE', url: `/v1/clustertemplates/${template}` });
    assert.equal(removed.statusCode, 204);
    const third = await create();
    assert.equal(ensureUuid(third), uuid);
    // The newest operation is the deletion; it is not what was answered first.
    assert.equal(third.headers['cetus-operation-id'], undefined);
  });
});
