import { strict as assert } from 'node:assert';
import { ensureUuid, expectError } from './support/answers.ts';
import { OTHER_PROJECT, PROJECT, startApi, type TestApi } from './support/api.ts';

describe('api: quotas', () => {
  let api: TestApi;
  before(async () => (api = await startApi({ CETUS_QUOTA_CLUSTERS: 3 })));
  after(() => api.close());

  const quota = (
    method: 'GET' | 'PATCH' | 'DELETE',
    project: string,
    payload?: object,
    token = 'admin',
    headers: Record<string, string> = {},
  ) =>
    api.request({
      method,
      url: `/v1/quotas/${project}/Cluster`,
      token,
      headers,
      ...(payload === undefined ? {} : { payload }),
    });
  const set = (payload: object, headers: Record<string, string> = {}) =>
    api.request({ method: 'POST', url: '/v1/quotas', payload, token: 'admin', headers });

  it('are set, read, changed and taken away by administrators, in the form of Magnum', async () => {
    const project_id = 'f'.repeat(32);
    expectError(await quota('DELETE', project_id), 404, 'not_found');
    const made = await set({ project_id, resource: 'Cluster', hard_limit: 900 });
    assert.equal(made.statusCode, 201, made.body);
    const { id, created_at, ...rest } = made.json();
    assert.match(created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$/);
    assert.deepEqual(rest, { project_id, resource: 'Cluster', hard_limit: 900, updated_at: null });
    expectError(await set({ project_id, hard_limit: 5 }), 409, 'conflict');
    assert.deepEqual((await quota('GET', project_id)).json(), made.json());
    const changed = await quota('PATCH', project_id, { project_id, resource: 'Cluster', hard_limit: 1000 });
    assert.equal(changed.statusCode, 202, changed.body);
    assert.deepEqual([changed.json().id, changed.json().hard_limit], [id, 1000]);
    assert.notEqual(changed.json().updated_at, null);
    expectError(
      await quota('PATCH', project_id, { project_id: PROJECT, hard_limit: 1 }),
      400,
      'invalid_field',
      'project_id',
    );
    expectError(
      await quota('PATCH', project_id, { hard_limit: 1 }, 'admin', { 'if-match': '"x"' }),
      412,
      'precondition_failed',
    );
    const events = (
      await api.request({ url: '/v1/events?all_projects=true&kind=quota', token: 'admin' })
    ).json();
    assert.deepEqual(
      events.events.map(({ type, projectid }: { type: string; projectid: string }) => [type, projectid]),
      [
        ['cetus.quota.create.end', project_id],
        ['cetus.quota.update.end', project_id],
      ],
    );
    assert.equal((await quota('DELETE', project_id)).statusCode, 204);
    assert.deepEqual((await quota('GET', project_id)).json(), {
      id: null,
      project_id,
      resource: 'Cluster',
      hard_limit: 3,
      created_at: null,
      updated_at: null,
    });
    // The place of the unique index is free again.
    assert.equal((await set({ project_id })).json().hard_limit, 1);
    assert.equal((await quota('DELETE', project_id)).statusCode, 204);
  });

  it('are set once for one Idempotency-Key', async () => {
    const project_id = 'e'.repeat(32);
    const answers = await Promise.all(
      [1, 2, 3].map(() => set({ project_id, hard_limit: 5 }, { 'idempotency-key': 'q1' })),
    );
    assert.equal(
      new Set(answers.map((answer) => answer.json().id)).size,
      1,
      answers.map(({ body }) => body).join(),
    );
    expectError(
      await set({ project_id, hard_limit: 6 }, { 'idempotency-key': 'q1' }),
      422,
      'idempotency_key_reused',
    );
    await quota('DELETE', project_id);
  });

  it('are read by their project, and listed', async () => {
    await set({ project_id: PROJECT, hard_limit: 7 });
    await set({ project_id: OTHER_PROJECT, hard_limit: 8 });
    assert.equal((await quota('GET', PROJECT, undefined, 'reader')).json().hard_limit, 7);
    expectError(await quota('GET', OTHER_PROJECT, undefined, 'member'), 403, 'forbidden');
    const list = async (query: string, token: string) =>
      (await api.request({ url: `/v1/quotas${query}`, token }))
        .json<{ quotas: { hard_limit: number }[] }>()
        .quotas.map(({ hard_limit }) => hard_limit)
        .sort();
    assert.deepEqual(await list('', 'admin'), [7]);
    assert.deepEqual(await list('?all_tenants=True', 'admin'), [7, 8]);
    assert.deepEqual(await list('?all_projects=true', 'admin'), [7, 8]);
    assert.deepEqual(await list('?all_tenants=True', 'member'), [7]);
    await quota('DELETE', PROJECT);
    await quota('DELETE', OTHER_PROJECT);
  });

  it('bound how many clusters a project makes and takes in', async () => {
    const cluster_template_id = await api.template();
    const create = (headers = {}) =>
      api.request({ method: 'POST', url: '/v1/clusters', payload: { cluster_template_id }, headers });
    const take = () =>
      api.request({ method: 'POST', url: '/v1/clusters/import', payload: { kubeconfig: 'k' } });
    const [first] = [ensureUuid(await create()), ensureUuid(await take())];
    const key = { 'idempotency-key': 'last' };
    const last = ensureUuid(await create(key));
    const refused = await create();
    expectError(refused, 403, 'quota_exceeded');
    assert.match(refused.body, /has 3 clusters, and may have 3/);
    expectError(await take(), 403, 'quota_exceeded');
    // What was accepted is answered again.
    assert.equal(ensureUuid(await create(key)), last);
    // Another project has its own.
    const theirs = await api.request({
      method: 'POST',
      url: '/v1/clusters/import',
      payload: { kubeconfig: 'k' },
      token: 'other',
    });
    ensureUuid(theirs);
    await api.request({ method: 'DELETE', url: `/v1/clusters/${first}` });
    expectError(await create(), 403, 'quota_exceeded');
    await api.finish(first);
    ensureUuid(await create());
    expectError(await create(), 403, 'quota_exceeded');
    await set({ project_id: PROJECT, hard_limit: 5 });
    ensureUuid(await create());
    await quota('PATCH', PROJECT, { hard_limit: 2 });
    const over = await create();
    expectError(over, 403, 'quota_exceeded');
    assert.match(over.body, /has 4 clusters, and may have 2/);
    await quota('PATCH', PROJECT, { hard_limit: 0 });
    expectError(await create(), 403, 'quota_exceeded');
    await quota('DELETE', PROJECT);
  });

  it('take one place for a request that is sent several times at once', async () => {
    await set({ project_id: OTHER_PROJECT, hard_limit: 3 });
    const answers = await Promise.all(
      Array.from({ length: 6 }, () =>
        api.request({
          method: 'POST',
          url: '/v1/clusters/import',
          payload: { kubeconfig: 'k' },
          token: 'other',
          headers: { 'idempotency-key': 'twice' },
        }),
      ),
    );
    const accepted = answers.filter(({ statusCode }) => statusCode === 202);
    assert.ok(accepted.length >= 1);
    assert.equal(new Set(accepted.map((answer) => answer.json().uuid)).size, 1);
    const again = await api.request({
      method: 'POST',
      url: '/v1/clusters/import',
      payload: { kubeconfig: 'k' },
      token: 'other',
      headers: { 'idempotency-key': 'twice' },
    });
    assert.equal(ensureUuid(again), accepted[0]?.json().uuid);
    const take = () =>
      api.request({
        method: 'POST',
        url: '/v1/clusters/import',
        payload: { kubeconfig: 'k' },
        token: 'other',
      });
    ensureUuid(await take());
    expectError(await take(), 403, 'quota_exceeded');
  });
});
