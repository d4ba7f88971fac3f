import { strict as assert } from 'node:assert';
import type { HTTPMethods } from 'fastify';
import { errorOf, expectError } from './support/answers.ts';
import { PROJECT, startApi, type TestApi } from './support/api.ts';

/** Every route of `/v1` that needs a token, with a body that it takes. */
const ROUTES: {
  method: HTTPMethods;
  url: string;
  body?: object;
  list?: true;
  object?: true;
  /** Only administrators may. */
  admin?: true;
}[] = [
  { method: 'POST', url: '/v1/clustertemplates', body: { coe: 'kubernetes', image_id: 'i' } },
  { method: 'GET', url: '/v1/clustertemplates', list: true },
  { method: 'GET', url: '/v1/clustertemplates/detail', list: true },
  { method: 'GET', url: '/v1/clustertemplates/TEMPLATE', object: true },
  {
    method: 'PATCH',
    url: '/v1/clustertemplates/TEMPLATE',
    body: [{ op: 'replace', path: '/tags', value: 'x' }],
    object: true,
  },
  { method: 'DELETE', url: '/v1/clustertemplates/TEMPLATE', object: true },
  { method: 'POST', url: '/v1/clusters', body: { cluster_template_id: 'TEMPLATE' } },
  { method: 'GET', url: '/v1/clusters', list: true },
  { method: 'GET', url: '/v1/clusters/detail', list: true },
  { method: 'GET', url: '/v1/clusters/CLUSTER', object: true },
  {
    method: 'PATCH',
    url: '/v1/clusters/CLUSTER',
    body: [{ op: 'replace', path: '/node_count', value: 2 }],
    object: true,
  },
  { method: 'DELETE', url: '/v1/clusters/CLUSTER', object: true },
  { method: 'POST', url: '/v1/clusters/CLUSTER/actions/resize', body: { node_count: 2 }, object: true },
  {
    method: 'POST',
    url: '/v1/clusters/CLUSTER/actions/upgrade',
    body: { cluster_template: 'TEMPLATE' },
    object: true,
  },
  { method: 'POST', url: '/v1/clusters/CLUSTER/actions/rollback', body: {}, object: true },
  { method: 'POST', url: '/v1/clusters/import', body: { kubeconfig: 'k' } },
  { method: 'GET', url: '/v1/clusters/CLUSTER/nodegroups', list: true, object: true },
  { method: 'POST', url: '/v1/clusters/CLUSTER/nodegroups', body: { name: 'g' }, object: true },
  { method: 'GET', url: '/v1/clusters/CLUSTER/nodegroups/GROUP', object: true },
  {
    method: 'PATCH',
    url: '/v1/clusters/CLUSTER/nodegroups/GROUP',
    body: [{ op: 'replace', path: '/max_node_count', value: 5 }],
    object: true,
  },
  { method: 'DELETE', url: '/v1/clusters/CLUSTER/nodegroups/GROUP', object: true },
  { method: 'GET', url: '/v1/certificates/CLUSTER', object: true },
  { method: 'POST', url: '/v1/certificates', body: { cluster_uuid: 'CLUSTER', csr: 'x' } },
  { method: 'PATCH', url: '/v1/certificates/CLUSTER', body: {}, object: true },
  { method: 'GET', url: '/v1/quotas', list: true },
  { method: 'POST', url: '/v1/quotas', body: { project_id: 'p', hard_limit: 1 }, admin: true },
  { method: 'GET', url: `/v1/quotas/${PROJECT}/Cluster` },
  { method: 'PATCH', url: `/v1/quotas/${PROJECT}/Cluster`, body: { hard_limit: 1 }, admin: true },
  { method: 'DELETE', url: `/v1/quotas/${PROJECT}/Cluster`, admin: true },
  { method: 'GET', url: '/v1/stats' },
  { method: 'GET', url: '/v1/mservices', admin: true },
  { method: 'POST', url: '/v1/clusters/CLUSTER/actions/retry', body: {}, object: true },
  { method: 'POST', url: '/v1/clusters/CLUSTER/actions/resync', body: {}, object: true },
  {
    method: 'POST',
    url: '/v1/applications',
    body: {
      name: 'a',
      kind: 'job',
      placements: [{ cluster: 'CLUSTER' }],
      containers: [{ name: 'job', image: 'i' }],
    },
  },
  { method: 'GET', url: '/v1/applications', list: true },
  { method: 'GET', url: '/v1/applications/detail', list: true },
  { method: 'GET', url: '/v1/applications/APPLICATION', object: true },
  {
    method: 'PUT',
    url: '/v1/applications/APPLICATION',
    body: { placements: [{ cluster: 'CLUSTER' }], containers: [{ name: 'web', image: 'i' }] },
    object: true,
  },
  {
    method: 'PATCH',
    url: '/v1/applications/APPLICATION',
    body: [{ op: 'add', path: '/replicas', value: 2 }],
    object: true,
  },
  { method: 'DELETE', url: '/v1/applications/APPLICATION', object: true },
  { method: 'POST', url: '/v1/applications/APPLICATION/actions/scale', body: { replicas: 2 }, object: true },
  ...['restart', 'stop', 'start', 'pause', 'resume', 'run', 'rollback', 'retry', 'resync'].map((action) => ({
    method: 'POST' as const,
    url: `/v1/applications/APPLICATION/actions/${action}`,
    body: {},
    object: true as const,
  })),
  ...[
    'endpoints',
    'events',
    'instances',
    'instances/web-1',
    'instances/web-1/logs',
    'revisions',
    'revisions/1',
    'revisions/1/diff',
  ].map((part) => ({
    method: 'GET' as const,
    url: `/v1/applications/APPLICATION/${part}`,
    object: true as const,
  })),
  { method: 'DELETE', url: '/v1/applications/APPLICATION/instances/web-1', object: true },
  { method: 'GET', url: '/v1/operations', list: true },
  { method: 'GET', url: '/v1/operations/OPERATION', object: true },
  { method: 'GET', url: '/v1/events', list: true },
];

