import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { Writable } from 'node:stream';
import { createLogger } from '@cetus/shared/service';
import { waitFor } from '@cetus/test-kit';
import { errorOf, expectError } from './support/answers.ts';
import { startApi, TOKENS, type TestApi } from './support/api.ts';

const OPEN = ['/', '/v1', '/v1/', '/healthz', '/readyz', '/metrics', '/openapi.json', '/docs'];

describe('api: HTTP', () => {
  let api: TestApi;
  let port: number;
  const logged: { level: string; code?: string; err?: { code?: string } }[] = [];
  before(async () => {
    const destination = new Writable({
      write(line: Buffer, _encoding, done) {
        logged.push(JSON.parse(line.toString()) as (typeof logged)[number]);
        done();
      },
    });
    api = await startApi({}, { logger: createLogger({ service: 'api-test', level: 'debug', destination }) });
    await api.app.listen({ port: 0, host: '127.0.0.1' });
    port = (api.app.server.address() as AddressInfo).port;
  });
  after(() => api.close());

  /** Sends bytes as they are and reads until the server ends the connection. */
  async function raw(text: string): Promise<{ status: number; body: string; head: string }> {
    const socket = connect(port, '127.0.0.1');
    socket.setTimeout(10_000, () => socket.destroy(new Error('no answer')));
    socket.write(text);
    let answer = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => (answer += chunk));
    await once(socket, 'close');
    const [head = '', ...body] = answer.split('\r\n\r\n');
    return { status: Number(head.split(' ')[1]), head, body: body.join('\r\n\r\n') };
  }

  it('serves what is for everybody without a token', async () => {
    for (const url of OPEN) assert.equal((await api.request({ url, token: null })).statusCode, 200, url);
  });

  it('asks everything else for a token of a project', async () => {
    TOKENS['expired'] = {
      ...(TOKENS['member'] as (typeof TOKENS)[string]),
      expiresAt: new Date(Date.now() - 1),
    };
    for (const url of ['/v1/clusters', '/v1/clustertemplates/x', '/v1/operations', '/v1/events']) {
      for (const token of [null, '', 'unknown', 'expired', 'x'.repeat(9000)]) {
        const answer = await api.request({ url, token });
        expectError(answer, 401, 'unauthenticated');
        assert.equal(answer.headers['www-authenticate'], 'Keystone uri="http://keystone.example:5000/v3"');
      }
      expectError(await api.request({ url, token: 'unscoped' }), 401, 'token_unscoped');
    }
  });

  it('tells an unknown address from an unknown method', async () => {
    for (const url of [
      '/nope',
      '/v2',
      '/v1/bays',
      '/v1/clusters/a/b',
      '/v1/clusters/a/actions',
      '/clusters/a/b/c',
    ]) {
      expectError(await api.request({ url }), 404, 'route_not_found');
    }
    for (const [method, url, allow] of [
      ['PUT', '/v1/clusters', 'GET, HEAD, POST'],
      ['POST', '/v1/clusters/x', 'DELETE, GET, HEAD, PATCH'],
      ['GET', '/v1/clusters/x/actions/retry', 'POST'],
      ['DELETE', '/', 'GET, HEAD'],
      ['POST', '/healthz', 'GET, HEAD'],
      ['OPTIONS', '/v1/clusters', 'GET, HEAD, POST'],
    ] as const) {
      const answer = await api.request({ method, url });
      expectError(answer, 405, 'method_not_allowed');
      assert.equal(answer.headers['allow'], allow, url);
    }
  });

  it('gives every answer an id of its own, and never the one of the sender', async () => {
    const sent = 'req-00000000-0000-4000-8000-000000000000';
    for (const url of ['/', '/v1/clusters', '/nope', '/%zz']) {
      const answer = await api.request({ url, headers: { 'x-openstack-request-id': sent } });
      assert.match(String(answer.headers['x-openstack-request-id']), /^req-[0-9a-f-]{36}$/);
      assert.notEqual(answer.headers['x-openstack-request-id'], sent);
    }
  });

  it('serves bookmarks and slashes at the end', async () => {
    const uuid = await api.cluster({ name: 'bookmark' });
    for (const url of [
      `/clusters/${uuid}`,
      `/v1/clusters/${uuid}/`,
      `/clusters/${uuid}/?all_projects=false`,
    ]) {
      assert.equal((await api.request({ url })).json().uuid, uuid, url);
    }
  });

  it('serves JSON only', async () => {
    for (const accept of ['text/html', 'application/xml', 'text/event-stream', 'image/*']) {
      expectError(
        await api.request({ url: '/v1/clusters', headers: { accept } }),
        406,
        'not_acceptable',
        'Accept',
      );
    }
    for (const accept of ['*/*', 'application/json', 'text/html, application/json;q=0.5', 'application/*']) {
      assert.equal((await api.request({ url: '/v1/clusters', headers: { accept } })).statusCode, 200);
    }
    for (const type of [
      'text/plain',
      'application/xml',
      'multipart/form-data; boundary=x',
      'application/x-www-form-urlencoded',
      'application/octet-stream',
      'x',
    ]) {
      const answer = await api.request({
        method: 'POST',
        url: '/v1/clusters',
        payload: '{}',
        headers: { 'content-type': type },
      });
      expectError(answer, 415, 'unsupported_media_type');
    }
  });

  it('refuses bodies that are broken, dangerous, too deep or too large', async () => {
    const post = (payload: string | Buffer) =>
      api.request({
        method: 'POST',
        url: '/v1/clusters',
        payload,
        headers: { 'content-type': 'application/json' },
      });
    for (const payload of ['{', '{"a":1,}', 'nope', '{"a":\u0001}', Buffer.from([0xff, 0xfe])]) {
      expectError(await post(payload), 400, 'malformed_body');
    }
    for (const payload of [
      '{"__proto__":{"x":1}}',
      '{"labels":{"__proto__":1}}',
      '{"constructor":{"prototype":{"x":1}}}',
    ]) {
      expectError(await post(payload), 400, 'malformed_body');
    }
    expectError(await post('['.repeat(17) + ']'.repeat(17)), 400, 'malformed_body');
    expectError(await post(`[${'0,'.repeat(20_001)}0]`), 400, 'malformed_body');
    assert.notEqual(errorOf(await post(`{"name":"${'['.repeat(30)}"}`)).code, 'malformed_body');
    const large = await post(`{"name":"${'x'.repeat(256 * 1024)}"}`);
    expectError(large, 413, 'body_too_large');
    for (const payload of ['null', '1', '"x"', '[]', 'true'])
      expectError(await post(payload), 400, 'invalid_field', 'body');
    expectError(await api.request({ method: 'POST', url: '/v1/clusters' }), 400, 'invalid_field', 'body');
  });

  it('refuses addresses that are broken', async () => {
    for (const url of ['/v1/clusters/%zz', '/%', '/v1/clusters/%ff']) {
      assert.equal((await api.request({ url })).statusCode, 400, url);
    }
    for (const url of [`/v1/clusters/${'x'.repeat(256)}`, `/v1/clusters/${'x'.repeat(600)}`]) {
      assert.ok([400, 404].includes((await api.request({ url })).statusCode));
    }
    expectError(await api.request({ url: '/v1/clusters/%00' }), 404, 'not_found');
    for (const query of [
      'limit=0',
      'limit=-1',
      'limit=x',
      'limit=1.5',
      'limit=1&limit=2',
      'limit=',
      'marker=x',
      'sort_key=x',
      'sort_dir=up',
      'all_projects=maybe',
      'foo=1',
      '__proto__=1',
    ]) {
      const answer = await api.request({ url: `/v1/clusters?${query}` });
      assert.equal(answer.statusCode, 400, query);
      assert.equal(errorOf(answer).field, query.split('=')[0]);
    }
    assert.equal((await api.request({ url: '/v1/clusters?limit=99999' })).statusCode, 200);
  });

  it('refuses what is not HTTP, and headers that are too large', async () => {
    const broken = await raw('nonsense\r\n\r\n');
    assert.equal(broken.status, 400);
    assert.equal(JSON.parse(broken.body).errors[0].code, 'malformed_request');
    assert.match(broken.head, /x-openstack-request-id: req-/i);
    const large = await raw(`GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`);
    assert.equal(large.status, 431);
    assert.equal(JSON.parse(large.body).errors[0].code, 'header_fields_too_large');
    const host = await raw('GET / HTTP/1.1\r\nHost: a b<script>\r\nConnection: close\r\n\r\n');
    assert.equal(host.status, 400);
    const old = await raw('GET / HTTP/1.0\r\n\r\n');
    assert.equal(old.status, 200);
  });

  it('takes a client that breaks off its body for no fault of its own', async () => {
    const arrived = once(api.app.server, 'request') as Promise<[IncomingMessage]>;
    const socket = connect(port, '127.0.0.1');
    socket.write(
      'POST /v1/clusters HTTP/1.1\r\nHost: x\r\nX-Auth-Token: member\r\nContent-Type: application/json\r\n' +
        'Content-Length: 100\r\n\r\n{"name":',
    );
    const [request] = await arrived;
    await waitFor(() => request.listenerCount('data') > 0, { timeoutMs: 30_000 });
    socket.resetAndDestroy();
    const told = () => logged.filter(({ err }) => err?.code === 'ECONNRESET');
    await waitFor(() => told().length > 0, { timeoutMs: 30_000 });
    assert.deepEqual(
      told().map(({ level, code }) => ({ level, code })),
      [{ level: 'debug', code: 'malformed_request' }],
    );
    const { body } = await api.request({ url: '/metrics', token: null });
    assert.doesNotMatch(body, /status="5\d\d"/);
  });

  it('has headers that keep browsers safe, and none that let other pages in', async () => {
    const { headers } = await api.request({
      url: '/v1/clusters',
      headers: { origin: 'https://evil.example' },
    });
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.match(String(headers['content-security-policy']), /default-src 'none'/);
    assert.equal(headers['x-frame-options'], 'SAMEORIGIN');
    assert.equal(headers['referrer-policy'], 'no-referrer');
    assert.equal(headers['access-control-allow-origin'], undefined);
    assert.equal(headers['strict-transport-security'], undefined);
    const page = await api.request({ url: '/docs', token: null });
    assert.match(String(page.headers['content-security-policy']), /default-src 'self'/);
  });

  it('counts requests by route, whatever their addresses', async () => {
    for (let i = 0; i < 3; i += 1) await api.request({ url: `/v1/clusters/unknown-${i}` });
    const { body } = await api.request({ url: '/metrics', token: null });
    assert.match(
      body,
      /cetus_api_request_seconds_count\{.*route="\/v1\/clusters\/:ref".*status="404".*\} \d+/,
    );
    assert.doesNotMatch(body, /unknown-1/);
  });
});

