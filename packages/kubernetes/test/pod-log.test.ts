import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { waitFor } from '@cetus/test-kit';
import { KubernetesUnreachableError } from '../src/errors.ts';
import { openPodLog, readPodLog } from '../src/pod-log.ts';
import { ApiServer, sendJson, status } from './support/api-server.ts';

const POD = { namespace: 'n', name: 'p' };

describe('The log of a pod', () => {
  let api: ApiServer;
  const { signal } = new AbortController();
  beforeEach(async () => {
    api = await new ApiServer().start();
  });
  afterEach(() => api.close());

  it('is asked for with all that is given', async () => {
    const more = {
      container: 'c',
      tailLines: 5,
      sinceSeconds: 7,
      previous: true,
      timestamps: true,
      limitBytes: 9,
    };
    await openPodLog(api.connect(), { ...POD, ...more, follow: false }, signal);
    assert.deepEqual(api.requests, [
      'GET /base/api/v1/namespaces/n/pods/p/log?container=c&tailLines=5&sinceSeconds=7&previous=true&timestamps=true&limitBytes=9&follow=false',
    ]);
  });

  it('leads nowhere else', async () => {
    for (const name of ['..', 'a/b', ''])
      await assert.rejects(openPodLog(api.connect(), { namespace: 'n', name }, signal), TypeError);
    assert.deepEqual(api.requests, []);
  });

  it('is not read from the server faster than its reader reads', async () => {
    let answered: ServerResponse | undefined;
    let sent = 0;
    const chunk = Buffer.alloc(64 * 1024, 'x');
    api.answer = (_request, response) => {
      answered = response;
      const fill = (): void => {
        do sent += chunk.length;
        while (response.write(chunk));
      };
      response.on('drain', fill);
      fill();
    };
    const log = await openPodLog(api.connect(), { ...POD, follow: true }, signal);
    // It stands still once the buffers of the connection are full.
    let before = -1;
    await waitFor(() => {
      const same = sent === before && answered?.writableNeedDrain === true;
      before = sent;
      return same;
    });
    assert.ok(log.readableLength <= 256 * 1024, `${String(log.readableLength)} bytes are kept`);
    const stood = sent;
    let read = 0;
    for await (const one of log as AsyncIterable<Buffer>) if ((read += one.length) > 2 * stood) break;
    assert.ok(sent > stood);
    // Whoever stops reading ends the request.
    if (answered?.destroyed === false) await once(answered, 'close');
  });

  it('does not wait for its beginning for ever, but lives without a byte afterwards', async () => {
    api.answer = () => undefined;
    const late = openPodLog(api.connect(), { ...POD, follow: true, timeoutMs: 20 }, signal);
    await assert.rejects(
      late,
      (error) => error instanceof KubernetesUnreachableError && error.code === 'TIMEOUT',
    );
    let answered: ServerResponse | undefined;
    api.answer = (_request, response) => {
      answered = response;
      response.writeHead(200).flushHeaders();
    };
    const log = await openPodLog(api.connect({ requestTimeoutMs: 1_000 }), { ...POD, follow: true }, signal);
    // The time that its opening had is over when another one has waited longer in vain.
    api.answer = () => undefined;
    await assert.rejects(openPodLog(api.connect(), { ...POD, timeoutMs: 1_200 }, signal));
    answered?.end('late\n');
    assert.deepEqual(await log.toArray(), [Buffer.from('late\n')]);
  });

  it('keeps nobody from watching', async () => {
    api.answer = (_request, response) => void response.writeHead(200).flushHeaders();
    const connection = api.connect({ watchSockets: 1, logSockets: 1 });
    await openPodLog(connection, { ...POD, follow: true }, signal);
    await connection.stream('/api/v1/pods', { signal });
    // One more of either has to wait.
    await assert.rejects(openPodLog(connection, { ...POD, timeoutMs: 20 }, signal), { code: 'TIMEOUT' });
    await assert.rejects(connection.stream('/api/v1/pods', { signal, timeoutMs: 20 }), { code: 'TIMEOUT' });
  });

  it('is refused as the server refuses it', async () => {
    api.answer = (_request, response) =>
      sendJson(response, 400, status(400, 'BadRequest', 'no such container'));
    await assert.rejects(openPodLog(api.connect(), POD, signal), { name: 'KubernetesError', status: 400 });
  });

  it('is read as text of so many bytes at most, in whole lines', async () => {
    const lines = Array.from({ length: 100 }, (_, index) => `line ${String(index)} ä\n`);
    api.answer = (_request, response) => {
      for (const line of lines) response.write(line);
      response.end();
    };
    const all = await readPodLog(api.connect(), POD);
    assert.deepEqual([all.text, all.truncated], [lines.join(''), false]);
    assert.match(api.requests[0] ?? '', /tailLines=1000/);
    const whole = Buffer.byteLength(all.text);
    assert.equal((await readPodLog(api.connect(), { ...POD, maxBytes: whole })).truncated, false);
    const end = await readPodLog(api.connect(), { ...POD, maxBytes: 40 });
    assert.deepEqual([end.text, end.truncated], [lines.slice(-3).join(''), true]);
    api.answer = (_request, response) => void response.end('x'.repeat(100));
    assert.deepEqual(await readPodLog(api.connect(), { ...POD, maxBytes: 10 }), {
      text: 'x'.repeat(10),
      truncated: true,
    });
  });

  it('is not read for ever', async () => {
    api.answer = (_request, response) => void response.writeHead(200).write('begun');
    await assert.rejects(readPodLog(api.connect(), { ...POD, timeoutMs: 50 }), { name: 'TimeoutError' });
    const reason = new Error('enough');
    await assert.rejects(readPodLog(api.connect(), POD, AbortSignal.abort(reason)), reason);
  });
});
