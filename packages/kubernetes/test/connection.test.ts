import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { CetusError } from '@cetus/shared/errors';
import { createAuthority } from '@cetus/shared/pki';
import { freePort } from '@cetus/test-kit';
import { KubernetesConnection, MERGE_PATCH } from '../src/connection.ts';
import { isNotFound, KubernetesError, KubernetesUnreachableError, toCetusError } from '../src/errors.ts';
import { ApiServer, bodyOf, sendJson, status } from './support/api-server.ts';

describe('KubernetesConnection', () => {
  let api: ApiServer;
  beforeEach(async () => {
    api = await new ApiServer().start();
  });
  afterEach(() => api.close());

  const unreachable = (code: string | RegExp, maybeSent: boolean) => (error: unknown) => {
    assert.ok(error instanceof KubernetesUnreachableError, String(error));
    assert.match(error.code, new RegExp(code));
    assert.equal(error.maybeSent, maybeSent);
    return true;
  };

  it('sends what it is given to the path below the server', async () => {
    let seen: unknown;
    api.answer = (request, response) => {
      void bodyOf(request).then((body) => {
        const { authorization, 'content-type': type, accept } = request.headers;
        seen = { method: request.method, url: request.url, authorization, type, accept, body };
        sendJson(response, 200, { ok: true });
      });
    };
    const answer = await api.connect().request('PATCH', '/api/v1/nodes/a', {
      query: { dryRun: 'All', none: undefined, limit: 5, watch: true },
      body: { a: 1 },
      contentType: MERGE_PATCH,
    });
    assert.deepEqual([answer.status, answer.body], [200, { ok: true }]);
    assert.deepEqual(seen, {
      method: 'PATCH',
      url: '/base/api/v1/nodes/a?dryRun=All&limit=5&watch=true',
      authorization: 'Bearer secret',
      type: 'application/merge-patch+json',
      accept: 'application/json',
      body: '{"a":1}',
    });
  });

  it('keeps what a refusal says', async () => {
    const body = status(429, 'TooManyRequests', 'later', { details: { retryAfterSeconds: 7, kind: 'pods' } });
    api.answer = (_request, response) => sendJson(response, 429, body);
    await assert.rejects(api.connect().get('/api/v1/pods'), (error) => {
      assert.ok(error instanceof KubernetesError);
      assert.deepEqual(
        [error.status, error.reason, error.message, error.retryAfterSeconds, error.body, error.path],
        [429, 'TooManyRequests', 'later', 7, body, '/api/v1/pods'],
      );
      assert.ok(!Object.keys(error).includes('body'), 'a log writes what it finds there');
      const meant = toCetusError(error) as CetusError;
      assert.deepEqual([meant.code, meant.retryAfterMs], ['back_end_unavailable', 7000]);
      return true;
    });
  });

  it('does not take the refusal of a proxy for that of the API', async () => {
    api.answer = (_request, response) =>
      void response.writeHead(404, { 'content-type': 'text/html' }).end('<html>');
    await assert.rejects(api.connect().get('/x'), (error) => {
      assert.ok(error instanceof KubernetesError);
      assert.deepEqual(
        [error.status, error.reason, error.body, isNotFound(error)],
        [404, undefined, '<html>', false],
      );
      assert.equal((toCetusError(error) as CetusError).code, 'back_end_refused');
      return true;
    });
  });

  it('refuses an answer that is too large, and one that is not what it says', async () => {
    api.answer = (_request, response) => void response.end('x'.repeat(100));
    await assert.rejects(api.connect({ maxBodyBytes: 10 }).get('/x'), /larger than 10 bytes/);
    api.answer = (_request, response) =>
      void response.writeHead(200, { 'content-type': 'application/json' }).end('{"a":');
    await assert.rejects(api.connect().get('/x'), /claims to be JSON/);
  });

  it('ends a request that is not answered, one whose body stops, and one that waits for a socket', async () => {
    api.answer = (request, response) => {
      if (request.url === '/base/half') response.writeHead(200).write('begun');
    };
    const connection = api.connect({ requestTimeoutMs: 100, sockets: 1 });
    const paths = ['/none', '/half', '/none'];
    const ends = await Promise.allSettled(paths.map((path) => connection.get(path)));
    for (const end of ends) {
      assert.equal(end.status, 'rejected');
      unreachable('^TIMEOUT$', true)(end.reason);
    }
    await assert.rejects(connection.get('/none', { timeoutMs: 10 }), unreachable('^TIMEOUT$', true));
  });

  it("ends with the caller's reason", async () => {
    const arrived = new Promise<void>((resolve) => (api.answer = () => resolve()));
    const abort = new AbortController();
    const reason = new Error('changed my mind');
    const request = api.connect().get('/x', { signal: abort.signal });
    await arrived;
    abort.abort(reason);
    await assert.rejects(request, reason);
    await assert.rejects(api.connect().get('/x', { signal: abort.signal }), reason);
  });

  it('tells an API that is not there from one that went away on the way', async () => {
    const access = { user: 'test', token: 'x', skipTlsVerify: false };
    const nobody = new KubernetesConnection({
      ...access,
      server: `http://127.0.0.1:${String(await freePort())}`,
    });
    await assert.rejects(nobody.get('/x'), unreachable('^ECONNREFUSED$', false));
    await nobody.close();
    api.answer = (request) => void request.socket.destroy();
    await assert.rejects(
      api.connect().request('POST', '/x', { body: {} }),
      unreachable('UND_ERR_SOCKET|ECONNRESET', true),
    );
    assert.equal(api.requests.length, 1);
  });

  it('repeats a GET once when the socket was just closed', async () => {
    api.answer = (request, response) => {
      if (api.requests.length === 1) request.socket.destroy();
      else sendJson(response, 200, { ok: true });
    };
    assert.deepEqual(await api.connect().get('/x'), { ok: true });
    api.answer = (request) => void request.socket.destroy();
    api.requests.length = 0;
    await assert.rejects(api.connect().get('/x'), KubernetesUnreachableError);
    assert.equal(api.requests.length, 2);
  });

  it('ends a stream with its signal, and does not wait for ever for its beginning', async () => {
    let closed: Promise<unknown> | undefined;
    api.answer = (_request, response) => {
      closed = once(response, 'close');
      response.writeHead(200, { 'content-type': 'application/json' }).write('one\n');
    };
    const abort = new AbortController();
    const connection = api.connect();
    const { body } = await connection.stream('/x', { signal: abort.signal, timeoutMs: 1000 });
    await assert.rejects(async () => {
      for await (const chunk of body) {
        assert.equal(chunk.toString(), 'one\n');
        abort.abort(new Error('enough'));
      }
    });
    await closed;
    api.answer = () => undefined;
    const signal = new AbortController().signal;
    await assert.rejects(connection.stream('/x', { signal, timeoutMs: 20 }), unreachable('^TIMEOUT$', true));
    api.answer = (_request, response) => sendJson(response, 410, status(410, 'Expired', 'too old'));
    await assert.rejects(connection.stream('/x', { signal }), { name: 'KubernetesError', status: 410 });
  });

  it('does not load certificates that are none', () => {
    const { certificate } = createAuthority({ commonName: 'test', days: 1 });
    const kubeconfig = (data: string): string =>
      JSON.stringify({
        clusters: [
          { name: 'c', cluster: { server: 'https://127.0.0.1:1/', 'certificate-authority-data': data } },
        ],
        users: [{ name: 'u', user: { token: 't' } }],
        contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
        'current-context': 'x',
      });
    const good = KubernetesConnection.fromKubeconfig(kubeconfig(Buffer.from(certificate).toString('base64')));
    assert.deepEqual(
      [good.server, good.user, good.authorityCertificate],
      ['https://127.0.0.1:1', 'u', certificate],
    );
    assert.throws(() => KubernetesConnection.fromKubeconfig(kubeconfig('bm9uc2Vuc2U=')), {
      code: 'invalid_field',
      field: 'kubeconfig/clusters/0/cluster/certificate-authority-data',
    });
  });
});
