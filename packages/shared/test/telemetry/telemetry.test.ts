import assert from 'node:assert/strict';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { ROOT_CONTEXT, trace } from '@opentelemetry/api';
import {
  extractTrace,
  injectTrace,
  startTelemetry,
  telemetryConfigured,
  traceOf,
  withSpan,
} from '@cetus/shared/telemetry';
import { spawnService, startTestMongo } from '@cetus/test-kit';

const FIXTURE = fileURLToPath(new URL('./fixtures/one-trace.ts', import.meta.url));
const REGISTER = '@cetus/shared/telemetry/register';

interface Span {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
}

/** Takes what OTLP exporters send, and whatever else is asked of it. */
class Collector {
  readonly spans: Span[] = [];
  readonly calls: IncomingHttpHeaders[] = [];
  readonly #server: Server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      if (request.url === '/v1/traces') {
        const { resourceSpans } = JSON.parse(body) as {
          resourceSpans: { scopeSpans: { spans: Span[] }[] }[];
        };
        this.spans.push(
          ...resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
        );
      } else this.calls.push(request.headers);
      response.setHeader('content-type', 'application/json').end('{}');
    });
  });
  url = '';

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

describe('telemetry', () => {
  const collector = new Collector();
  before(() => collector.start());
  after(() => collector.stop());

  const run = async (env: Record<string, string>) => {
    const { uri } = await startTestMongo();
    const args = ['--conditions=@cetus/source', '--import', 'tsx', '--import', REGISTER, FIXTURE];
    const service = await spawnService([process.execPath, ...args, `${collector.url}/back-end`, uri], {
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
      env,
      ready: /^enabled /,
      readyMs: 30_000,
    });
    const exit = await service.exited;
    assert.equal(exit.code, 0, service.output());
    const headers = /^headers (.*)$/m.exec(service.output())?.[1] ?? '';
    return { service, headers: JSON.parse(headers) as Record<string, string> };
  };

  it('follows one request through HTTP, the database, the bus, a back end, and a sweep', async function () {
    this.timeout(60_000);
    const { service, headers } = await run({
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_SERVICE_NAME: 'fixture',
    });
    assert.equal(service.readyLine, 'enabled true');
    const byId = new Map(collector.spans.map((span) => [span.spanId, span]));
    const find = (test: (span: Span) => boolean): Span => {
      const span = collector.spans.find(test);
      assert.ok(span, JSON.stringify(collector.spans.map(({ name, kind }) => [name, kind])));
      return span;
    };
    // Kinds in OTLP: 2 server, 3 client, 5 consumer.
    const server = find(({ kind }) => kind === 2);
    const consumer = find(({ name }) => name === 'cluster.create process');
    const database = find(({ kind, name }) => kind === 3 && name.includes('insert'));
    const backEnd = find(({ parentSpanId }) => parentSpanId === consumer.spanId);
    const sweep = find(({ name }) => name === 'cluster.sweep');
    for (const span of [consumer, database, backEnd, sweep])
      assert.equal(span.traceId, server.traceId, span.name);
    assert.equal(byId.get(server.parentSpanId ?? '')?.kind, 3, "the API's span is a child of its client's");
    assert.equal(consumer.parentSpanId, server.spanId);
    assert.equal(sweep.parentSpanId, server.spanId);
    assert.equal(consumer.kind, 5);
    assert.equal(headers.traceparent, `00-${server.traceId}-${server.spanId}-01`);
    assert.equal(headers['x-cetus-kind'], 'cluster');
    assert.equal(collector.calls.at(-1)?.traceparent, `00-${backEnd.traceId}-${backEnd.spanId}-01`);
    assert.match(service.output(), new RegExp(`"trace_id":"${server.traceId}"`));
  });

  it('does nothing at all where no endpoint is configured', async function () {
    this.timeout(60_000);
    const before = collector.spans.length;
    const { service, headers } = await run({});
    assert.equal(service.readyLine, 'enabled false');
    assert.deepEqual(headers, { 'x-cetus-kind': 'cluster' });
    assert.equal(collector.calls.at(-1)?.traceparent, undefined);
    assert.equal(collector.spans.length, before);
  });

  it('is on only where OTEL_* names somewhere to send to', async () => {
    const rows: [Record<string, string>, boolean][] = [
      [{}, false],
      [{ OTEL_SERVICE_NAME: 'x' }, false],
      [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318' }, true],
      [{ OTEL_EXPORTER_OTLP_ENDPOINT: '' }, false],
      [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://c:4318/v1/traces' }, true],
      [{ OTEL_TRACES_EXPORTER: 'console' }, true],
      [{ OTEL_TRACES_EXPORTER: 'none', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318' }, false],
      [{ OTEL_SDK_DISABLED: 'true', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318' }, false],
    ];
    for (const [environment, on] of rows)
      assert.equal(telemetryConfigured(environment), on, JSON.stringify(environment));
    assert.equal((await startTelemetry({ service: 's', environment: {} })).enabled, false);
  });

  it('leaves results, errors and headers as they are where it is off', async () => {
    assert.equal(await withSpan('x', {}, async () => 7), 7);
    const error = new Error('mine');
    await assert.rejects(
      withSpan('x', {}, () => Promise.reject(error)),
      (found) => found === error,
    );
    assert.deepEqual(injectTrace({ a: 1 }), { a: 1 });
    assert.equal(trace.getSpanContext(extractTrace({ traceparent: 5, b: null })), undefined);
    assert.equal(traceOf(undefined), ROOT_CONTEXT);
  });
});
