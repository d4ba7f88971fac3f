import { strict as assert } from 'node:assert';
import type { StoredApplication } from '@cetus/shared/schemas';
import { ensureUuid, expectError } from '../support/answers.ts';
import { startApi, type TestApi } from '../support/api.ts';

const FAILURE = { code: 'image_pull_failed', message: 'nginx:nope cannot be had' };
const SECRET = 'c3VwZXItc2VjcmV0LXZhbHVl';

describe('api: applications, changed', () => {
  let api: TestApi;
  let cluster: string;
  before(async () => {
    api = await startApi();
    cluster = await api.cluster({ name: 'prod' });
    await api.cluster({ name: 'second' });
  });
  after(() => api.close());

  const form = (more: object = {}) => ({
    placements: [{ cluster }],
    containers: [{ name: 'web', image: 'nginx:1.27' }],
    ...more,
  });
  const make = (name: string, more: object = {}) => api.application({ name, ...form(more) });
  const put = (ref: string, payload: object, headers: Record<string, string> = {}, query = '') =>
    api.request({ method: 'PUT', url: `/v1/applications/${ref}${query}`, payload, headers });
  const patch = (ref: string, payload: object[], query = '') =>
    api.request({ method: 'PATCH', url: `/v1/applications/${ref}${query}`, payload });
  const read = async (ref: string) => (await api.request({ url: `/v1/applications/${ref}` })).json();
  const operation = async (answer: { headers: Record<string, unknown> }) =>
    (await api.request({ url: `/v1/operations/${String(answer.headers['cetus-operation-id'])}` })).json();
  const stored = async (uuid: string): Promise<StoredApplication> => {
    const found = await api.store.db.collection<StoredApplication>('applications').findOne({ _id: uuid });
    assert.ok(found);
    return found;
  };

  it('take another form as a whole, and keep nothing of the one before', async () => {
    const uuid = await make('whole', { replicas: 2, labels: { a: 'b' }, progress_deadline_seconds: 60 });
    await api.finishApplication(uuid);
    const answer = await put(uuid, { name: 'whole', kind: 'stateless', ...form({ replicas: 3 }) });
    assert.equal(answer.statusCode, 202, answer.body);
    assert.deepEqual(answer.json(), { uuid });
    assert.deepEqual(api.commands.at(-1), { kind: 'application', id: uuid, reason: 'update' });
    const view = await read(uuid);
    assert.deepEqual(
      [view.status, view.replicas, view.labels, view.revision, view.phase],
      ['UPDATE_IN_PROGRESS', 3, undefined, 2, 'Pending'],
    );
    const { requested, accepted_at, deadline_at, rollback_on_failure } = await operation(answer);
    assert.deepEqual([requested, rollback_on_failure], ['update', false]);
    // The deadline is that of the new form.
    assert.equal(Date.parse(deadline_at) - Date.parse(accepted_at), 720_000);
    expectError(await put(uuid, form({ name: 'other' })), 400, 'invalid_field', 'name');
    expectError(await put(uuid, form({ kind: 'daemon' })), 400, 'invalid_field', 'kind');
    expectError(await put(uuid, form({ uuid })), 400, 'unknown_field', 'uuid');
    expectError(await put(uuid, { placements: [{ cluster }] }), 400, 'missing_field', 'containers');
    expectError(
      await put(uuid, form({ placements: [{ cluster }, { cluster: 'nowhere' }] })),
      400,
      'cluster_not_found',
      'placements/1/cluster',
    );
  });

  it('give up a change that goes on for the next one', async () => {
    const uuid = await make('hasty');
    const created = await read(uuid);
    const first = await put(uuid, form({ replicas: 2 }));
    const second = await put(uuid, form({ replicas: 3 }));
    assert.equal(second.statusCode, 202, second.body);
    const given = await api.request({ url: `/v1/operations/${created.operation_id}` });
    assert.deepEqual([given.json().state, (await operation(first)).state], ['CANCELLED', 'CANCELLED']);
    const view = await read(uuid);
    assert.deepEqual([view.status, view.replicas, view.revision], ['UPDATE_IN_PROGRESS', 3, 3]);
    const events = (await api.request({ url: `/v1/events?object=${uuid}` })).json().events;
    assert.deepEqual(
      events.map(({ type }: { type: string }) => type.replace('cetus.application.', '')),
      ['create.start', 'create.cancelled', 'update.start', 'update.cancelled', 'update.start'],
    );
    await api.finishApplication(uuid, FAILURE);
    assert.deepEqual((await read(uuid)).failure, FAILURE);
    // A change that failed is mended by the next one.
    assert.equal((await put(uuid, form({ replicas: 4 }))).statusCode, 202);
    await api.request({ method: 'DELETE', url: `/v1/applications/${uuid}` });
    expectError(await put(uuid, form({ replicas: 5 })), 409, 'operation_in_progress');
    expectError(await put(uuid, form({ replicas: 4 })), 409, 'operation_in_progress');
  });

  it('are left alone by a change of nothing, unless they have failed', async () => {
    const uuid = await make('same', { replicas: 1 });
    const { operation_id } = await read(uuid);
    const commands = api.commands.length;
    const again = await put(uuid, form({ replicas: 1, placements: [{ cluster: 'prod', overrides: {} }] }));
    assert.deepEqual([again.statusCode, again.json()], [202, { uuid }]);
    await api.finishApplication(uuid);
    assert.equal((await put(uuid, form({ replicas: 1 }))).statusCode, 202);
    const view = await read(uuid);
    assert.deepEqual([view.operation_id, view.status, view.revision], [operation_id, 'CREATE_COMPLETE', 1]);
    assert.equal(api.commands.length, commands);
    await put(uuid, form({ replicas: 2 }));
    await api.finishApplication(uuid, FAILURE);
    const retried = await put(uuid, form({ replicas: 2 }));
    assert.equal((await operation(retried)).state, 'IN_PROGRESS');
    assert.equal((await read(uuid)).revision, 2);
  });

  it('are changed only as they were read, where the client says so', async () => {
    const uuid = await make('tagged');
    const { headers } = await api.request({ url: `/v1/applications/${uuid}` });
    const etag = String(headers['etag']);
    const unchanged = await api.request({
      url: `/v1/applications/${uuid}`,
      headers: { 'if-none-match': etag },
    });
    assert.deepEqual([unchanged.statusCode, unchanged.body], [304, '']);
    const sealed = api.service.of('seal').length;
    const secrets = [{ name: 'db', values: { A: SECRET } }];
    const bad = { 'if-match': '"x"' };
    expectError(await put(uuid, form({ secrets }), bad), 412, 'precondition_failed', 'If-Match');
    assert.equal(api.service.of('seal').length, sealed);
    for (const [method, path] of [
      ['DELETE', ''],
      ['POST', '/actions/restart'],
    ] as const) {
      const answer = await api.request({ method, url: `/v1/applications/${uuid}${path}`, headers: bad });
      expectError(answer, 412, 'precondition_failed', 'If-Match');
    }
    assert.equal((await put(uuid, form({ replicas: 2 }), { 'if-match': etag })).statusCode, 202);
    expectError(await put(uuid, form({ replicas: 3 }), { 'if-match': etag }), 412, 'precondition_failed');
  });

  it('keep the secrets that a change does not name values of', async () => {
    const pull = { registry: 'r.example', username: 'robot' };
    const uuid = await make('secretive', {
      secrets: [
        { name: 'db', values: { A: SECRET } },
        { name: 'tls', values: { 'tls.key': SECRET } },
      ],
      image_pull_secret: { ...pull, password: SECRET },
    });
    const before = (await stored(uuid)).spec.sealed;
    const asked = api.service.of('seal').length;
    const kept = { secrets: [{ name: 'db' }, { name: 'tls' }], image_pull_secret: pull };
    assert.equal((await put(uuid, form({ ...kept, replicas: 2 }))).statusCode, 202);
    assert.deepEqual((await stored(uuid)).spec.sealed, before);
    assert.equal(api.service.of('seal').length, asked);
    // One is given anew, one is left as it was, and one is forgotten.
    await put(
      uuid,
      form({ ...kept, secrets: [{ name: 'db', values: { B: SECRET, A: '' } }, { name: 'tls' }] }),
    );
    assert.deepEqual(api.service.of('seal').at(-1), {
      id: uuid,
      secrets: { db: { A: '', B: SECRET }, tls: null },
      pull_password: null,
    });
    assert.deepEqual((await read(uuid)).secrets, [
      { name: 'db', keys: ['A', 'B'] },
      { name: 'tls', keys: ['tls.key'] },
    ]);
    await put(uuid, form({ secrets: kept.secrets }));
    await put(uuid, form({ secrets: [{ name: 'tls' }] }));
    assert.deepEqual(api.service.of('seal').at(-1), { id: uuid, secrets: { tls: null } });
    await put(uuid, form());
    assert.deepEqual((await stored(uuid)).spec.sealed, null);
    expectError(
      await put(uuid, form({ secrets: [{ name: 'tls' }] })),
      400,
      'missing_field',
      'secrets/0/values',
    );
    await put(uuid, form({ image_pull_secret: { ...pull, password: SECRET } }));
    const stranger = { ...pull, registry: 'attacker.example' };
    expectError(
      await put(uuid, form({ image_pull_secret: stranger })),
      400,
      'missing_field',
      'image_pull_secret/password',
    );
    expectError(
      await put(uuid, form({ image_pull_secret: { registry: 'r' } })),
      400,
      'missing_field',
      'image_pull_secret/username',
    );
  });

  it('are drawn up again when another change comes between', async () => {
    const uuid = await make('contested', { secrets: [{ name: 'db', values: { A: SECRET } }] });
    let others = 2;
    const restore = api.service.says('seal', async () => {
      // Before the answer is there, somebody else has changed it.
      if (others > 0) {
        others -= 1;
        await put(uuid, form({ secrets: [{ name: 'db' }], replicas: 10 + others }));
      }
      return { sealed: { v: 1, key_id: 'k', nonce: 'mine', ciphertext: 'S', tag: 't' }, keys: { db: ['B'] } };
    });
    const calls = api.service.of('seal').length;
    const answer = await patch(uuid, [{ op: 'add', path: '/secrets/0/values', value: { B: SECRET } }]);
    restore();
    assert.equal(answer.statusCode, 202, answer.body);
    assert.equal(api.service.of('seal').length - calls, 3);
    const view = await read(uuid);
    // Both changes count.
    assert.deepEqual([view.replicas, view.secrets], [10, [{ name: 'db', keys: ['B'] }]]);
  });

  it('are patched field by field, over what is shown', async () => {
    const uuid = await make('patched', {
      replicas: 2,
      secrets: [{ name: 'db', values: { A: SECRET } }],
      labels: { 'example.com/tier': 'x' },
    });
    const done = await patch(uuid, [
      { op: 'test', path: '/placements/0/cluster_name', value: 'prod' },
      { op: 'test', path: '/secrets/0', value: { name: 'db', keys: ['A'] } },
      { op: 'replace', path: '/containers/0/image', value: 'nginx:1.28' },
      { op: 'add', path: '/containers/-', value: { name: 'side', image: 'busybox' } },
      { op: 'remove', path: '/replicas' },
      { op: 'add', path: '/labels/example.com~1zone', value: 'a' },
      { op: 'replace', path: '/placements/0/cluster', value: 'second' },
      { op: 'add', path: '/secrets/-', value: { name: 'more', values: { K: 'v' } } },
    ]);
    assert.equal(done.statusCode, 202, done.body);
    const view = await read(uuid);
    assert.deepEqual(
      [view.containers.map(({ image }: { image: string }) => image), view.replicas, view.labels],
      [['nginx:1.28', 'busybox'], undefined, { 'example.com/tier': 'x', 'example.com/zone': 'a' }],
    );
    assert.equal(view.placements[0].cluster_name, 'second');
    assert.deepEqual(api.service.of('seal').at(-1), { id: uuid, secrets: { db: null, more: { K: 'v' } } });
    assert.equal((await patch(uuid, [{ op: 'test', path: '/kind', value: 'stateless' }])).statusCode, 202);
    assert.equal((await read(uuid)).revision, 2);
    const replace = (path: string, value: unknown) => [{ op: 'replace', path, value }];
    const add = (path: string, value: unknown) => [{ op: 'add', path, value }];
    const cases: [object[], Parameters<typeof expectError>[2], string][] = [
      [replace('/name', 'other'), 'invalid_field', 'name'],
      [replace('/kind', 'daemon'), 'invalid_field', 'kind'],
      [replace('/status', 'x'), 'invalid_field', 'status'],
      [replace('/clusters/0/state', 'x'), 'invalid_field', 'clusters/0/state'],
      [replace('/revision', 9), 'invalid_field', 'revision'],
      [add('/foo', 1), 'unknown_field', 'foo'],
      [add('/containers/0/foo', 1), 'unknown_field', 'containers/0/foo'],
      [replace('/containers/0/image', 1), 'invalid_field', 'containers/0/image'],
      [replace('/containers/9/image', 'x'), 'invalid_patch', 'containers/9/image'],
      [replace('/containers', []), 'invalid_field', 'containers'],
      [replace('/containers', 'x'), 'invalid_field', 'containers'],
      [replace('/placements', { a: 1 }), 'invalid_field', 'placements'],
      [replace('/placements/0/cluster_name', 'x'), 'invalid_field', 'placements/0/cluster_name'],
      [replace('/secrets/0/keys', []), 'invalid_field', 'secrets/0/keys'],
      [add('/secrets/0/values', { A: 1 }), 'invalid_field', 'secrets/0/values/A'],
      [add('/secrets/-', { name: 'new', keys: ['A'] }), 'missing_field', 'secrets/2/values'],
      [[{ op: 'remove', path: '/containers' }], 'missing_field', 'containers'],
      [[{ op: 'remove', path: '/nothing' }], 'unknown_field', 'nothing'],
      [[{ op: 'remove', path: '/autoscaling' }], 'invalid_patch', 'autoscaling'],
      [[{ op: 'add', path: '/replicas' }], 'invalid_patch', '0/value'],
      [[{ op: 'test', path: '/kind', value: 'job' }], 'invalid_patch', 'kind'],
      [add('/host_network', true), 'host_access_denied', 'host_network'],
      [add('/placements/0/overrides', { replicas: -1 }), 'invalid_field', 'placements/0/overrides/replicas'],
    ];
    for (const [operations, code, field] of cases)
      expectError(await patch(uuid, operations), 400, code, field);
    assert.equal((await read(uuid)).revision, 2);
    const large = 'x'.repeat(120_000);
    for (let i = 0; i < 9; i += 1) {
      const answer = await patch(uuid, add('/config_files', [{ name: 'c', files: { a: large } }]));
      assert.equal(answer.statusCode, 202, answer.body);
    }
    const files = Array.from({ length: 8 }, (_, i) => [{ name: `c${String(i)}`, files: { a: large } }][0]);
    assert.equal((await patch(uuid, replace('/config_files', files))).statusCode, 202);
    expectError(
      await patch(uuid, add('/config_files/-', { name: 'z', files: { a: large } })),
      413,
      'body_too_large',
    );
  });

  it('undo a change that fails, where the form or the request says so', async () => {
    const uuid = await make('careful');
    // There is nothing to go back to yet.
    const first = await put(uuid, form({ replicas: 2 }), {}, '?rollback=true');
    assert.equal((await operation(first)).rollback_on_failure, false);
    await api.finishApplication(uuid);
    const second = await put(uuid, form({ replicas: 3 }), {}, '?rollback=true');
    assert.equal((await operation(second)).rollback_on_failure, true);
    await api.finishApplication(uuid, FAILURE);
    assert.deepEqual([(await read(uuid)).status, (await read(uuid)).replicas], ['ROLLBACK_IN_PROGRESS', 2]);
    await api.finishApplication(uuid);
    const view = await read(uuid);
    assert.deepEqual([view.status, view.replicas, view.revision], ['ROLLBACK_COMPLETE', 2, 2]);
    const listed = (await api.request({ url: '/v1/applications/detail?name=careful' })).json();
    assert.deepEqual(
      listed.applications.map(({ revision, replicas }: { revision: number; replicas: number }) => [
        revision,
        replicas,
      ]),
      [[2, 2]],
    );
    // What was gone back to is what the next change begins with.
    const third = await patch(uuid, [{ op: 'add', path: '/rollback_on_failure', value: true }]);
    assert.equal((await operation(third)).rollback_on_failure, true);
    const after = await read(uuid);
    assert.deepEqual([after.replicas, after.revision, after.rollback_on_failure], [2, 4, true]);
    await api.finishApplication(uuid);
    const stop = await api.request({ method: 'POST', url: `/v1/applications/${uuid}/actions/stop` });
    // An action is not a change of the form.
    assert.equal((await operation(stop)).rollback_on_failure, false);
    const going = await put(uuid, form({ rollback_on_failure: true, replicas: 9 }));
    assert.equal((await operation(going)).rollback_on_failure, true);
    // A delete is not undone, whatever goes on.
    const gone = await api.request({ method: 'DELETE', url: `/v1/applications/${uuid}` });
    assert.equal((await operation(gone)).rollback_on_failure, false);
    expectError(await put(uuid, form(), {}, '?rollback=maybe'), 400, 'invalid_field', 'rollback');
  });

  it('leave a cluster that is being deleted where it is, and are not put into one', async () => {
    const old = await api.cluster({ name: 'old' });
    const uuid = await make('moving', { placements: [{ cluster }, { cluster: old }] });
    await api.request({ method: 'DELETE', url: `/v1/clusters/${old}` });
    const image = [{ op: 'replace', path: '/containers/0/image', value: 'nginx:2' }];
    assert.equal((await patch(uuid, image)).statusCode, 202);
    await api.finish(old);
    // It has gone altogether, and is left out by the next form.
    assert.equal((await patch(uuid, [{ ...image[0], value: 'nginx:3' }])).statusCode, 202);
    assert.equal((await read(uuid)).clusters[1].cluster_name, 'old');
    assert.equal((await put(uuid, form())).statusCode, 202);
    expectError(
      await put(uuid, form({ placements: [{ cluster: old }] })),
      400,
      'cluster_not_found',
      'placements/0/cluster',
    );
  });

  it('are deleted in the background, in any state, and by force', async () => {
    const uuid = await make('gone');
    const remove = (query = '') => api.request({ method: 'DELETE', url: `/v1/applications/${uuid}${query}` });
    const first = await remove();
    assert.deepEqual([first.statusCode, first.body], [204, '']);
    assert.deepEqual(api.commands.at(-1), { kind: 'application', id: uuid, reason: 'delete' });
    const view = await read(uuid);
    assert.deepEqual([view.status, view.clusters[0].state], ['DELETE_IN_PROGRESS', 'REMOVING']);
    const again = await remove();
    assert.equal(again.headers['cetus-operation-id'], first.headers['cetus-operation-id']);
    const { accepted_at, deadline_at, force } = await operation(first);
    assert.deepEqual([Date.parse(deadline_at) - Date.parse(accepted_at), force], [3_600_000, false]);
    const forced = await remove('?force=true');
    assert.equal((await operation(forced)).force, true);
    await api.finishApplication(uuid, { code: 'delete_blocked', message: 'stuck' });
    assert.equal((await read(uuid)).status, 'DELETE_FAILED');
    const retry = await api.request({ method: 'POST', url: `/v1/applications/${uuid}/actions/retry` });
    const retried = await operation(retry);
    assert.deepEqual(
      [retried.action, Date.parse(retried.deadline_at) - Date.parse(retried.accepted_at)],
      ['delete', 3_600_000],
    );
    await api.finishApplication(uuid);
    expectError(await api.request({ url: `/v1/applications/${uuid}` }), 404, 'not_found');
    expectError(await remove(), 404, 'not_found');
  });

  it('are seen and changed by their project, and by administrators who say so', async () => {
    const uuid = await make('tenant');
    for (const ref of [uuid, 'tenant']) {
      for (const [method, path, payload] of [
        ['GET', ''],
        ['PUT', '', form()],
        ['PATCH', '', [{ op: 'remove', path: '/replicas' }]],
        ['DELETE', ''],
        ['POST', '/actions/stop'],
        ['GET', '/revisions/1'],
        ['GET', '/instances'],
      ] as const) {
        const url = `/v1/applications/${ref}${path}`;
        const answer = await api.request({ method, url, token: 'other', ...(payload && { payload }) });
        expectError(answer, 404, 'not_found');
      }
    }
    const admin = { token: 'admin', method: 'PUT' as const, payload: form({ replicas: 7 }) };
    const changed = await api.request({ ...admin, url: `/v1/applications/${uuid}?all_projects=true` });
    assert.equal(changed.statusCode, 202, changed.body);
    const theirs = (await api.request({ url: '/v1/applications', token: 'other' })).json();
    assert.deepEqual(theirs, { applications: [] });
    expectError(await api.request({ url: '/v1/applications?all_projects=true' }), 403, 'forbidden');
    const document = await stored(uuid);
    assert.deepEqual(
      [document.user_id, document.revisions.map(({ user_id }) => user_id)],
      ['member-user', ['member-user', 'admin-user']],
    );
    assert.equal(ensureUuid(changed), uuid);
  });
});
