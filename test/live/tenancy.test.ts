import assert from 'node:assert/strict';
import { CetusClient } from './support/client.ts';
import { live } from './support/suite.ts';

const UNKNOWN = '6a5f0000-0000-4000-8000-000000000000';

live('who may do what', (on) => {
  let uuid = '';

  before(async () => {
    await on.demo.template('ours');
    uuid = await on.demo.create({ name: 'ours', cluster_template_id: 'ours', node_count: 1 });
    await on.demo.settled(uuid);
  });

  after(async () => {
    if (uuid !== '') await on.demo.remove(uuid);
  });

  it('shows another project nothing', async () => {
    const stranger = on.cetus.client(0, 'demo2');
    for (const [path, list] of [
      ['/v1/clusters', 'clusters'],
      ['/v1/clustertemplates', 'clustertemplates'],
      ['/v1/operations', 'operations'],
      ['/v1/events', 'events'],
    ] as const) {
      const answer = await stranger.send('GET', path);
      assert.equal(answer.status, 200);
      assert.deepEqual(answer.body[list], [], path);
    }
    for (const [method, path, json] of [
      ['GET', `/v1/clusters/${uuid}`],
      ['GET', '/v1/clusters/ours'],
      ['DELETE', `/v1/clusters/${uuid}`],
      ['PATCH', `/v1/clusters/${uuid}`, [{ op: 'replace', path: '/node_count', value: 9 }]],
      ['POST', `/v1/clusters/${uuid}/actions/retry`],
      ['GET', '/v1/clustertemplates/ours'],
      ['DELETE', '/v1/clustertemplates/ours'],
    ] as const) {
      const answer = await stranger.send(method, path, json);
      assert.equal(answer.status, 404, `${method} ${path}: ${JSON.stringify(answer.body)}`);
      const unknown = await stranger.send(
        method,
        path.replace(uuid, UNKNOWN).replace('ours', 'theirs'),
        json,
      );
      assert.equal(unknown.body.errors[0].code, answer.body.errors[0].code, 'as if it did not exist');
    }
    const use = await stranger.send('POST', '/v1/clusters', { name: 'x', cluster_template_id: 'ours' });
    assert.equal(use.status, 400);
    assert.equal(use.body.errors[0].code, 'cluster_template_not_found');
    const stream = await stranger.follow();
    await on.demo.send('POST', `/v1/clusters/${uuid}/actions/resync`);
    await on.demo.scale(uuid, 2);
    await on.demo.settled(uuid);
    stream.close();
    assert.deepEqual(stream.events, []);
  });

  it('lets a reader read, and nothing else', async () => {
    const reader = on.cetus.client(1, 'demo-reader', 'demo');
    assert.equal((await reader.cluster(uuid)).uuid, uuid);
    for (const [method, path, json] of [
      ['POST', '/v1/clusters', { name: 'x', cluster_template_id: 'ours' }],
      ['PATCH', `/v1/clusters/${uuid}`, [{ op: 'replace', path: '/node_count', value: 3 }]],
      ['DELETE', `/v1/clusters/${uuid}`, undefined],
      [
        'POST',
        '/v1/clustertemplates',
        { name: 'x', coe: 'kubernetes', image_id: 'ubuntu-22.04', external_network_id: 'public' },
      ],
      ['DELETE', '/v1/clustertemplates/ours', undefined],
    ] as const) {
      const answer = await reader.send(method, path, json);
      assert.equal(answer.status, 403, `${method} ${path}`);
      assert.equal(answer.body.errors[0].code, 'forbidden');
    }
  });

  it('refuses a token that is not one, and one that was revoked', async () => {
    const url = on.cetus.urls[0] ?? '';
    const session = on.lab.session('demo');
    const { headers } = await session.request('identity', 'POST', '/auth/tokens', {
      json: {
        auth: {
          identity: {
            methods: ['password'],
            password: { user: { name: 'demo', password: on.lab.password, domain: { name: 'Default' } } },
          },
          scope: { project: { name: 'demo', domain: { name: 'Default' } } },
        },
      },
    });
    const revoked = String(headers['x-subject-token']);
    await session.request('identity', 'DELETE', '/auth/tokens', { headers: { 'x-subject-token': revoked } });
    for (const token of ['', 'no-token', `${'gAAAAA'.padEnd(180, 'x')}`, revoked]) {
      const answer = await new CetusClient(url, async () => token).send('GET', '/v1/clusters');
      assert.equal(answer.status, 401, token.slice(0, 8));
      assert.equal(answer.body.errors[0].code, 'unauthenticated');
      assert.match(answer.headers.get('www-authenticate') ?? '', /^Keystone uri="http/);
    }
  });
});