/** Fields of bodies, with values that break their rules. */
const FIELDS: Record<string, Record<string, unknown[]>> = {
  '/v1/clustertemplates': {
    name: [1, '', 'x'.repeat(256), 'a/b', ' a', 'a ', 'a\u0000', '.', '..', 'a\ud800', {}, []],
    coe: [null, 'swarm', 1],
    image_id: [null, '', 'x'.repeat(256), 'a/b', '.', '..', '\udfff', 1],
    keypair_id: ['', 1, 'x'.repeat(256), '..', '\ud800x'],
    docker_storage_driver: ['\ud800'],
    network_driver: ['docker', 1, ''],
    dns_nameserver: ['not an address', '', '8.8.8.8;'],
    docker_volume_size: [0, -1, 1.5, '1', 1e9],
    apiserver_port: [80, 70_000, '6443'],
    server_type: ['lxd', 1],
    labels: [[], 'x', { 'a b': 'x' }, { a: null }, { a: {} }, { a: 'x'.repeat(2049) }, { a: '\ud800' }],
    public: ['true', 1],
    floating_ip_enabled: ['true', 0],
    tags: [1, 'x'.repeat(256), '\ud83d'],
    driver: [1, '', 'Heat', 'nope', '../x', 'x'.repeat(65)],
  },
  '/v1/clusters': {
    name: [1, '', '1a', 'a b', 'x'.repeat(243), 'ä'],
    cluster_template_id: [null, '', 1, {}, { $ne: null }, '.', '..', '\ud800'],
    flavor_id: ['\ud800', '\udc00\ud800', '.', '..'],
    master_flavor_id: ['\ud800', '..'],
    node_count: [-1, 1.5, '1', 5001, {}, true],
    master_count: [0, 2, 6, '1', {}],
    create_timeout: [-1, 1441, '60', 1.5],
    keypair: ['', 1],
    discovery_url: [1, 'ftp://x', 'not a url', 'http://x/\ud800'],
    docker_volume_size: [0, '1'],
    merge_labels: ['true', 1],
    fixed_network: ['', 'a/b', 1],
    labels: [
      { ['k'.repeat(256)]: 'x' },
      Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, 'x'])),
    ],
  },
  '/v1/clusters/import': {
    name: ['', 'a b', 1],
    kubeconfig: [null, '', 1, {}, 'x'.repeat(262_145), 'é'.repeat(200_000)],
    context: ['', 1, 'x'.repeat(256)],
    cluster_template_id: ['', 1, '..'],
    labels: [[], 'x'],
  },
  '/v1/clusters/CLUSTER/nodegroups': {
    name: [null, '', 1, 'a b', '1a', 'a-', 'x'.repeat(64), 'ä'],
    role: ['', 'master', 'a b', 1, 'x'.repeat(64)],
    node_count: [-1, 1.5, '1', 5001, {}],
    min_node_count: [-1, '1', 5001],
    max_node_count: [-1, '1', 5001],
    flavor_id: ['', '..', 1],
    image_id: ['', '..', 1],
    docker_volume_size: [0, '1'],
    labels: ['x', { 'a b': 'x' }],
    merge_labels: ['true', 1],
    node_labels: [
      'x',
      null,
      { 'a b': 'x' },
      { a: 'b c' },
      { a: 1 },
      { '/a': 'x' },
      { ['k'.repeat(64)]: 'x' },
    ],
    node_taints: ['x', null, [{ key: 'a' }], [{ key: 'a', value: 'b', effect: 'Sometimes' }], [1]],
  },
  '/v1/clusters/CLUSTER/actions/resize': {
    node_count: [null, -1, '1', 5001],
    nodes_to_remove: ['x', [1], [''], ['a', 'a'], {}],
    nodegroup: ['', 1],
  },
  '/v1/clusters/CLUSTER/actions/upgrade': {
    cluster_template: [null, '', 1, '..'],
    max_batch_size: [0, -1, '1', 1.5, 5001],
    nodegroup: ['', 1],
  },
  '/v1/applications': {
    name: [1, '', 'A', '1a', 'a_b', 'a-', 'x'.repeat(41), 'ä', null],
    kind: [null, 'deployment', 1],
    labels: ['x', { 'a b': 'x' }, { a: 'b c' }, { a: 1 }, { ['k'.repeat(64)]: 'x' }],
    placements: [
      null,
      [],
      'x',
      [{}],
      [{ cluster: '' }],
      [{ cluster: '..' }],
      [{ cluster: { $ne: null } }],
      [{ selector: { a: null } }],
      [{ cluster: 'CLUSTER', overrides: { replicas: -1 } }],
      [{ cluster: 'CLUSTER', overrides: { images: { web: '' } } }],
      [{ cluster: 'CLUSTER', overrides: { images: { nobody: 'i' } } }],
      [{ cluster: 'CLUSTER', overrides: { env: { 'a b': 'x' } } }],
      Array.from({ length: 65 }, () => ({ selector: { a: 'b' } })),
    ],
    containers: [
      [],
      [{ name: 'web', image: '' }],
      [{ name: 'web', image: 'a b' }],
      [{ name: 'Web', image: 'i' }],
      [{ name: 'web', image: 'i', env: [{ name: '1', value: 'x' }] }],
      [{ name: 'web', image: 'i', env: [{ name: 'A', value: '\ud800' }] }],
      [{ name: 'web', image: 'i', ports: [{ port: 0 }] }],
      [{ name: 'web', image: 'i', resources: { requests: { cpu: '-1' } } }],
      [{ name: 'web', image: 'i', resources: { requests: { cpu: 'x'.repeat(40) } } }],
      [{ name: 'web', image: 'i', mounts: [{ volume: 'nothing', path: '/x' }] }],
      [{ name: 'web', image: 'i', mounts: [{ config: 'c', path: '../x' }] }],
      [{ name: 'web', image: 'i', command: [1] }],
      [
        { name: 'web', image: 'i' },
        { name: 'web', image: 'i' },
      ],
      Array.from({ length: 17 }, (_, i) => ({ name: `c${String(i)}`, image: 'i' })),
    ],
    replicas: [-1, 1.5, '1', 5001, null],
    update_strategy: [
      {},
      { type: 'x' },
      { type: 'rolling', max_surge: '101%' },
      { type: 'rolling', max_surge: -1 },
    ],
    progress_deadline_seconds: [9, '600', 86_401],
    rollback_on_failure: ['true', 1],
    autoscaling: [
      {},
      { min_replicas: 0, max_replicas: 1 },
      { min_replicas: 2, max_replicas: 1, cpu_percent: 5 },
    ],
    exposure: [
      {},
      { type: 'x' },
      { type: 'node_port', ports: [{ port: 70_000 }] },
      { type: 'cluster_ip', ports: [] },
    ],
    config_files: [
      [{ name: 'c', files: {} }],
      [{ name: 'c', files: { '..': 'x' } }],
      [{ name: 'c', files: { a: 'x'.repeat(131_073) } }],
    ],
    secrets: [
      'x',
      [{ name: 's', values: { a: 1 } }],
      [{ name: 's', values: { 'a/b': 'x' } }],
      [{ name: 'S', values: { a: 'x' } }],
    ],
    volumes: [[{ name: 'v', empty_dir: { size_limit: 'many' } }], [{ name: 'v', claim: { name: '../x' } }]],
    scheduling: [{ node_selector: { 'a b': 'x' } }, { tolerations: [{ effect: 'Never' }] }, { spread: 'x' }],
    image_pull_secret: ['x', { name: 'A B' }, { registry: 'r r', username: 'u', password: 'p' }],
    termination_grace_seconds: [-1, '30'],
    host_network: ['true', 1],
    job: [{ completions: 0 }, { restart: 'always' }],
    cron: [{}, { schedule: 'now' }, { schedule: '* * * *' }],
    drift: ['ignore', 1],
  },
  '/v1/applications/APPLICATION/actions/scale': {
    replicas: [null, -1, '1', 5001, 1.5],
    cluster: ['', '..', 1, 'x'.repeat(256)],
  },
  '/v1/applications/APPLICATION/actions/rollback': { revision: [0, -1, '1', 1.5, null, 2 ** 31] },
  '/v1/certificates': {
    cluster_uuid: [null, '', 1, '..'],
    csr: [null, '', 1, 'x', '-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----'],
    ca_cert_type: ['x', 1, null],
  },
  '/v1/quotas': {
    project_id: [null, '', 1, 'a b', '../x', { $ne: '' }, 'x'.repeat(65)],
    resource: ['Node', 1, ''],
    hard_limit: [-1, 1.5, '1', 1e9],
  },
};

