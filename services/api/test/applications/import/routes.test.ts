import { strict as assert } from 'node:assert';
import { Writable } from 'node:stream';
import { CetusError } from '@cetus/shared/errors';
import type { ImportPreview, ImportResult, StoredApplication } from '@cetus/shared/schemas';
import { createLogger } from '@cetus/shared/service';
import { errorOf, expectError } from '../../support/answers.ts';
import { startApi, type TestApi } from '../../support/api.ts';

const SECRET = 'a-value-that-nobody-may-see';

const compose = (services: object, more: object = {}): string => JSON.stringify({ services, ...more });
const TWO = compose({
  web: { image: 'nginx:1.27', ports: ['80:80'] },
  db: { image: 'mysql:8', environment: { MYSQL_ROOT_PASSWORD: SECRET }, volumes: ['data:/var/lib/mysql'] },
});
const MANIFESTS = `
apiVersion: v1
kind: Secret
metadata: { name: creds }
data: { password: ${Buffer.from(SECRET).toString('base64')} }
---
apiVersion: v1
kind: Secret
metadata: { name: pull }
type: kubernetes.io/dockerconfigjson
stringData:
  .dockerconfigjson: '{"auths":{"r.example":{"username":"u","password":"${SECRET}"}}}'
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: manifested }
spec:
  template:
    spec:
      imagePullSecrets: [{ name: pull }]
      containers:
        - name: web
          image: nginx
          env: [{ name: P, valueFrom: { secretKeyRef: { name: creds, key: password } } }]
`;

