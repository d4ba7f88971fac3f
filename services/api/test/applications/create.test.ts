import { strict as assert } from 'node:assert';
import { Writable } from 'node:stream';
import { namespaceOf } from '@cetus/shared/applications';
import { CetusError } from '@cetus/shared/errors';
import type { StoredApplication } from '@cetus/shared/schemas';
import { createLogger } from '@cetus/shared/service';
import { waitFor } from '@cetus/test-kit';
import { ensureUuid, errorOf, expectError } from '../support/answers.ts';
import { PROJECT, startApi, type TestApi } from '../support/api.ts';

const SECRET = 'c3VwZXItc2VjcmV0LXZhbHVl';
const PASSWORD = 'pull-password-of-the-registry';

describe('api: applications, made', () => {
  let api: TestApi;
  let cluster: string;
  let log = '';
  before(async () => {
    const destination = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        log += chunk.toString();
        done();
      },
    });
    api = await startApi({}, { logger: createLogger({ service: 'api-test', level: 'trace', destination }) });
    cluster = await api.cluster({ name: 'prod' });
  });
  after(() => api.close());

  const form = (more: object = {}) => ({
    name: 'web',
    kind: 'stateless',
    placements: [{ cluster: 'prod' }],
    containers: [{ name: 'web', image: 'nginx:1.27', resources: { requests: { cpu: '100m' } } }],
    ...more,
  });
  const post = (payload: object, headers: Record<string, string> = {}, token = 'member') =>
    api.request({ method: 'POST', url: '/v1/applications', payload, headers, token });
  const read = async (ref: string) => (await api.request({ url: `/v1/applications/${ref}` })).json();
  const stored = async (uuid: string): Promise<StoredApplication> => {
    const found = await api.store.db.collection<StoredApplication>('applications').findOne({ _id: uuid });
    assert.ok(found);
    return found;
  };
  const count = (): Promise<number> => api.store.db.collection('applications').countDocuments();

  it('are accepted with one write, and shown at once as they will be', async () => {
    const answer = await post(form({ name: 'first', replicas: 2, labels: { tier: 'x' } }));
    const uuid = ensureUuid(answer);
    assert.deepEqual(answer.json(), { uuid });
    assert.equal(answer.headers['location'], `http://localhost:80/v1/applications/${uuid}`);
    assert.deepEqual(api.commands.at(-1), { kind: 'application', id: uuid, reason: 'create' });
    const view = await read('first');
    const operation = (await api.request({ url: `/v1/operations/${view.operation_id}` })).json();
    assert.equal(answer.headers['cetus-operation-id'], operation.uuid);
    assert.deepEqual(
      [operation.action, operation.requested, operation.state],
      ['create', 'create', 'IN_PROGRESS'],
    );
    assert.equal(Date.parse(operation.deadline_at) - Date.parse(operation.accepted_at), 720_000);
    const namespace = namespaceOf(PROJECT, 'member-user');
    const { links, created_at, conditions, qos, ...rest } = view;
    assert.equal(links[1].href, `http://localhost:80/applications/${uuid}`);
    assert.match(created_at, /\+00:00$/);
    assert.deepEqual(conditions, []);
    assert.equal(qos.class, 'Burstable');
    assert.deepEqual(rest, {
      uuid,
      name: 'first',
      kind: 'stateless',
      status: 'CREATE_IN_PROGRESS',
      status_reason: null,
      phase: 'Pending',
      instances: { desired: 0, updated: 0, ready: 0, available: 0 },
      cluster_ids: [cluster],
      cause: null,
      failure: null,
      labels: { tier: 'x' },
      placements: [{ cluster, cluster_name: 'prod' }],
      containers: [{ name: 'web', image: 'nginx:1.27', resources: { requests: { cpu: '100m' } } }],
      replicas: 2,
      secrets: [],
      clusters: [
        {
          cluster_id: cluster,
          cluster_name: 'prod',
          namespace,
          state: 'PENDING',
          progress: null,
          failure: null,
          phase: 'Pending',
          since: null,
          instances: null,
          cause: null,
          autoscaler: null,
          endpoints: [],
          drift: [],
          reachable: null,
          last_contact: null,
        },
      ],
      endpoints: [],
      revision: 1,
      stopped: false,
      paused: false,
      restarted_at: null,
      runs: 0,
      operation_id: operation.uuid,
      project_id: PROJECT,
      user_id: 'member-user',
      updated_at: null,
    });
    const document = await stored(uuid);
    assert.deepEqual(document.spec.placements, [{ cluster_id: cluster, selector: null, overrides: {} }]);
    assert.deepEqual(
      document.revisions.map(({ number, generation, requested }) => ({ number, generation, requested })),
      [{ number: 1, generation: 1, requested: 'create' }],
    );
    assert.deepEqual(document.observed, {});
    assert.equal((await api.request({ url: '/applications/first' })).statusCode, 200);
  });

  it('have their secrets sealed before the one write, and shown nowhere', async () => {
    const before = api.service.of('seal').length;
    const uuid = ensureUuid(
      await post(
        form({
          name: 'secretive',
          secrets: [
            { name: 'db', values: { PASSWORD: SECRET, 'a.key': 'x' } },
            { name: 'constructor', values: { A: SECRET } },
          ],
          image_pull_secret: { registry: 'registry.example', username: 'robot', password: PASSWORD },
          containers: [
            { name: 'web', image: 'nginx', env: [{ name: 'P', secret: { name: 'db', key: 'PASSWORD' } }] },
          ],
        }),
      ),
    );
    assert.deepEqual(api.service.of('seal').slice(before), [
      {
        id: uuid,
        secrets: { db: { PASSWORD: SECRET, 'a.key': 'x' }, constructor: { A: SECRET } },
        pull_password: PASSWORD,
      },
    ]);
    const view = await read(uuid);
    assert.deepEqual(view.secrets, [
      { name: 'db', keys: ['PASSWORD', 'a.key'] },
      { name: 'constructor', keys: ['A'] },
    ]);
    assert.deepEqual(view.image_pull_secret, { registry: 'registry.example', username: 'robot' });
    const document = await stored(uuid);
    assert.equal(document.spec.sealed?.ciphertext, 'SEALED');
    await waitFor(async () => (await api.store.db.collection('events').countDocuments({})) > 0);
    const events = await api.store.db.collection('events').find().toArray();
    const operations = await api.store.db.collection('operations').find().toArray();
    const answers = await Promise.all(
      ['', '/detail', `/${uuid}`, `/${uuid}/revisions`, `/${uuid}/revisions/1`].map((path) =>
        api.request({ url: `/v1/applications${path}` }),
      ),
    );
    for (const one of answers) assert.equal(one.statusCode, 200, one.body);
    // The digest of the request, by which a repeated one is told, is all that is left of it.
    const texts = [JSON.stringify([document, events, operations]), ...answers.map(({ body }) => body)];
    for (const text of texts) {
      for (const secret of [SECRET, PASSWORD]) assert.ok(!text.includes(secret), text);
    }
    for (const text of answers.map(({ body }) => body)) assert.ok(!/SEALED|nonce/.test(text), text);
    assert.ok(!log.includes(SECRET) && !log.includes(PASSWORD));
  });

  it('do not tell a secret when a change with one is refused', async () => {
    const uuid = ensureUuid(await post(form({ name: 'discreet' })));
    const url = `/v1/applications/${uuid}`;
    const patches = [
      [{ op: 'add', path: '/secrets/7', value: { name: 'db', values: { A: SECRET } } }],
      [{ op: 'replace', path: '/secrets/0/values', value: { A: SECRET } }],
      [
        { op: 'add', path: '/secrets/-', value: { name: 'db', values: { A: SECRET } } },
        { op: 'test', path: '/secrets/0/values/A', value: `${SECRET}-2` },
      ],
      [{ op: 'add', path: '/secrets/-', value: { name: 'db', values: { A: SECRET }, foo: SECRET } }],
    ];
    for (const payload of patches) {
      const answer = await api.request({ method: 'PATCH', url, payload });
      assert.equal(answer.statusCode, 400, answer.body);
      assert.ok(!answer.body.includes(SECRET), answer.body);
    }
    const wrong = form({ name: 'x', secrets: [{ name: 'db', values: { A: SECRET, B: [SECRET] } }] });
    const answers = [await post(wrong), await api.request({ method: 'PUT', url, payload: wrong })];
    for (const answer of answers) assert.ok(answer.statusCode === 400 && !answer.body.includes(SECRET));
    assert.ok(!log.includes(SECRET));
  });

  it('leave nothing behind when nobody can seal', async () => {
    const before = await count();
    const secrets = [{ name: 'db', values: { PASSWORD: SECRET } }];
    for (const [error, status] of [
      [new CetusError('request_deadline_exceeded', 'late'), 504],
      [new CetusError('bus_unavailable', 'gone'), 503],
      [new Error(`a mistake about ${SECRET}`), 500],
    ] as const) {
      const restore = api.service.says('seal', () => {
        throw error;
      });
      const answer = await post(form({ name: 'unsealed', secrets }));
      restore();
      assert.equal(answer.statusCode, status, answer.body);
      assert.ok(!answer.body.includes(SECRET));
    }
    const restore = api.service.says('seal', () => ({
      sealed: { v: 1, key_id: 'k', nonce: 'n', ciphertext: 'x'.repeat(1_500_000), tag: 't' },
      keys: { db: ['PASSWORD'] },
    }));
    expectError(await post(form({ name: 'unsealed', secrets })), 400, 'invalid_field', 'secrets');
    restore();
    assert.equal(await count(), before);
    assert.ok(!log.includes(SECRET));
  });

  it('are refused by what is wrong, with the field, before anything is sealed', async () => {
    const before = await count();
    const sealed = api.service.of('seal').length;
    const secrets = [{ name: 'db', values: { PASSWORD: SECRET } }];
    const other = await api.request({
      method: 'POST',
      url: '/v1/clustertemplates',
      token: 'other',
      payload: { name: 'k', coe: 'kubernetes', image_id: 'i' },
    });
    const foreign = await api.request({
      method: 'POST',
      url: '/v1/clusters',
      token: 'other',
      payload: { name: 'theirs', cluster_template_id: other.json().uuid },
    });
    const going = await api.cluster({ name: 'going' });
    await api.request({ method: 'DELETE', url: `/v1/clusters/${going}` });
    for (let i = 0; i < 2; i += 1) await api.cluster({ name: 'twin' });
    const cases: [object, number, Parameters<typeof expectError>[2], string][] = [
      [{ placements: [{ cluster: 'nowhere' }] }, 400, 'cluster_not_found', 'placements/0/cluster'],
      [{ placements: [{ cluster: foreign.json().uuid }] }, 400, 'cluster_not_found', 'placements/0/cluster'],
      [{ placements: [{ cluster: 'theirs' }] }, 400, 'cluster_not_found', 'placements/0/cluster'],
      [{ placements: [{ cluster: 'twin' }] }, 400, 'ambiguous_reference', 'placements/0/cluster'],
      [{ placements: [{ cluster }, { cluster: going }] }, 409, 'conflict', 'placements/1/cluster'],
      [{ placements: [{ cluster }, { cluster: 'prod' }] }, 400, 'invalid_field', 'placements/1/cluster'],
      [{ placements: [{ cluster, selector: { a: 'b' } }] }, 400, 'invalid_field', 'placements/0'],
      [{ placements: [] }, 400, 'invalid_field', 'placements'],
      [{ kind: 'cronjob' }, 400, 'missing_field', 'cron'],
      [{ host_network: true }, 400, 'host_access_denied', 'host_network'],
      [{ secrets: [{ name: 'db' }] }, 400, 'missing_field', 'secrets/0/values'],
      [
        { image_pull_secret: { registry: 'r', username: 'u' } },
        400,
        'missing_field',
        'image_pull_secret/password',
      ],
    ];
    for (const [more, status, code, field] of cases)
      expectError(await post(form({ name: 'wrong', secrets, ...more })), status, code, field);
    const { errors } = (await post({ name: 'Wrong', kind: 'x', foo: 1 })).json<{
      errors: { code: string; field: string }[];
    }>();
    assert.deepEqual(errors.map(({ code, field }) => `${code} ${field}`).sort(), [
      'invalid_field kind',
      'invalid_field name',
      'missing_field containers',
      'missing_field placements',
      'unknown_field foo',
    ]);
    assert.equal(await count(), before);
    assert.equal(api.service.of('seal').length, sealed);
  });

  it('may reach the nodes where the site lets them', async () => {
    const open = await startApi({ CETUS_APPLICATION_HOST_ACCESS: 'host-network,privileged' });
    try {
      const uuid = await open.application({ host_network: true });
      assert.equal((await open.request({ url: `/v1/applications/${uuid}` })).json().host_network, true);
      const volumes = [{ name: 'host', host_path: { path: '/srv' } }];
      const answer = await open.request({
        method: 'POST',
        url: '/v1/applications',
        payload: { ...form(), placements: [{ selector: { a: 'b' } }], volumes },
      });
      expectError(answer, 400, 'host_access_denied', 'volumes/0/host_path');
    } finally {
      await open.close();
    }
  });

  it('follow labels, with no cluster yet', async () => {
    const uuid = ensureUuid(
      await post(
        form({ name: 'labelled', placements: [{ selector: { tier: 'edge' }, overrides: { replicas: 3 } }] }),
      ),
    );
    const view = await read(uuid);
    assert.deepEqual(view.placements, [{ selector: { tier: 'edge' }, overrides: { replicas: 3 } }]);
    assert.deepEqual([view.clusters, view.phase], [[], 'Pending']);
  });

  it('have a name that is theirs alone in the project, until they are gone', async () => {
    const first = ensureUuid(await post(form({ name: 'unique' })));
    expectError(await post(form({ name: 'unique' })), 409, 'conflict', 'name');
    const both = await Promise.all(['race', 'race'].map((name) => post(form({ name }))));
    assert.deepEqual(both.map(({ statusCode }) => statusCode).sort(), [202, 409]);
    await api.request({ method: 'DELETE', url: `/v1/applications/${first}` });
    expectError(await post(form({ name: 'unique' })), 409, 'conflict', 'name');
    await api.finishApplication(first);
    assert.notEqual(ensureUuid(await post(form({ name: 'unique' }))), first);
  });

  it('are made once for one Idempotency-Key', async () => {
    const secrets = [{ name: 'db', values: { PASSWORD: SECRET } }];
    const body = form({ name: 'once', secrets });
    const answers = await Promise.all([1, 2, 3].map(() => post(body, { 'idempotency-key': 'k-once' })));
    assert.equal(new Set(answers.map(ensureUuid)).size, 1);
    const uuid = ensureUuid(answers[0] as never);
    await api.request({ method: 'DELETE', url: `/v1/applications/${uuid}` });
    await api.finishApplication(uuid);
    // What was there once is the answer still, though it is gone.
    assert.equal(ensureUuid(await post(body, { 'idempotency-key': 'k-once' })), uuid);
    expectError(
      await post(form({ name: 'twice' }), { 'idempotency-key': 'k-once' }),
      422,
      'idempotency_key_reused',
    );
    expectError(await post(form({ name: 'bad' }), { 'idempotency-key': 'a b' }), 400, 'invalid_field');
  });

  it('may be as large as a megabyte, and no larger', async () => {
    const file = 'x'.repeat(100_000);
    const files = (n: number) =>
      Object.fromEntries(Array.from({ length: n }, (_, i) => [`f${String(i)}`, file]));
    const large = await post(form({ name: 'large', config_files: [{ name: 'c', files: files(9) }] }));
    const uuid = ensureUuid(large);
    assert.equal((await read(uuid)).config_files[0].files.f8.length, 100_000);
    const larger = await post(form({ name: 'larger', config_files: [{ name: 'c', files: files(11) }] }));
    expectError(larger, 413, 'body_too_large');
    const list = await api.request({ url: '/v1/applications' });
    assert.ok(!list.body.includes('xxxx'));
    const deep = `${'{"a":'.repeat(17)}1${'}'.repeat(17)}`;
    const answer = await api.request({
      method: 'POST',
      url: '/v1/applications',
      payload: deep,
      headers: { 'content-type': 'application/json' },
    });
    assert.equal(errorOf(answer).code, 'malformed_body');
  });
});
