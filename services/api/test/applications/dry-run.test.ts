import { strict as assert } from 'node:assert';
import type { DryRunAnswer, DryRunRequest } from '@cetus/shared/schemas';
import { CetusError } from '@cetus/shared/errors';
import { expectError } from '../support/answers.ts';
import { PROJECT, startApi, type TestApi } from '../support/api.ts';

const SECRET = 'c3VwZXItc2VjcmV0LXZhbHVl';

describe('api: applications, tried out', () => {
  let api: TestApi;
  let cluster: string;
  before(async () => {
    api = await startApi();
    cluster = await api.cluster({ name: 'prod' });
  });
  after(() => api.close());

  const form = (more: object = {}) => ({
    placements: [{ cluster: 'prod' }],
    containers: [
      {
        name: 'web',
        image: 'nginx',
        resources: { requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '1', memory: '1Gi' } },
      },
    ],
    ...more,
  });
  const post = (more: object = {}, query = 'dry_run=true') =>
    api.request({
      method: 'POST',
      url: `/v1/applications?${query}`,
      payload: { name: 'tried', kind: 'stateless', ...form(more) },
    });
  const everything = async (): Promise<unknown> => {
    // What was made before is still on its way to the events.
    await api.dispatcher.close();
    const names = ['applications', 'events', 'operations'];
    return Promise.all(names.map((name) => api.store.db.collection(name).find().toArray()));
  };
  const asked = () => api.service.of('dryRun').at(-1) as unknown as DryRunRequest;

  it('say what they would be and what the clusters say, with nothing written', async () => {
    const before = await everything();
    const commands = api.commands.length;
    const secrets = [{ name: 'db', values: { A: SECRET } }];
    const restore = api.service.says('dryRun', (params): DryRunAnswer => {
      const { name } = params as unknown as DryRunRequest;
      const refusal = { code: 'admission_refused', message: 'no', fields: ['spec.replicas'] };
      const made = (kind: string, more: object) => ({ apiVersion: 'v1', kind, metadata: { name }, ...more });
      return {
        placements: [
          {
            cluster_id: cluster,
            cluster_name: 'prod',
            namespace: 'n',
            admitted: false,
            problem: null,
            objects: [
              {
                api_version: 'v1',
                kind: 'Secret',
                name,
                manifest: made('Secret', { data: { A: SECRET } }),
                refusal: null,
                warnings: ['old'],
              },
              {
                api_version: 'apps/v1',
                kind: 'Deployment',
                name,
                manifest: made('Deployment', { spec: { replicas: 1, deep: [{ a: { b: [1] } }] } }),
                refusal,
                warnings: [],
              },
            ],
          },
        ],
      };
    });
    const answer = await post({ secrets });
    restore();
    assert.equal(answer.statusCode, 200, answer.body);
    const { admitted, qos, placements } = answer.json();
    assert.deepEqual([admitted, qos.class], [false, 'Guaranteed']);
    assert.deepEqual(placements[0].objects[0].manifest.data, { A: '***' });
    assert.deepEqual(placements[0].objects[1].manifest.spec.deep, [{ a: { b: [1] } }]);
    assert.deepEqual(placements[0].objects[1].refusal.fields, ['spec.replicas']);
    assert.ok(!answer.body.includes(SECRET));
    const { id, project_id, user_id, name, generation, spec } = asked();
    assert.deepEqual([project_id, user_id, name, generation], [PROJECT, 'member-user', 'tried', 1]);
    assert.deepEqual([spec.secrets, spec.sealed?.ciphertext], [[{ name: 'db', keys: ['A'] }], 'SEALED']);
    // Sealed for the application that it would be.
    assert.equal(api.service.of('seal').at(-1)?.['id'], id);
    assert.ok(!JSON.stringify(asked()).includes(SECRET));
    assert.equal(answer.headers['cetus-operation-id'], undefined);
    assert.deepEqual(await everything(), before);
    assert.equal(api.commands.length, commands);
    const key = await api.request({
      method: 'POST',
      url: '/v1/applications?dry_run=true',
      payload: { name: 'tried', kind: 'stateless', ...form() },
      headers: { 'idempotency-key': 'dry' },
    });
    assert.deepEqual([key.statusCode, key.json().admitted], [200, true]);
    assert.deepEqual(await everything(), before);
  });

  it('are refused as they would be in earnest', async () => {
    expectError(
      await post({ placements: [{ cluster: 'nope' }] }),
      400,
      'cluster_not_found',
      'placements/0/cluster',
    );
    expectError(await post({ host_network: true }), 400, 'host_access_denied', 'host_network');
    expectError(await post({}, 'dry_run=maybe'), 400, 'invalid_field', 'dry_run');
    await api.application({ name: 'tried', placements: [{ cluster }] });
    expectError(await post(), 409, 'conflict', 'name');
    for (const code of ['request_deadline_exceeded', 'bus_unavailable'] as const) {
      const restore = api.service.says('dryRun', () => {
        throw new CetusError(code, 'nobody');
      });
      expectError(await post({ name: 'nobody' }), code === 'bus_unavailable' ? 503 : 504, code);
      restore();
    }
  });

  it('are changed in the same way, by PUT and PATCH', async () => {
    const pull = { registry: 'r.example', username: 'u' };
    const uuid = await api.application({
      name: 'there',
      placements: [{ cluster }],
      secrets: [{ name: 'db', values: { A: SECRET } }],
      image_pull_secret: { ...pull, password: SECRET },
    });
    const url = `/v1/applications/${uuid}?dry_run=true`;
    const before = await everything();
    const seals = api.service.of('seal').length;
    const payload = form({ secrets: [{ name: 'db' }], image_pull_secret: pull, replicas: 5 });
    const put = await api.request({ method: 'PUT', url, payload });
    assert.equal(put.statusCode, 200, put.body);
    const { generation, spec } = asked();
    assert.deepEqual([generation, spec.replicas, spec.sealed?.ciphertext], [2, 5, 'SEALED']);
    assert.equal(api.service.of('seal').length, seals);
    const operations = [{ op: 'replace', path: '/containers/0/image', value: 'nginx:2' }];
    const patch = await api.request({ method: 'PATCH', url, payload: operations });
    assert.equal(patch.statusCode, 200, patch.body);
    assert.equal(asked().spec.containers[0]?.image, 'nginx:2');
    expectError(
      await api.request({ method: 'PUT', url, payload, headers: { 'if-match': '"x"' } }),
      412,
      'precondition_failed',
      'If-Match',
    );
    expectError(
      await api.request({ method: 'PUT', url, payload: form({ kind: 'job' }) }),
      400,
      'invalid_field',
      'kind',
    );
    expectError(await api.request({ method: 'PUT', url, payload, token: 'reader' }), 403, 'forbidden');
    expectError(await api.request({ method: 'PUT', url, payload, token: 'other' }), 404, 'not_found');
    assert.deepEqual(await everything(), before);
  });
});
