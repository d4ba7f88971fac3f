import { strict as assert } from 'node:assert';
import { Writable } from 'node:stream';
import { CetusError } from '@cetus/shared/errors';
import { createLogger } from '@cetus/shared/service';
import { waitFor } from '@cetus/test-kit';
import { ensureUuid, expectError } from '../support/answers.ts';
import { PROJECT, startApi, type TestApi } from '../support/api.ts';

const SECRET = 'client-key-data: U0VDUkVU';
const KUBECONFIG = `apiVersion: v1\nkind: Config\nusers:\n- name: admin\n  user:\n    ${SECRET}\n`;

describe('api: clusters that others made', () => {
  let api: TestApi;
  let log = '';
  before(async () => {
    const destination = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        log += chunk.toString();
        done();
      },
    });
    api = await startApi({}, { logger: createLogger({ service: 'api-test', level: 'trace', destination }) });
  });
  after(() => api.close());

  const take = (payload: object = {}, headers: Record<string, string> = {}, token = 'member') =>
    api.request({
      method: 'POST',
      url: '/v1/clusters/import',
      payload: { name: 'taken', kubeconfig: KUBECONFIG, ...payload },
      headers,
      token,
    });
  const read = async (uuid: string) => (await api.request({ url: `/v1/clusters/${uuid}` })).json();
  const stored = (uuid: string) =>
    api.store.db.collection<{ _id: string }>('clusters').findOne({ _id: uuid }) as Promise<{
      spec: { imported: unknown };
    } | null>;

  it('are asked after by the conductor, and taken in with what it sealed', async () => {
    api.questions.length = 0;
    const answer = await take({ context: 'prod', labels: { a: 1 } });
    const uuid = ensureUuid(answer);
    assert.equal(answer.headers['location'], `http://localhost:80/v1/clusters/${uuid}`);
    assert.deepEqual(api.questions, [
      {
        driver: 'import',
        project_id: PROJECT,
        user_id: 'member-user',
        references: {},
        imported: { cluster_id: uuid, kubeconfig: KUBECONFIG, context: 'prod' },
      },
    ]);
    assert.deepEqual((await stored(uuid))?.spec.imported, {
      kubeconfig: { v: 1, key_id: 'k', nonce: 'n', ciphertext: 'SEALED', tag: 't' },
      server: 'https://10.0.0.1:6443',
    });
    const cluster = await read(uuid);
    assert.equal(cluster.status, 'CREATE_IN_PROGRESS');
    assert.deepEqual(cluster.imported, { server: 'https://10.0.0.1:6443' });
    assert.deepEqual(cluster.labels, { a: '1' });
    const operation = (await api.request({ url: `/v1/operations/${cluster.operation_id}` })).json();
    assert.deepEqual([operation.action, operation.requested, operation.parts], ['create', 'import', []]);
    assert.deepEqual((await api.request({ url: `/v1/clusters/${uuid}/nodegroups` })).json(), {
      nodegroups: [],
    });
    await api.finish(uuid, null, { actual_node_count: 4, actual_master_count: 3 });
    const found = await read(uuid);
    assert.deepEqual([found.node_count, found.master_count], [4, 3]);
    const { clusters } = (await api.request({ url: '/v1/clusters' })).json();
    assert.deepEqual([clusters[0].node_count, clusters[0].master_count], [4, 3]);
    const template = (
      await api.request({ url: `/v1/clustertemplates/${cluster.cluster_template_id}` })
    ).json();
    assert.deepEqual(
      [template.name, template.driver, template.tls_disabled, template.coe],
      ['imported', 'import', false, 'kubernetes'],
    );
  });

  it('share one template of their project, made once', async () => {
    const uuids = await Promise.all(
      Array.from({ length: 8 }, async (_, i) => ensureUuid(await take({ name: `n${i}` }, {}, 'other'))),
    );
    const count = async () => {
      const { clustertemplates } = (
        await api.request({ url: '/v1/clustertemplates', token: 'other' })
      ).json();
      return clustertemplates.length;
    };
    assert.equal(await count(), 1);
    const templateOf = async (uuid: string): Promise<string> =>
      (await api.request({ url: `/v1/clusters/${uuid}`, token: 'other' })).json().cluster_template_id;
    const first = await templateOf(uuids[0] ?? '');
    const url = `/v1/clustertemplates/${first}`;
    expectError(await api.request({ method: 'DELETE', url, token: 'other' }), 409, 'in_use');
    for (const uuid of uuids) {
      await api.request({ method: 'DELETE', url: `/v1/clusters/${uuid}`, token: 'other' });
      await api.finish(uuid);
    }
    // When it was deleted, another one takes its place; and when that was, yet another.
    for (let i = 0; i < 2; i += 1) {
      const [before] = (await api.request({ url: '/v1/clustertemplates', token: 'other' })).json()
        .clustertemplates;
      await api.request({ method: 'DELETE', url: `/v1/clustertemplates/${before.uuid}`, token: 'other' });
      const uuid = ensureUuid(await take({}, {}, 'other'));
      assert.notEqual(await templateOf(uuid), before.uuid);
      assert.equal(await count(), 1);
      await api.request({ method: 'DELETE', url: `/v1/clusters/${uuid}`, token: 'other' });
      await api.finish(uuid);
    }
  });

  it('may have a template of their own, of a driver that takes clusters in', async () => {
    const cluster_template_id = await api.template({ name: 'own', driver: 'import', labels: { a: 'b' } });
    const cluster = await read(ensureUuid(await take({ cluster_template_id: 'own' })));
    assert.equal(cluster.cluster_template_id, cluster_template_id);
    assert.deepEqual(cluster.labels, { a: 'b' });
    await api.template({ name: 'makes' });
    expectError(await take({ cluster_template_id: 'makes' }), 400, 'unsupported', 'cluster_template_id');
    expectError(
      await take({ cluster_template_id: 'nope' }),
      400,
      'cluster_template_not_found',
      'cluster_template_id',
    );
  });

  it('are not taken in without an answer, nor when they cannot be reached', async () => {
    const usual = api.verdict.value;
    const count = () => api.store.db.collection('clusters').countDocuments();
    const before = await count();
    for (const [status, code] of [
      [504, 'request_deadline_exceeded'],
      [503, 'bus_unavailable'],
      [503, 'back_end_unavailable'],
    ] as const) {
      api.verdict.value = new CetusError(code, 'down');
      expectError(await take(), status, code);
    }
    api.verdict.value = {
      problems: [{ field: 'kubeconfig', code: 'invalid_field', detail: 'It has no current context' }],
      image: null,
    };
    expectError(await take(), 400, 'invalid_field', 'kubeconfig');
    assert.equal(await count(), before);
    api.verdict.value = usual;
  });

  it('are given another kubeconfig by a patch, which is checked alike', async () => {
    const uuid = ensureUuid(await take({ name: 'renewed' }));
    await api.finish(uuid);
    const patch = (payload: object[]) =>
      api.request({ method: 'PATCH', url: `/v1/clusters/${uuid}`, payload });
    const replace = (path: string, value: unknown) => ({ op: 'replace', path, value });
    const usual = api.verdict.value;
    const sealed = { v: 1, key_id: 'k', nonce: 'm', ciphertext: 'NEWER', tag: 't' };
    api.verdict.value = {
      problems: [],
      image: null,
      imported: { kubeconfig: sealed, server: 'https://new' },
    };
    api.questions.length = 0;
    const answer = await patch([replace('/kubeconfig', KUBECONFIG), replace('/context', 'c')]);
    assert.equal(answer.statusCode, 202, answer.body);
    assert.deepEqual(api.questions[0]?.['imported'], {
      cluster_id: uuid,
      kubeconfig: KUBECONFIG,
      context: 'c',
    });
    assert.deepEqual((await stored(uuid))?.spec.imported, { kubeconfig: sealed, server: 'https://new' });
    assert.equal((await read(uuid)).status, 'UPDATE_IN_PROGRESS');
    await api.finish(uuid);
    api.verdict.value = new CetusError('request_deadline_exceeded', 'down');
    expectError(await patch([replace('/kubeconfig', KUBECONFIG)]), 504, 'request_deadline_exceeded');
    api.verdict.value = usual;
    const bad: [object[], string][] = [
      [[replace('/kubeconfig', 1)], 'kubeconfig'],
      [[replace('/kubeconfig', '')], 'kubeconfig'],
      [[replace('/context', 'c')], 'kubeconfig'],
      [[{ op: 'remove', path: '/kubeconfig' }], 'kubeconfig'],
      [[{ op: 'test', path: '/kubeconfig', value: KUBECONFIG }], 'kubeconfig'],
      [[replace('/kubeconfig', KUBECONFIG), replace('/node_count', 2)], 'node_count'],
      [[replace('/kubeconfig', KUBECONFIG), { op: 'test', path: '/node_count', value: 9 }], 'node_count'],
    ];
    for (const [payload, field] of bad) {
      const refused = await patch(payload);
      assert.equal(refused.statusCode, 400, refused.body);
      assert.equal(refused.json().errors[0].field, field, refused.body);
    }
    expectError(await patch([replace('/node_count', 2)]), 400, 'unsupported', 'node_count');
    const undone = await api.request({
      method: 'PATCH',
      url: `/v1/clusters/${uuid}?rollback=true`,
      payload: [replace('/kubeconfig', KUBECONFIG)],
    });
    expectError(undone, 400, 'unsupported', 'rollback');
  });

  it('are given another kubeconfig also when they could not be taken in, or their credentials ran out', async () => {
    const failure = { code: 'cluster_credentials_rejected', message: 'They ran out' };
    const usual = api.verdict.value;
    const uuid = ensureUuid(await take({ name: 'expired' }));
    const url = `/v1/clusters/${uuid}`;
    const payload = [{ op: 'replace', path: '/kubeconfig', value: KUBECONFIG }];
    const patch = () => api.request({ method: 'PATCH', url, payload });
    expectError(await patch(), 409, 'operation_in_progress');
    for (const ended of ['CREATE_FAILED', 'UPDATE_FAILED', 'UPDATE_COMPLETE']) {
      await api.finish(uuid, ended === 'UPDATE_COMPLETE' ? null : failure);
      assert.equal((await read(uuid)).status, ended);
      api.verdict.value = {
        problems: [{ field: 'kubeconfig', code: 'cluster_replaced', detail: 'Another cluster' }],
        image: null,
      };
      expectError(await patch(), 409, 'cluster_replaced', 'kubeconfig');
      assert.equal((await read(uuid)).status, ended);
      api.verdict.value = usual;
      const answer = await patch();
      assert.equal(ensureUuid(answer), uuid);
      const id = String(answer.headers['cetus-operation-id']);
      const operation = (await api.request({ url: `/v1/operations/${id}` })).json();
      assert.deepEqual([operation.action, operation.requested], ['update', 'credentials']);
      await waitFor(async () => {
        const { events } = (await api.request({ url: `/v1/events?object=${uuid}&sort_dir=desc` })).json();
        return events[0].type === 'cetus.cluster.update.start';
      });
    }
    await api.finish(uuid);
    // Other changes of what was never taken in are none.
    const failed = ensureUuid(await take({ name: 'failed' }));
    await api.finish(failed, failure);
    const resize = [{ op: 'replace', path: '/node_count', value: 2 }];
    const refused = await api.request({ method: 'PATCH', url: `/v1/clusters/${failed}`, payload: resize });
    expectError(refused, 400, 'unsupported', 'node_count');
    assert.equal((await api.request({ method: 'DELETE', url })).statusCode, 204);
    await api.finish(uuid, { code: 'internal_error', message: 'no' });
    expectError(await patch(), 409, 'conflict');
  });

  it('are refused another kubeconfig that is none, that is not theirs, or that they cannot have', async () => {
    const uuid = ensureUuid(await take({ name: 'refusing' }));
    await api.finish(uuid);
    api.questions.length = 0;
    const patch = (payload: unknown, target = uuid, token = 'member') =>
      api.request({
        method: 'PATCH',
        url: `/v1/clusters/${target}`,
        payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
        headers: { 'content-type': 'application/json' },
        token,
      });
    const given = (value: unknown, path = '/kubeconfig') => [{ op: 'replace', path, value }];
    const [good] = given(KUBECONFIG);
    for (const value of [1, null, {}, [KUBECONFIG], true, '', 'k'.repeat(256 * 1024 + 1)])
      expectError(await patch(given(value)), 400, 'invalid_field', 'kubeconfig');
    // Fewer characters than bytes.
    expectError(await patch(given('\u{1f40b}'.repeat(100_000))), 400, 'invalid_field', 'kubeconfig');
    for (const value of [1, {}, '', 'c'.repeat(300)])
      expectError(await patch([good, ...given(value, '/context')]), 400, 'invalid_field', 'context');
    expectError(await patch([good, ...given('x', '/foo')]), 400, 'invalid_patch', 'foo');
    expectError(await patch([{ op: 'replace', path: '/kubeconfig' }]), 400, 'invalid_patch', '0/value');
    expectError(await patch({ kubeconfig: KUBECONFIG }), 400, 'invalid_field');
    expectError(await patch('[{"op": "replace", '), 400, 'malformed_body');
    expectError(await patch([good], uuid, 'other'), 404, 'not_found');
    expectError(await patch([good], '00000000-0000-4000-8000-000000000000'), 404, 'not_found');
    expectError(await patch([good], uuid, 'reader'), 403, 'forbidden');
    const made = await api.cluster({ name: 'made' });
    await api.finish(made);
    api.questions.length = 0;
    expectError(await patch([good], made), 400, 'unsupported', 'kubeconfig');
    assert.deepEqual(api.questions, [], 'nobody was asked to reach anything');
    assert.equal((await read(uuid)).status, 'CREATE_COMPLETE');
  });

  it('keep their secret wherever it could be seen', async () => {
    const uuid = ensureUuid(await take({ name: 'secret' }, { 'idempotency-key': 'import-1' }));
    const again = await take({ name: 'secret' }, { 'idempotency-key': 'import-1' });
    assert.equal(ensureUuid(again), uuid);
    await api.finish(uuid);
    // Requests that go wrong, in every way that errors are made of.
    const bodies = [
      JSON.stringify({ kubeconfig: KUBECONFIG, foo: 1 }),
      JSON.stringify({ kubeconfig: [KUBECONFIG] }),
      `{"kubeconfig": ${SECRET}`,
      `{"kubeconfig": "x", ${SECRET}`,
      '{"kubeconfig": U0VDUkVU}',
    ];
    for (const payload of bodies) {
      const answer = await api.request({
        method: 'POST',
        url: '/v1/clusters/import',
        payload,
        headers: { 'content-type': 'application/json' },
      });
      assert.equal(answer.statusCode, 400);
      assert.ok(!answer.body.includes('U0VDU'), answer.body);
    }
    for (const url of [
      '/v1/clusters/detail',
      `/v1/clusters/${uuid}`,
      '/v1/events?limit=1000',
      '/v1/operations',
    ]) {
      const { body } = await api.request({ url });
      assert.doesNotMatch(body, /U0VDU|SEALED|NEWER/, url);
    }
    const everything = JSON.stringify(
      await Promise.all(
        (await api.store.db.collections()).map(async (one) => [
          one.collectionName,
          await one.find().toArray(),
        ]),
      ),
    );
    assert.ok(!everything.includes('U0VDU'));
    assert.ok(log.includes('a request was refused'), 'the log is looked at');
    assert.ok(!log.includes('U0VDU'), log.slice(Math.max(0, log.indexOf('U0VDU') - 500)).slice(0, 600));
  });
});
