import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { errorsOf } from './support/answers.ts';
import { PROJECT, startApi, type TestApi } from './support/api.ts';

interface Schema {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
}

interface Parameter {
  name: string;
  in: string;
  schema: Schema;
}

interface Operation {
  parameters?: (Parameter | { $ref: string })[];
  requestBody?: { content: Record<string, { schema: Schema }> };
  responses: Record<string, unknown>;
}

interface Document {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema>; parameters: Record<string, Parameter> };
}

/** What has broken servers before. */
const NASTY = fc.constantFrom<unknown>(
  '', ' ', '\u0000', '../..', '%00', '__proto__', 'constructor', '$where', '{"$gt":""}', 'a'.repeat(5_000), '💥', '\ud800',
  -1, 0, 1.5, 2 ** 53, -(2 ** 31) - 1, 1e308, null, true, [], {}, [[]], { $ne: null }, { $gt: '' }, '0x10', '1e3', "'; DROP",
); // prettier-ignore

/** Something near what a schema asks for. */
function near(schema: Schema, document: Document): fc.Arbitrary<unknown> {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.split('/').at(-1) ?? '';
    return near(document.components.schemas[name] ?? {}, document);
  }
  const { properties, items } = schema;
  if (schema.enum !== undefined)
    return fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...schema.enum) }, NASTY);
  if (properties !== undefined) {
    const known = Object.fromEntries(
      Object.entries(properties).map(([name, one]) => [name, near(one, document)]),
    );
    const object = fc.record(known, {
      requiredKeys: fc.sample(fc.boolean(), 1)[0] === true ? (schema.required ?? []) : [],
    });
    const more = fc.dictionary(
      fc.oneof(fc.string(), fc.constantFrom('foo', 'constructor', '$set')),
      fc.jsonValue(),
      { maxKeys: 1 },
    );
    return fc.oneof(
      { weight: 6, arbitrary: object },
      { weight: 1, arbitrary: fc.tuple(object, more).map(([a, b]) => ({ ...a, ...b })) },
      NASTY,
    );
  }
  if (items !== undefined)
    return fc.oneof({ weight: 5, arbitrary: fc.array(near(items, document), { maxLength: 4 }) }, NASTY);
  return fc.oneof(
    {
      weight: 4,
      arbitrary: fc.constantFrom<unknown>(
        'x',
        'm1.small',
        'k8s',
        '/node_count',
        '/labels/a',
        '8.8.8.8',
        'http://x',
      ),
    },
    { weight: 3, arbitrary: fc.integer({ min: -2, max: 6 }) },
    { weight: 1, arbitrary: fc.boolean() },
    { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
    { weight: 2, arbitrary: NASTY },
  );
}

/** Text for an address. */
function text(value: unknown): string {
  const string = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  // A lone surrogate has no place in UTF-8.
  return encodeURIComponent(string.replace(/[\ud800-\udfff]/g, '\ufffd'));
}

function parameterOf(ref: string, document: Document): Parameter {
  const found = document.components.parameters[ref.split('/').at(-1) ?? ''];
  assert.ok(found !== undefined, ref);
  return found;
}

interface Attempt {
  method: string;
  path: string;
  parameters: Record<string, unknown>;
  query: Record<string, unknown>;
  headers: Record<string, string>;
  body: unknown;
  raw: boolean;
  version: string;
  token: string;
}

function attempts(document: Document, known: string[]): fc.Arbitrary<Attempt> {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  return fc.constantFrom(...operations).chain(({ path, method, operation }) => {
    const of = (place: string): Record<string, fc.Arbitrary<unknown>> =>
      Object.fromEntries(
        (operation.parameters ?? [])
          .map((one) => ('$ref' in one ? parameterOf(one.$ref, document) : one))
          .filter((parameter) => parameter.in === place)
          .map(({ name, schema }) => [
            name,
            place === 'path'
              ? fc.oneof({ weight: 3, arbitrary: fc.constantFrom<unknown>(...known) }, NASTY)
              : near(schema, document),
          ]),
      );
    const schema = Object.values(operation.requestBody?.content ?? {})[0]?.schema;
    return fc.record({
      method: fc.constant(method.toUpperCase()),
      path: fc.constant(path),
      parameters: fc.record(of('path')),
      query: fc.oneof(
        { weight: 5, arbitrary: fc.constant({}) },
        { weight: 3, arbitrary: fc.record(of('query'), { requiredKeys: [] }) },
        { weight: 1, arbitrary: fc.dictionary(fc.string({ maxLength: 5 }), fc.string()) },
      ),
      headers: fc.dictionary(
        fc.constantFrom(
          'idempotency-key',
          'if-match',
          'if-none-match',
          'last-event-id',
          'accept',
          'traceparent',
          'x-forwarded-host',
        ),
        fc.constantFrom('x', '*', '"x"', 'application/json', 'W/"', ',,,', '00-', 'key'),
        { maxKeys: 2 },
      ),
      body:
        schema === undefined
          ? fc.constant(undefined)
          : fc.oneof(near(schema, document), fc.constantFrom(...(GOOD[`${method} ${path}`] ?? [{}]))),
      raw: fc.boolean(),
      version: fc.constantFrom('1.14', '1.14', '1.14', '1.10', '1.1', '1.9', 'latest', '', '9.9', '💥'),
      token: fc.constantFrom(
        'member',
        'member',
        'member',
        'member',
        'admin',
        'reader',
        'other',
        'nobody',
        'bad',
      ),
    });
  });
}

