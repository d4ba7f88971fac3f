import { strict as assert } from 'node:assert';
import { MAX_REVISIONS, type StoredApplication } from '@cetus/shared/schemas';
import { expectError } from '../support/answers.ts';
import { startApi, type TestApi } from '../support/api.ts';

const SECRET = 'c3VwZXItc2VjcmV0LXZhbHVl';

describe('api: revisions of applications', () => {
  let api: TestApi;
  let cluster: string;
  before(async () => {
    api = await startApi();
    cluster = await api.cluster({ name: 'prod' });
  });
  after(() => api.close());

  const get = (path: string, token = 'member') => api.request({ url: `/v1/applications/${path}`, token });
  const patch = (ref: string, payload: object[]) =>
    api.request({ method: 'PATCH', url: `/v1/applications/${ref}`, payload });
  const replicas = (value: number) => [{ op: 'add', path: '/replicas', value }];

  it('are listed, read and compared, without the values of secrets', async () => {
    const uuid = await api.application({
      name: 'read',
      placements: [{ cluster }],
      replicas: 1,
      secrets: [{ name: 'db', values: { A: SECRET } }],
    });
    await patch(uuid, [
      ...replicas(2),
      { op: 'replace', path: '/containers/0/image', value: 'nginx:2' },
      { op: 'add', path: '/secrets/0/values', value: { A: `${SECRET}-2` } },
    ]);
    await api.request({ method: 'POST', url: `/v1/applications/${uuid}/actions/restart` });
    await patch(uuid, replicas(3));
    const list = await get(`${uuid}/revisions`);
    const { revisions } = list.json();
    assert.deepEqual(
      revisions.map(({ created_at: _at, ...one }: { created_at: string }) => one),
      [
        { number: 3, current: true, generation: 4, requested: 'update', user_id: 'member-user' },
        { number: 2, current: false, generation: 2, requested: 'update', user_id: 'member-user' },
        { number: 1, current: false, generation: 1, requested: 'create', user_id: 'member-user' },
      ],
    );
    const first = await get(`${uuid}/revisions/1`, 'reader');
    const { form, qos, number } = first.json();
    assert.equal(number, 1);
    assert.equal(qos.class, 'BestEffort');
    assert.deepEqual(form, {
      kind: 'stateless',
      placements: [{ cluster, cluster_name: 'prod' }],
      containers: [{ name: 'web', image: 'nginx:1.27' }],
      replicas: 1,
      secrets: [{ name: 'db', keys: ['A'] }],
    });
    const diff = await get(`${uuid}/revisions/2/diff`);
    assert.deepEqual(diff.json(), {
      from: 1,
      to: 2,
      changes: [
        { path: 'containers/web/image', before: 'nginx:1.27', after: 'nginx:2' },
        { path: 'replicas', before: 1, after: 2 },
        { path: 'sealed', before: 'changed', after: 'changed' },
      ],
    });
    // A restart in between is no difference of the form.
    assert.deepEqual((await get(`${uuid}/revisions/3/diff`)).json().changes, [
      { path: 'replicas', before: 2, after: 3 },
    ]);
    const backwards = await get(`${uuid}/revisions/1/diff?against=3`);
    assert.deepEqual([backwards.json().from, backwards.json().to], [3, 1]);
    for (const { body } of [list, first, diff, backwards])
      assert.ok(!body.includes(SECRET) && !body.includes('SEALED'), body);
    expectError(await get(`${uuid}/revisions/1/diff`), 400, 'invalid_field', 'against');
    expectError(await get(`${uuid}/revisions/1/diff?against=9`), 400, 'invalid_field', 'against');
    expectError(await get(`${uuid}/revisions/1/diff?against=x`), 400, 'invalid_field', 'against');
    expectError(await get(`${uuid}/revisions/9`), 404, 'not_found');
    expectError(await get(`${uuid}/revisions/9/diff`), 404, 'not_found');
    expectError(await get(`${uuid}/revisions/0`), 400, 'invalid_field', 'number');
    expectError(await get(`${uuid}/revisions/x`), 400, 'invalid_field', 'number');
    expectError(await get(`${uuid}/revisions`, 'other'), 404, 'not_found');
    expectError(await get(`${uuid}/revisions?foo=1`), 400, 'unknown_field', 'foo');
  });

  it('say that there are secrets now, or none any more', async () => {
    const uuid = await api.application({ name: 'bare', placements: [{ cluster }] });
    await patch(uuid, [{ op: 'add', path: '/secrets/-', value: { name: 'db', values: { A: SECRET } } }]);
    const changes = (await get(`${uuid}/revisions/2/diff`)).json().changes as { path: string }[];
    assert.deepEqual(changes.at(-1), { path: 'sealed', before: null, after: 'changed' });
  });

  it('are kept as many as there is room for', async () => {
    const uuid = await api.application({ name: 'many', placements: [{ cluster }] });
    for (let i = 1; i <= MAX_REVISIONS + 2; i += 1) await patch(uuid, replicas(i));
    const numbers = async (): Promise<number[]> =>
      (await get(`${uuid}/revisions`)).json().revisions.map(({ number }: { number: number }) => number);
    assert.deepEqual(await numbers(), [13, 12, 11, 10, 9, 8, 7, 6, 5, 4]);
    const back = (revision: number) =>
      api.request({
        method: 'POST',
        url: `/v1/applications/${uuid}/actions/rollback`,
        payload: { revision },
      });
    expectError(await back(3), 400, 'invalid_field', 'revision');
    const files = Object.fromEntries(
      Array.from({ length: 7 }, (_, i) => [`f${String(i)}`, 'x'.repeat(131_072)]),
    );
    for (let i = 0; i < 6; i += 1)
      await patch(uuid, [{ op: 'add', path: '/config_files', value: [{ name: `c${String(i)}`, files }] }]);
    assert.deepEqual(await numbers(), [19, 18, 17, 16]);
    const document = await api.store.db.collection<StoredApplication>('applications').findOne({ _id: uuid });
    assert.equal(document?.revisions.length, 4);
    assert.equal((await get(uuid)).json().revision, 19);
  });
});
