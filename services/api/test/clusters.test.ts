import { strict as assert } from 'node:assert';
import { CetusError } from '@cetus/shared/errors';
import { ensureUuid, errorOf, expectError } from './support/answers.ts';
import { OTHER_PROJECT, PROJECT, startApi, type TestApi } from './support/api.ts';

const FAILURE = {
  code: 'no_valid_host',
  message: 'No valid host was found',
  resource: { type: 'OS::Nova::Server', name: 'master-0' },
};

describe('api: clusters', () => {
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

  it('never shows what is not for readers', async () => {
    const uuid = await api.cluster({ name: 'secret' });
    const sealed = { v: 1, key_id: 'k', nonce: 'n', ciphertext: 'SECRET', tag: 't' };
    await api.finish(uuid, null, { secrets: sealed, kubeconfig: sealed, driver_state: { token: 'SECRET' } });
    for (const url of [
      '/v1/clusters',
      '/v1/clusters/detail',
      `/v1/clusters/${uuid}`,
      '/v1/events',
      '/v1/operations',
    ]) {
      const { body, statusCode } = await api.request({ url });
      assert.equal(statusCode, 200);
      assert.doesNotMatch(body, /SECRET|lease|pending_events|driver_state|kubeconfig/, url);
    }
  });

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
    expectError(
      await resize({ node_count: 4, nodes_to_remove: ['x'] }),
      400,
      'unsupported',
      'nodes_to_remove',
    );
    expectError(await resize({ node_count: 4, nodegroup: 'gpu' }), 400, 'unsupported', 'nodegroup');
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
        spec,
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

  it('keeps projects apart', async () => {
    const uuid = await api.cluster({ name: 'mine' });
    const url = `/v1/clusters/${uuid}`;
    for (const ref of [url, '/v1/clusters/mine'])
      expectError(await api.request({ url: ref, token: 'other' }), 404, 'not_found');
    expectError(await api.request({ method: 'DELETE', url, token: 'other' }), 404, 'not_found');
    expectError(
      await api.request({
        method: 'PATCH',
        url,
        token: 'other',
        payload: [{ op: 'replace', path: '/node_count', value: 2 }],
      }),
      404,
      'not_found',
    );
    for (const action of ['retry', 'resync']) {
      expectError(
        await api.request({ method: 'POST', url: `${url}/actions/${action}`, token: 'other' }),
        404,
        'not_found',
      );
    }
    expectError(
      await api.request({
        method: 'POST',
        url: `${url}/actions/resize`,
        token: 'other',
        payload: { node_count: 2 },
      }),
      404,
      'not_found',
    );
    assert.deepEqual((await api.request({ url: '/v1/clusters', token: 'other' })).json(), { clusters: [] });
    assert.deepEqual((await api.request({ url: '/v1/events', token: 'other' })).json(), { events: [] });
    assert.deepEqual((await api.request({ url: '/v1/operations', token: 'other' })).json(), {
      operations: [],
    });
    expectError(
      await api.request({ url: '/v1/clusters?all_projects=true', token: 'member' }),
      403,
      'forbidden',
    );
    const all = await api.request({ url: '/v1/clusters/detail?all_projects=true', token: 'admin' });
    assert.ok(all.json<{ clusters: { uuid: string }[] }>().clusters.some((one) => one.uuid === uuid));
    const foreign = await api.request({
      method: 'POST',
      url: '/v1/clustertemplates',
      token: 'other',
      payload: { name: 'theirs', coe: 'kubernetes', image_id: 'i' },
    });
    assert.equal(foreign.json().project_id, OTHER_PROJECT);
    expectError(
      await api.request({
        method: 'POST',
        url: '/v1/clusters',
        payload: { cluster_template_id: foreign.json().uuid },
      }),
      400,
      'cluster_template_not_found',
    );
  });

  it('lets every role do what it may', async () => {
    const uuid = await api.cluster({ name: 'roles' });
    assert.equal((await api.request({ url: `/v1/clusters/${uuid}`, token: 'reader' })).statusCode, 200);
    expectError(
      await api.request({ method: 'DELETE', url: `/v1/clusters/${uuid}`, token: 'reader' }),
      403,
      'forbidden',
    );
    expectError(await api.request({ url: `/v1/clusters/${uuid}`, token: 'nobody' }), 403, 'forbidden');
  });

  it('speaks every version of Magnum', async () => {
    const uuid = await api.cluster({ name: 'versions' });
    await api.finish(uuid, null, { stack_id: 'the-stack' });
    const read = async (version: string) => {
      const answer = await api.request({ url: `/v1/clusters/${uuid}`, version });
      assert.equal(
        answer.headers['openstack-api-version'],
        `container-infra ${version === '' ? '1.1' : version === 'latest' ? '1.14' : version}`,
      );
      assert.equal(answer.headers['openstack-api-minimum-version'], 'container-infra 1.1');
      assert.equal(answer.headers['openstack-api-maximum-version'], 'container-infra 1.14');
      assert.equal(answer.headers['vary'], 'OpenStack-API-Version');
      return answer.json<{ stack_id?: string; cluster_id?: string }>();
    };
    for (const version of ['', '1.1', '1.10', '1.12']) {
      const cluster = await read(version);
      assert.equal(cluster.stack_id, 'the-stack');
      assert.ok(!('cluster_id' in cluster));
    }
    for (const version of ['1.13', '1.14', 'latest']) {
      const cluster = await read(version);
      assert.equal(cluster.cluster_id, 'the-stack');
      assert.ok(!('stack_id' in cluster));
    }
    for (const header of [
      'container-infra 1.15',
      'container-infra 1.0',
      'container-infra 2.1',
      'compute 1.5',
      'container-infra',
      '1.5',
      'container-infra x',
    ]) {
      const answer = await api.request({
        url: '/v1/clusters',
        version: '',
        headers: { 'openstack-api-version': header },
      });
      expectError(answer, 406, 'not_acceptable', 'OpenStack-API-Version');
    }
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

  it('gives entity tags, and checks those that come back', async () => {
    const uuid = await api.cluster({ name: 'tags' });
    const url = `/v1/clusters/${uuid}`;
    const first = await api.request({ url });
    const etag = String(first.headers['etag']);
    assert.match(etag, /^"[^"]+"$/);
    for (const value of [etag, `"x", W/${etag}`, '*']) {
      const answer = await api.request({ url, headers: { 'if-none-match': value } });
      assert.equal(answer.statusCode, 304);
      assert.equal(answer.body, '');
      assert.equal(answer.headers['etag'], etag);
    }
    assert.equal((await api.request({ url, headers: { 'if-none-match': '"x"' } })).statusCode, 200);
    expectError(
      await api.request({ method: 'DELETE', url, headers: { 'if-match': '"x"' } }),
      412,
      'precondition_failed',
      'If-Match',
    );
    assert.equal(
      (await api.request({ method: 'DELETE', url, headers: { 'if-match': etag } })).statusCode,
      204,
    );
    assert.notEqual((await api.request({ url })).headers['etag'], etag);
  });

  it('pages through lists by links, in any order', async () => {
    const template = await api.template({ name: 'paging' });
    for (let i = 0; i < 5; i += 1)
      await api.cluster({ name: `page-${i}`, cluster_template_id: template, node_count: i % 2 });
    for (const query of ['', 'sort_key=name&sort_dir=desc', 'sort_key=created_at', 'sort_key=id']) {
      const whole = (await api.request({ url: `/v1/clusters?${query}` })).json<{
        clusters: { uuid: string }[];
      }>();
      const found: string[] = [];
      let url: string | undefined = `/v1/clusters?limit=2&${query}`;
      while (url !== undefined) {
        const page: { clusters: { uuid: string }[]; next?: string } = (await api.request({ url })).json();
        assert.ok(page.clusters.length <= 2);
        found.push(...page.clusters.map(({ uuid }) => uuid));
        url = page.next;
        if (url !== undefined) assert.ok(url.startsWith('http://localhost:80/v1/clusters?'));
      }
      assert.deepEqual(
        found,
        whole.clusters.map(({ uuid }) => uuid),
        query,
      );
    }
    const detail: { next: string } = (await api.request({ url: '/v1/clusters/detail?limit=1' })).json();
    assert.ok(detail.next.startsWith('http://localhost:80/v1/clusters/detail?'));
    expectError(
      await api.request({ url: '/v1/clusters?marker=00000000-0000-4000-8000-000000000000' }),
      400,
      'invalid_marker',
      'marker',
    );
  });
});