/** Bodies that the routes take, so that what is behind the checks is reached too. */
const GOOD: Record<string, unknown[]> = {
  'post /v1/clustertemplates': [{ coe: 'kubernetes', image_id: 'i' }],
  'patch /v1/clustertemplates/{ref}': [[{ op: 'add', path: '/labels/a', value: '$b' }]],
  'post /v1/clusters': [
    { cluster_template_id: 'k8s', node_count: 0 },
    { cluster_template_id: 'k8s', labels: { $set: 'x' } },
  ],
  'post /v1/clusters/import': [{ kubeconfig: 'k' }],
  'patch /v1/clusters/{ref}': [
    [{ op: 'replace', path: '/node_count', value: 3 }],
    [{ op: 'replace', path: '/kubeconfig', value: 'k' }],
  ],
  'post /v1/clusters/{ref}/actions/resize': [
    { node_count: 2 },
    { node_count: 3, nodegroup: 'default-worker', nodes_to_remove: [] },
  ],
  'post /v1/clusters/{ref}/actions/upgrade': [{ cluster_template: 'k8s', max_batch_size: 2 }],
  'post /v1/clusters/{ref}/nodegroups': [{ name: 'pool', node_count: 2, node_labels: { a: 'b' } }],
  'patch /v1/clusters/{ref}/nodegroups/{group}': [[{ op: 'replace', path: '/max_node_count', value: 3 }]],
  'post /v1/applications': [
    {
      name: 'fuzzed',
      kind: 'stateless',
      placements: [{ cluster: 'fuzz' }],
      containers: [{ name: 'web', image: 'i' }],
      secrets: [{ name: 's', values: { A: 'x' } }],
    },
    {
      name: 'job',
      kind: 'job',
      placements: [{ selector: { a: 'b' } }],
      containers: [{ name: 'j', image: 'i' }],
    },
  ],
  'put /v1/applications/{ref}': [
    { placements: [{ cluster: 'fuzz' }], containers: [{ name: 'web', image: 'i' }], replicas: 3 },
  ],
  'patch /v1/applications/{ref}': [
    [{ op: 'add', path: '/replicas', value: 2 }],
    [{ op: 'add', path: '/secrets/-', value: { name: 't', values: { A: 'x' } } }],
  ],
  'post /v1/applications/{ref}/actions/scale': [{ replicas: 2 }, { replicas: 2, cluster: 'fuzz' }],
  'post /v1/applications/{ref}/actions/rollback': [{}, { revision: 1 }],
  'post /v1/quotas': [{ project_id: 'p', hard_limit: 3 }],
  'patch /v1/quotas/{project_id}/{resource}': [{ hard_limit: 3 }],
};

/** As many as a run of tests can afford; the seed of a failure is printed by fast-check. */
const RUNS = 2_500;

describe('api: whatever a client sends', () => {
  let api: TestApi;
  before(async () => (api = await startApi()));
  after(() => api.close());

  it('is answered without a 5xx, and every refusal says what is wrong', async function () {
    this.timeout(120_000);
    const document = (await api.request({ url: '/openapi.json', token: null })).json<Document>();
    const cluster = await api.cluster({ name: 'fuzz' });
    await api.finish(cluster);
    await api.application({ name: 'app', placements: [{ cluster }] });
    const answered = new Map<number, number>();
    await fc.assert(
      fc.asyncProperty(
        attempts(document, [
          cluster,
          'fuzz',
          'k8s',
          'detail',
          'default-worker',
          'pool',
          PROJECT,
          'Cluster',
          'app',
          'fuzzed',
          'job',
          '1',
          'app-1',
        ]),
        async (attempt) => {
          // A stream is for the test of streams: it does not end.
          if (attempt.headers['accept']?.includes('event-stream') === true) return;
          const path = attempt.path.replace(/\{(\w+)\}/g, (_all, name: string) =>
            text(attempt.parameters[name]),
          );
          const query = Object.entries(attempt.query).map(([key, value]) => `${text(key)}=${text(value)}`);
          const payload = attempt.body === undefined ? undefined : JSON.stringify(attempt.body);
          const answer = await api.request({
            method: attempt.method,
            url: query.length === 0 ? path : `${path}?${query.join('&')}`,
            ...(payload === undefined
              ? {}
              : { payload: attempt.raw && payload.length % 7 === 0 ? payload.slice(0, -1) : payload }),
            headers: {
              ...attempt.headers,
              ...(payload === undefined ? {} : { 'content-type': 'application/json' }),
            },
            version: attempt.version,
            token: attempt.token,
          });
          answered.set(answer.statusCode, (answered.get(answer.statusCode) ?? 0) + 1);
          assert.ok(
            answer.statusCode < 500,
            `${attempt.method} ${path}: ${answer.statusCode} ${answer.body}`,
          );
          assert.match(String(answer.headers['x-openstack-request-id']), /^req-/);
          if (answer.statusCode >= 400) errorsOf(answer);
        },
      ),
      { numRuns: RUNS },
    );
    // The attempts are near enough to what is right to reach what is behind the checks.
    for (const status of [200, 202, 400, 401, 403, 404, 406])
      assert.ok(answered.has(status), `no ${status} among ${JSON.stringify([...answered])}`);
  });
});