/** Bodies that the routes take, besides the field. */
const GOOD: Record<string, object> = {
  '/v1/clustertemplates': { coe: 'kubernetes', image_id: 'i' },
  '/v1/clusters': { cluster_template_id: 'TEMPLATE' },
  '/v1/clusters/import': { kubeconfig: 'k' },
  '/v1/clusters/CLUSTER/nodegroups': { name: 'g' },
  '/v1/clusters/CLUSTER/actions/resize': { node_count: 1 },
  '/v1/clusters/CLUSTER/actions/upgrade': { cluster_template: 'TEMPLATE' },
  '/v1/applications': {
    name: 'a',
    kind: 'stateless',
    placements: [{ cluster: 'CLUSTER' }],
    containers: [{ name: 'web', image: 'i' }],
  },
  '/v1/applications/APPLICATION/actions/scale': { replicas: 1 },
  '/v1/applications/APPLICATION/actions/rollback': {},
  '/v1/certificates': { cluster_uuid: 'CLUSTER', csr: 'x' },
  '/v1/quotas': { project_id: 'p', hard_limit: 1 },
};

describe('api: bad input', () => {
  let api: TestApi;
  let ids: Record<string, string>;
  before(async () => {
    api = await startApi();
    const template = await api.template();
    const cluster = await api.cluster({ cluster_template_id: template });
    const operation: string = (await api.request({ url: `/v1/clusters/${cluster}` })).json().operation_id;
    const { nodegroups } = (await api.request({ url: `/v1/clusters/${cluster}/nodegroups` })).json();
    const application = await api.application({ placements: [{ cluster }] });
    ids = {
      TEMPLATE: template,
      APPLICATION: application,
      CLUSTER: cluster,
      OPERATION: operation,
      GROUP: nodegroups[1].uuid,
    };
  });
  after(() => api.close());

  const filled = (text: string): string =>
    text.replace(/TEMPLATE|CLUSTER|APPLICATION|OPERATION|GROUP/g, (name) => ids[name] ?? name);

  for (const { method, url, body, list, object, admin } of ROUTES) {
    const send = (options: {
      url?: string;
      body?: unknown;
      raw?: string;
      token?: string | null;
      headers?: Record<string, string>;
    }) => {
      const payload = options.raw ?? (options.body === undefined ? undefined : JSON.stringify(options.body));
      return api.request({
        method: method,
        url: filled(options.url ?? url),
        ...(payload === undefined ? {} : { payload: filled(payload) }),
        token: options.token === undefined ? (admin === true ? 'admin' : 'member') : options.token,
        headers: {
          ...(payload === undefined ? {} : { 'content-type': 'application/json' }),
          ...options.headers,
        },
      });
    };

    it(`is refused by ${method} ${url}`, async () => {
      for (const token of [null, 'bad', 'x'.repeat(10_000)])
        expectError(await send({ body, token }), 401, 'unauthenticated');
      expectError(await send({ body, token: 'unscoped' }), 401, 'token_unscoped');
      expectError(await send({ body, token: 'nobody' }), 403, 'forbidden');
      if (method !== 'GET') expectError(await send({ body, token: 'reader' }), 403, 'forbidden');
      if (admin === true) expectError(await send({ body, token: 'member' }), 403, 'forbidden');
      const unknown = await send({ body, url: `${url}?foo=1` });
      expectError(unknown, 400, 'unknown_field', 'foo');
      expectError(
        await send({ body, headers: { 'openstack-api-version': 'container-infra 7.0' } }),
        406,
        'not_acceptable',
      );
      if (object === true) {
        expectError(await send({ body, token: 'other' }), 404, 'not_found');
        const nowhere = url.replace(
          /TEMPLATE|CLUSTER|APPLICATION|OPERATION/,
          '00000000-0000-4000-8000-000000000000',
        );
        expectError(await send({ body, url: nowhere }), 404, 'not_found');
        expectError(await send({ body, url: `${url}?all_projects=true` }), 403, 'forbidden');
      }
      if (list === true) {
        for (const query of ['limit=x', 'limit=0', 'marker=x', 'sort_dir=x', 'all_projects=x']) {
          expectError(await send({ url: `${url}?${query}` }), 400, 'invalid_field', query.split('=')[0]);
        }
      }
      if (body === undefined) return;
      expectError(await send({ raw: '{"a":' }), 400, 'malformed_body');
      expectError(await send({ raw: '{"__proto__":{}}' }), 400, 'malformed_body');
      expectError(await send({ raw: `${'{"a":'.repeat(17)}1${'}'.repeat(17)}` }), 400, 'malformed_body');
      expectError(await send({ raw: `"${'x'.repeat(1_100_000)}"` }), 413, 'body_too_large');
      expectError(
        await send({ raw: 'a=b', headers: { 'content-type': 'application/x-www-form-urlencoded' } }),
        415,
        'unsupported_media_type',
      );
      expectError(await send({ body: 'text' }), 400, 'invalid_field', 'body');
      const more = Array.isArray(body) ? [{ ...(body[0] as object), foo: 1 }] : { ...body, foo: 1 };
      expectError(await send({ body: more }), 400, 'unknown_field', Array.isArray(body) ? '0/foo' : 'foo');
    });
  }

  for (const [url, fields] of Object.entries(FIELDS)) {
    it(`names the field of a body of POST ${url}`, async () => {
      for (const [field, values] of Object.entries(fields)) {
        for (const value of values) {
          const answer = await api.request({
            method: 'POST',
            url: filled(url),
            payload: filled(JSON.stringify({ ...GOOD[url], [field]: value })),
            headers: { 'content-type': 'application/json' },
            token: 'admin',
          });
          assert.equal(answer.statusCode, 400, `${field} ${JSON.stringify(value)} ${answer.body}`);
          const error = errorOf(answer);
          // Of what has fields of its own, one may be missing.
          const missing = error.code === 'missing_field' && error.field?.includes('/') === true;
          assert.ok(error.code === 'invalid_field' || missing, answer.body);
          assert.equal(error.field?.split('/')[0], field, answer.body);
        }
      }
    });
  }

  it('is not what only looks like it', async () => {
    const answer = await api.request({
      method: 'POST',
      url: '/v1/clustertemplates',
      payload: {
        coe: 'kubernetes',
        image_id: '...',
        name: '.a b 💥',
        flavor_id: 'm1.💥',
        labels: { a: '💥' },
        tags: '',
      },
    });
    assert.equal(answer.statusCode, 201, answer.body);
    const { name, flavor_id, labels } = answer.json();
    assert.deepEqual(
      { name, flavor_id, labels },
      { name: '.a b 💥', flavor_id: 'm1.💥', labels: { a: '💥' } },
    );
  });

  it('names every field at once, but not more than a reader can use', async () => {
    const post = (payload: object) => api.request({ method: 'POST', url: '/v1/clusters', payload });
    const { errors } = (await post({ node_count: 'x', master_count: 2, foo: 1 })).json<{
      errors: { field: string }[];
    }>();
    assert.deepEqual(errors.map(({ field }) => field).sort(), [
      'cluster_template_id',
      'foo',
      'master_count',
      'node_count',
    ]);
    const many = Object.fromEntries(
      Array.from({ length: 1000 }, (_, i) => [`field_${i}_${'x'.repeat(100)}`, i]),
    );
    const answer = await post(many);
    assert.equal(answer.json<{ errors: unknown[] }>().errors.length, 20);
    assert.ok(answer.body.length < 20_000);
  });
});
