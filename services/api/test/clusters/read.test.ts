import { strict as assert } from 'node:assert';
import { expectError } from '../support/answers.ts';
import { OTHER_PROJECT, startApi, type TestApi } from '../support/api.ts';

describe('api: clusters as they are read', () => {
  let api: TestApi;
  before(async () => (api = await startApi()));
  after(() => api.close());

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

  it('reads a page in a bounded number of queries, also of clusters that were rolled back', async () => {
    const failure = { code: 'stack_failed', message: 'no' };
    const template = await api.template({ name: 'rolled-back' });
    const uuids: string[] = [];
    for (let i = 0; i < 4; i += 1) {
      const uuid = await api.cluster({ name: `back-${i}`, cluster_template_id: template, node_count: 2 });
      uuids.push(uuid);
      await api.finish(uuid);
      const act = (action: string, payload: object) =>
        api.request({ method: 'POST', url: `/v1/clusters/${uuid}/actions/${action}`, payload });
      await act('resize', { node_count: 9 });
      await api.finish(uuid, failure);
      await act('rollback', {});
    }
    const { queries, result } = await countingFinds(() =>
      api.request({ url: '/v1/clusters?sort_key=created_at&sort_dir=desc&limit=4' }),
    );
    const { clusters } = result.json<{ clusters: { uuid: string; node_count: number; labels: object }[] }>();
    assert.deepEqual(
      clusters.map(({ uuid, node_count }) => [uuid, node_count]),
      uuids.reverse().map((uuid) => [uuid, 2]),
    );
    assert.equal(queries, 2);
    // What is read of them is all that their views show.
    const whole = (await api.request({ url: `/v1/clusters/${uuids[0]}` })).json();
    for (const [field, value] of Object.entries(clusters[0] ?? {}))
      assert.deepEqual(value, whole[field], field);
  });

  /** Runs something and counts the queries for clusters meanwhile. */
  async function countingFinds<T>(run: () => Promise<T>): Promise<{ queries: number; result: T }> {
    const collection = Object.getPrototypeOf(api.store.db.collection('clusters')) as {
      find: (this: { collectionName: string }, ...args: unknown[]) => unknown;
    };
    const { find } = collection;
    let queries = 0;
    collection.find = function (...args) {
      if (this.collectionName === 'clusters') queries += 1;
      return find.apply(this, args);
    };
    try {
      return { result: await run(), queries };
    } finally {
      collection.find = find;
    }
  }
});