describe('api: applications, imported', () => {
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
    await api.cluster({ name: 'prod' });
  });
  after(() => api.close());
  beforeEach(() => api.store.db.collection('applications').deleteMany({}));

  const send = (
    body: object,
    { dryRun = false, token = 'member', key }: { dryRun?: boolean; token?: string | null; key?: string } = {},
  ) =>
    api.request({
      method: 'POST',
      url: `/v1/applications/import${dryRun ? '?dry_run=true' : ''}`,
      payload: { format: 'auto', placements: [{ cluster: 'prod' }], ...body },
      headers: key === undefined ? {} : { 'idempotency-key': key },
      token,
    });
  const stored = (): Promise<StoredApplication[]> =>
    api.store.db.collection<StoredApplication>('applications').find().sort({ name: 1 }).toArray();
  const names = async (): Promise<string[]> => (await stored()).map(({ name }) => name);

  it('shows what would be made, and makes nothing', async () => {
    await api.application({ name: 'web', placements: [{ cluster: 'prod' }] });
    const sealed = api.service.of('seal').length;
    const answer = await send({ content: TWO }, { dryRun: true });
    assert.equal(answer.statusCode, 200, answer.body);
    const { applications, report } = answer.json<ImportPreview>();
    assert.deepEqual(
      applications.map(({ source, form, problems }) => [
        source,
        form.kind,
        problems.map(({ field }) => field),
      ]),
      [
        ['services/web', 'stateless', ['name']],
        ['services/db', 'stateful', []],
      ],
    );
    assert.deepEqual(applications[1]?.form.secrets, [{ name: 'env' }]);
    assert.ok(report.some(({ severity, source }) => severity === 'note' && source === 'services/db'));
    assert.deepEqual([await names(), api.service.of('seal').length], [['web'], sealed]);
  });

  it('accepts each application as one of its own', async () => {
    const before = api.commands.length;
    const answer = await send({ content: TWO });
    assert.equal(answer.statusCode, 202, answer.body);
    const { applications, refused, report } = answer.json<ImportResult>();
    const found = await stored();
    assert.deepEqual(
      applications.map(({ uuid, name, source }) => [uuid, name, source]),
      [
        [found[1]?._id, 'web', 'services/web'],
        [found[0]?._id, 'db', 'services/db'],
      ],
    );
    assert.deepEqual(refused, []);
    assert.ok(report.length > 0);
    assert.deepEqual(
      api.commands.slice(before),
      applications.map(({ uuid }) => ({ kind: 'application', id: uuid, reason: 'create' })),
    );
    assert.deepEqual(api.service.of('seal').at(-1), {
      id: found[0]?._id,
      secrets: { env: { MYSQL_ROOT_PASSWORD: SECRET } },
    });
    const view = (await api.request({ url: '/v1/applications/db' })).json();
    assert.deepEqual([view.status, view.kind, view.revision], ['CREATE_IN_PROGRESS', 'stateful', 1]);
    // The form that was shown is one that can be sent by itself.
    const { form } = (
      await send({ content: TWO.replaceAll('web', 'other') }, { dryRun: true })
    ).json<ImportPreview>().applications[0] as ImportPreview['applications'][number];
    const alone = await api.request({ method: 'POST', url: '/v1/applications', payload: form });
    assert.equal(alone.statusCode, 202, alone.body);
  });

  it('tells secrets nowhere', async () => {
    const answers = [
      await send({ content: MANIFESTS }, { dryRun: true }),
      await send({ content: MANIFESTS }),
      await send({ content: MANIFESTS }),
      await send({ content: `${MANIFESTS}\n---\n"${SECRET}` }),
      await send({ content: `${MANIFESTS}\n---\n${SECRET}: &x\n${SECRET}: *${SECRET}` }),
      await send({ content: TWO }, { dryRun: true }),
      await send({ content: TWO, secrets: { db: SECRET }, variables: { A: SECRET } }),
      await send({ content: TWO, secrets: { db: [SECRET] } }),
      await api.request({ url: '/v1/applications/detail' }),
    ];
    assert.deepEqual(
      answers.map(({ statusCode }) => statusCode),
      [200, 202, 409, 400, 400, 200, 202, 400, 200],
    );
    const encoded = Buffer.from(SECRET).toString('base64');
    for (const { body } of answers) assert.ok(!body.includes(SECRET) && !body.includes(encoded), body);
    assert.ok(!log.includes(SECRET) && !log.includes(encoded));
    const preview = answers[0]?.json<ImportPreview>().applications[0]?.form;
    assert.deepEqual(
      [preview?.secrets, preview?.image_pull_secret],
      [[{ name: 'creds' }], { registry: 'r.example', username: 'u' }],
    );
    assert.deepEqual(
      api.service.of('seal').some(({ pull_password }) => pull_password === SECRET),
      true,
    );
  });

  it('makes nothing when one of several cannot be accepted', async () => {
    const sealed = api.service.of('seal').length;
    await api.application({ name: 'taken', placements: [{ cluster: 'prod' }] });
    const good = { image: 'nginx' };
    const hidden = { image: 'x', environment: { API_TOKEN: SECRET } };
    const cases: [object, number, Parameters<typeof expectError>[2], RegExp][] = [
      [
        { content: compose({ a: hidden, b: { image: 'not an image' } }) },
        400,
        'invalid_field',
        /^content: services\/b: containers\/0\/image /,
      ],
      [
        { content: compose({ a: hidden, b: { ...good, privileged: true } }) },
        400,
        'host_access_denied',
        /^content: services\/b: containers\/0\/security\/privileged /,
      ],
      [{ content: compose({ a: hidden, taken: good }) }, 409, 'conflict', /^content: services\/taken: name /],
      [
        {
          content: compose(
            { a: hidden, b: { ...good, secrets: ['s'] } },
            { secrets: { s: { file: './s' } } },
          ),
        },
        400,
        'missing_field',
        /^content: services\/b: secrets\/0\/values /,
      ],
      [
        { content: compose({ a: hidden, b: { ...good, mem_limit: '1m', mem_reservation: '2m' } }) },
        400,
        'invalid_field',
        /^content: services\/b: containers\/0\/resources\/requests\/memory /,
      ],
      [
        { content: 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}' },
        400,
        'invalid_field',
        /^content: Deployment\/d: containers /,
      ],
      [{ content: compose({ a: { build: '.' } }) }, 400, 'invalid_field', /^content has nothing/],
      [
        { content: 'apiVersion: v1\nkind: Namespace\nmetadata: {name: n}' },
        400,
        'invalid_field',
        /^content has nothing/,
      ],
    ];
    for (const [body, status, code, detail] of cases) {
      const answer = await send(body);
      expectError(answer, status, code, 'content');
      assert.match(errorOf(answer).detail, detail);
    }
    assert.deepEqual([await names(), api.service.of('seal').length], [['taken'], sealed]);
  });

  it('refuses what cannot be read, with what is wrong', async () => {
    const deep = `services: ${'{a: '.repeat(300)}1${'}'.repeat(300)}`;
    const bomb = `a: &a [${'x, '.repeat(300)}x]\nb: &b [${Array(300).fill('*a').join(', ')}]\nservices: [*b]`;
    const many = compose(
      Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`s${i}`, { image: 'x' }])),
    );
    const cases: [object, RegExp][] = [
      [{ content: 'services:\n  web:\n    image: "x\n' }, /^content is not YAML: .* in line \d/],
      [{ content: 'services:\n  web: {}\n  web: {}' }, /in line 3/],
      [{ content: deep }, /too deeply/],
      [{ content: bomb }, /aliases/],
      [{ content: many }, /more than 100 services/],
      [{ content: 'just text' }, /neither services/],
      [{ content: TWO, format: 'kubernetes' }, /nothing that can be imported/],
      [{ content: MANIFESTS, format: 'compose' }, /one document/],
      [{ content: 'a: 1', format: 'compose' }, /no services/],
      [{ content: 'services: {a: {image: "${TAG?}"}}' }, /variable TAG/],
      [{ content: `# ${'é'.repeat(300_000)}` }, /at most 524288 bytes/],
    ];
    for (const [body, detail] of cases) {
      const answer = await send(body);
      expectError(answer, 400, 'invalid_field', 'content');
      assert.match(errorOf(answer).detail, detail);
    }
    const larger = await send({ content: 'x'.repeat(524_289) });
    expectError(larger, 400, 'invalid_field', 'content');
    expectError(await send({ content: 'x'.repeat(2_200_000) }), 413, 'body_too_large');
    assert.deepEqual(await names(), []);
  });

  it('refuses what is wrong with the request itself', async () => {
    const content = TWO;
    const theirs = await api.request({
      method: 'POST',
      url: '/v1/clustertemplates',
      token: 'other',
      payload: { name: 'k', coe: 'kubernetes', image_id: 'i' },
    });
    const foreign = await api.request({
      method: 'POST',
      url: '/v1/clusters',
      token: 'other',
      payload: { name: 'theirs', cluster_template_id: theirs.json().uuid },
    });
    const cases: [object, Parameters<typeof expectError>[2], string][] = [
      [{ content, foo: 1 }, 'unknown_field', 'foo'],
      [{ content, format: 'helm' }, 'invalid_field', 'format'],
      [{}, 'missing_field', 'content'],
      [{ content, placements: [] }, 'invalid_field', 'placements'],
      [{ content, placements: [{ cluster: 'nowhere' }] }, 'cluster_not_found', 'placements/0/cluster'],
      [
        { content, placements: [{ cluster: foreign.json().uuid }] },
        'cluster_not_found',
        'placements/0/cluster',
      ],
      [{ content, default_volume_size: 'big' }, 'invalid_field', 'default_volume_size'],
      [{ content, variables: { 'A-B': 'x' } }, 'invalid_field', 'variables/A-B'],
      [{ content, exposure: 'none' }, 'invalid_field', 'exposure'],
    ];
    for (const [body, code, field] of cases) {
      expectError(await send(body), 400, code, field);
      expectError(await send(body, { dryRun: true }), 400, code, field);
    }
    expectError(await send({ content }, { token: null }), 401, 'unauthenticated');
    expectError(await send({ content }, { token: 'reader' }), 403, 'forbidden');
    const query = await api.request({
      method: 'POST',
      url: '/v1/applications/import?dryrun=1',
      payload: { content },
    });
    assert.equal(query.statusCode, 400);
    assert.deepEqual(await names(), []);
  });

  it('does nothing more when it is repeated with its Idempotency-Key', async () => {
    const first = await send({ content: TWO }, { key: 'import-1' });
    const again = await send({ content: TWO }, { key: 'import-1' });
    assert.deepEqual([first.statusCode, again.statusCode], [202, 202], again.body);
    assert.deepEqual(again.json(), first.json());
    assert.deepEqual(await names(), ['db', 'web']);
    expectError(await send({ content: MANIFESTS }, { key: 'import-1' }), 422, 'idempotency_key_reused');
    const both = await Promise.all([1, 2].map(() => send({ content: MANIFESTS }, { key: 'import-2' })));
    assert.deepEqual(both[0]?.json(), both[1]?.json());
    // The key is not one of a request for a single application.
    const single = await api.request({
      method: 'POST',
      url: '/v1/applications',
      headers: { 'idempotency-key': 'import-1' },
      payload: {
        name: 'single',
        kind: 'stateless',
        placements: [{ cluster: 'prod' }],
        containers: [{ name: 'a', image: 'x' }],
      },
    });
    assert.equal(single.statusCode, 202, single.body);
  });

  it('leaves nothing behind when nobody can seal', async () => {
    const restore = api.service.says('seal', () => {
      throw new CetusError('request_deadline_exceeded', 'late');
    });
    const answer = await send({ content: TWO });
    restore();
    expectError(answer, 504, 'request_deadline_exceeded');
    assert.deepEqual(await names(), []);
  });

  it('says which were accepted when something comes between', async () => {
    const three = compose({ a: { image: 'x' }, b: { image: 'x' }, c: { image: 'x' } });
    const create = api.applications.create.bind(api.applications);
    // Another request takes the name between the look and the write.
    api.applications.create = async (object, request) => {
      if (object.name === 'b')
        throw new CetusError('conflict', 'The project has an application named b', { field: 'name' });
      return create(object, request);
    };
    try {
      const answer = await send({ content: three }, { key: 'between' });
      assert.equal(answer.statusCode, 202, answer.body);
      const { applications, refused } = answer.json<ImportResult>();
      assert.deepEqual(
        applications.map(({ name }) => name),
        ['a', 'c'],
      );
      assert.deepEqual(
        refused.map(({ name, source, code }) => [name, source, code]),
        [['b', 'services/b', 'conflict']],
      );
      let calls = 0;
      api.applications.create = async (object, request) => {
        calls += 1;
        if (object.name === 'e') throw new CetusError('store_unavailable', 'gone');
        return create(object, request);
      };
      const down = await send(
        { content: three.replace('"a"', '"d"').replace('"b"', '"e"').replace('"c"', '"f"') },
        { key: 'down' },
      );
      assert.equal(down.statusCode, 202, down.body);
      const partly = down.json<ImportResult>();
      assert.deepEqual(
        partly.applications.map(({ name }) => name),
        ['d'],
      );
      assert.deepEqual(
        partly.refused.map(({ name, code }) => [name, code]),
        [
          ['e', 'store_unavailable'],
          ['f', 'store_unavailable'],
        ],
      );
      assert.equal(calls, 2);
      api.applications.create = async () => {
        throw new CetusError('store_unavailable', 'gone');
      };
      expectError(
        await send({ content: compose({ g: { image: 'x' }, h: { image: 'x' } }) }),
        503,
        'store_unavailable',
      );
    } finally {
      api.applications.create = create;
    }
    // The same request goes on where it could not.
    const rest = await send({ content: three }, { key: 'between' });
    assert.deepEqual(
      rest.json<ImportResult>().applications.map(({ name }) => name),
      ['a', 'b', 'c'],
    );
    assert.deepEqual(await names(), ['a', 'b', 'c', 'd']);
  });
});
