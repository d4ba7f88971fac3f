import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { OpenStackError, OpenStackUnreachableError } from '../src/errors.ts';
import { HttpClient, type HttpClientOptions } from '../src/http.ts';

describe('HttpClient', () => {
  let server: Server | undefined;
  let http: HttpClient | undefined;
  let seen: string[] = [];
  afterEach(async () => {
    await http?.close();
    server?.closeAllConnections();
    server?.close();
  });

  const serve = async (answer: RequestListener, options: HttpClientOptions = {}) => {
    seen = [];
    server = createServer((request, response) => {
      seen.push(request.method ?? '');
      answer(request, response);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    http = new HttpClient({ retryMinMs: 1, ...options });
    const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/path?q=1`;
    const client = http;
    return (method: string, more: { idempotent?: boolean; signal?: AbortSignal; json?: unknown } = {}) =>
      client.request({ service: 'test', method, url, ...more });
  };

  it('repeats a GET until it is answered, a POST never', async () => {
    const send = await serve((_request, response) => {
      response.statusCode = seen.length < 3 ? 503 : 200;
      response.end();
    });
    assert.equal((await send('GET')).status, 200);
    assert.equal(seen.length, 3);
    seen = [];
    await assert.rejects(send('POST'), OpenStackError);
    assert.equal(seen.length, 1);
    seen = [];
    assert.equal((await send('PUT', { idempotent: true })).status, 200);
    assert.equal(seen.length, 3);
  });

  it('does not repeat what will not change', async () => {
    const send = await serve((_request, response) => {
      response.statusCode = 500;
      response.end();
    });
    await assert.rejects(send('GET'), OpenStackError);
    assert.equal(seen.length, 1);
  });

  it('waits as long as Retry-After says, but not longer than its own limit', async () => {
    const send = await serve(
      (_request, response) => {
        response.writeHead(seen.length < 2 ? 429 : 200, { 'retry-after': '3600' });
        response.end();
      },
      { retryMaxMs: 20 },
    );
    assert.equal((await send('GET')).status, 200);
  });

  it('ends a request that is never answered, and one whose body stops', async () => {
    const send = await serve(
      (request, response) => {
        if (request.method === 'DELETE') response.writeHead(200).write('begun');
      },
      { headersTimeoutMs: 100, bodyTimeoutMs: 100, totalTimeoutMs: 300, retries: 0 },
    );
    for (const method of ['GET', 'DELETE']) {
      await assert.rejects(
        send(method),
        (error) => error instanceof OpenStackUnreachableError && error.maybeSent,
      );
    }
  });

  it("ends with the caller's reason", async () => {
    const send = await serve(() => undefined);
    const abort = new AbortController();
    const reason = new Error('changed my mind');
    const request = send('GET', { signal: abort.signal });
    await once(server as Server, 'request');
    abort.abort(reason);
    await assert.rejects(request, reason);
  });

  it('keeps the whole refusal, whatever its shape', async () => {
    const rows: [body: unknown, code: string, message: string][] = [
      [
        { code: 409, title: 'Conflict', error: { type: 'StackExists', message: 'taken' } },
        'StackExists',
        'taken',
      ],
      [{ error: { code: 401, title: 'Unauthorized', message: 'no' } }, 'Unauthorized', 'no'],
      [{ NeutronError: { type: 'IpAddressInUse', message: 'used', detail: '' } }, 'IpAddressInUse', 'used'],
      [{ itemNotFound: { code: 404, message: 'gone' } }, 'itemNotFound', 'gone'],
      [{ errors: [{ code: 'client', title: 'Bad', detail: 'very bad' }] }, 'client', 'very bad'],
      [{ message: 'odd', code: '404 Not Found', title: 'Not Found' }, 'Not Found', 'odd'],
    ];
    let body: unknown;
    const send = await serve((_request, response) => {
      response.writeHead(400, { 'content-type': 'application/json', 'x-openstack-request-id': 'req-1' });
      response.end(JSON.stringify(body));
    });
    for (const [sent, code, message] of rows) {
      body = sent;
      await assert.rejects(send('GET'), (error) => {
        assert.ok(error instanceof OpenStackError);
        assert.deepEqual(
          [error.status, error.code, error.message, error.requestId, error.body, error.path],
          [400, code, message, 'req-1', sent, '/path?q=1'],
        );
        return true;
      });
    }
  });

  it('refuses an answer that is too long, and one that is not the JSON it claims to be', async () => {
    let text = '{';
    const send = await serve(
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(text);
      },
      { maxBodyBytes: 100 },
    );
    const withCode = (code: string) => (error: unknown) =>
      error instanceof OpenStackError && error.code === code;
    await assert.rejects(send('GET'), withCode('InvalidBody'));
    text = 'x'.repeat(101);
    await assert.rejects(send('GET'), withCode('ResponseTooLarge'));
  });

  it('repeats even a POST when nobody was there to see it', async () => {
    http = new HttpClient({ retries: 2, retryMinMs: 1 });
    const request = http.request({ service: 'test', method: 'POST', url: 'http://127.0.0.1:1/' });
    await assert.rejects(request, (error) => error instanceof OpenStackUnreachableError && !error.maybeSent);
  });
});