describe('api: HTTP, configured', () => {
  it('lets the pages of named origins in', async () => {
    const api = await startApi({ CETUS_API_CORS_ORIGINS: 'https://console.example, https://two.example' });
    try {
      const preflight = await api.request({
        method: 'OPTIONS',
        url: '/v1/clusters',
        token: null,
        headers: { origin: 'https://two.example', 'access-control-request-method': 'POST' },
      });
      assert.equal(preflight.statusCode, 204);
      assert.equal(preflight.headers['access-control-allow-origin'], 'https://two.example');
      const answer = await api.request({
        url: '/v1/clusters',
        headers: { origin: 'https://console.example' },
      });
      assert.match(String(answer.headers['access-control-expose-headers']), /cetus-operation-id/);
      assert.match(String(answer.headers['vary']), /OpenStack-API-Version/);
      assert.match(String(answer.headers['vary']), /Origin/);
      const evil = await api.request({ url: '/v1/clusters', headers: { origin: 'https://evil.example' } });
      assert.notEqual(evil.headers['access-control-allow-origin'], 'https://evil.example');
    } finally {
      await api.close();
    }
  });

  it('limits the rate of one project, not that of another', async () => {
    const api = await startApi({ CETUS_API_RATE_LIMIT: 3 });
    try {
      for (let i = 0; i < 3; i += 1)
        assert.equal((await api.request({ url: '/v1/clusters' })).statusCode, 200);
      const refused = await api.request({ url: '/v1/operations', token: 'reader' });
      expectError(refused, 429, 'too_many_requests');
      assert.ok(Number(refused.headers['retry-after']) > 0);
      assert.equal((await api.request({ url: '/v1/clusters', token: 'other' })).statusCode, 200);
      assert.equal((await api.request({ url: '/healthz', token: null })).statusCode, 200);
    } finally {
      await api.close();
    }
  });

  it('makes links of the public address', async () => {
    const api = await startApi({ CETUS_PUBLIC_URL: 'https://cloud.example/cetus/', CETUS_API_PAGE_SIZE: 1 });
    try {
      const uuid = await api.cluster();
      await api.cluster({ cluster_template_id: 'k8s' });
      const { clusters, next } = (
        await api.request({ url: '/v1/clusters', headers: { host: 'inside:9511' } })
      ).json();
      assert.equal(clusters.length, 1);
      assert.ok(next.startsWith('https://cloud.example/cetus/v1/clusters?limit=1&marker='));
      const { links } = (await api.request({ url: `/v1/clusters/${uuid}` })).json();
      assert.equal(links[0].href, `https://cloud.example/cetus/v1/clusters/${uuid}`);
    } finally {
      await api.close();
    }
  });
});
