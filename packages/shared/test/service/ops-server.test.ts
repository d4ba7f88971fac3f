import assert from 'node:assert/strict';
import {
  createLogger,
  createMetrics,
  createOpsServer,
  readiness,
  type Resource,
} from '@cetus/shared/service';

describe('service: createOpsServer', () => {
  let well = true;
  const database: Resource = {
    name: 'database',
    health: async () => {
      if (!well) throw new Error('no connection');
    },
  };
  const metrics = createMetrics('test', { process: false });
  const server = createOpsServer({
    host: '127.0.0.1',
    port: 0,
    logger: createLogger({ service: 'test', level: 'silent' }),
    registry: metrics.registry,
    readiness: () => readiness([database]),
  });
  before(() => server.start?.(new AbortController().signal));
  after(() => server.stop?.());

  const get = (path: string, init: RequestInit = {}) =>
    fetch(server.url + path, { ...init, signal: AbortSignal.timeout(5_000) });

  it('is alive whatever its resources do', async () => {
    well = false;
    assert.equal((await get('/healthz')).status, 200);
  });

  it('is ready when every resource is, and else names what fails', async () => {
    well = true;
    assert.equal((await get('/readyz?verbose')).status, 200);
    well = false;
    const answer = await get('/readyz');
    assert.equal(answer.status, 503);
    const body = (await answer.json()) as {
      ready: boolean;
      resources: Record<string, { ok: boolean; error: string }>;
    };
    assert.equal(body.ready, false);
    assert.equal(body.resources.database?.error, 'no connection');
  });

  it('serves metrics whose labels are bounded', async () => {
    const kinds = metrics.counter({ name: 'kinds_total', help: 'x', labels: { kind: ['cluster'] } });
    const hosts = metrics.counter({ name: 'hosts_total', help: 'x', labels: { host: { max: 2 } } });
    const seconds = metrics.histogram({ name: 'work_seconds', help: 'x', labels: { outcome: ['ok'] } });
    metrics.observed({ name: 'waiting', help: 'x' }, () => 7);
    kinds.inc({ kind: 'cluster' });
    kinds.inc({ kind: '<script>' });
    for (let i = 0; i < 100; i++) hosts.inc({ host: `h${i}` });
    seconds.startTimer()({ outcome: 'ok' });
    const text = await (await get('/metrics')).text();
    assert.match(text, /cetus_kinds_total\{kind="cluster",service="test"\} 1/);
    assert.match(text, /cetus_kinds_total\{kind="other",service="test"\} 1/);
    assert.match(text, /cetus_hosts_total\{host="other",service="test"\} 98/);
    assert.match(
      text,
      /cetus_work_seconds_count\{service="test",outcome="ok"\} 1|cetus_work_seconds_count\{outcome="ok",service="test"\} 1/,
    );
    assert.match(text, /cetus_waiting\{service="test"\} 7/);
    assert.ok(!text.includes('script'));
  });

  it('answers anything else with 404 or 405, and HEAD without a body', async () => {
    for (const path of ['/', '/constructor', '/__proto__', '/readyz/', '//', '/%']) {
      assert.equal((await get(path)).status, 404, path);
    }
    const post = await get('/healthz', { method: 'POST', body: 'x' });
    assert.equal(post.status, 405);
    assert.equal(post.headers.get('allow'), 'GET, HEAD');
    const head = await get('/healthz', { method: 'HEAD' });
    assert.equal(head.status, 200);
    assert.equal(await head.text(), '');
  });
});
