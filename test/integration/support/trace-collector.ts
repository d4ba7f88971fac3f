import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

interface OtlpValue {
  stringValue?: string;
}
interface OtlpSpan {
  traceId: string;
  spanId: string;
  name: string;
  attributes?: { key: string; value: OtlpValue }[];
}
interface OtlpRequest {
  resourceSpans?: {
    resource?: { attributes?: { key: string; value: OtlpValue }[] };
    scopeSpans?: { spans?: OtlpSpan[] }[];
  }[];
}

/** A span as the tests look at it. */
interface Span {
  /** The name of the service that it is from. */
  service: string;
  name: string;
  /** The texts of its attributes, in one. */
  attributes: string;
}

/** A collector of OpenTelemetry traces over HTTP with JSON. Source: https://opentelemetry.io/docs/specs/otlp/#otlphttp */
export class TraceCollector {
  private readonly server: Server;
  private readonly byTrace = new Map<string, Span[]>();

  private constructor() {
    this.server = createServer((request, response) => {
      let text = '';
      request.setEncoding('utf8').on('data', (part: string) => (text += part));
      request.on('end', () => {
        this.take(JSON.parse(text) as OtlpRequest);
        response.setHeader('content-type', 'application/json').end('{}');
      });
    });
  }

  static async start(): Promise<TraceCollector> {
    const collector = new TraceCollector();
    await new Promise<void>((resolve) => collector.server.listen(0, '127.0.0.1', resolve));
    return collector;
  }

  /** What makes a service send its traces here. */
  get environment(): Record<string, string> {
    const { port } = this.server.address() as AddressInfo;
    return {
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `http://127.0.0.1:${port}/v1/traces`,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_BSP_SCHEDULE_DELAY: '200',
      // Only what says so itself is recorded, so that the other tests do not pay for it.
      OTEL_TRACES_SAMPLER: 'parentbased_always_off',
    };
  }

  spansOf(traceId: string): Span[] {
    return this.byTrace.get(traceId) ?? [];
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private take(request: OtlpRequest): void {
    for (const { resource, scopeSpans = [] } of request.resourceSpans ?? []) {
      const of = (key: string): string | undefined =>
        resource?.attributes?.find((attribute) => attribute.key === key)?.value.stringValue;
      for (const span of scopeSpans.flatMap(({ spans = [] }) => spans)) {
        const attributes = (span.attributes ?? []).map(({ value }) => value.stringValue ?? '').join('\n');
        const spans = this.byTrace.get(span.traceId) ?? [];
        spans.push({ service: of('service.name') ?? '', name: span.name, attributes });
        this.byTrace.set(span.traceId, spans);
      }
    }
  }
}
