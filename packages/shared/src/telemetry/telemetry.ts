import { createRequire } from 'node:module';
import type { tracing } from '@opentelemetry/sdk-node';
import { processEnvironment, type Environment } from '../service/environment.ts';

export interface TelemetryOptions {
  /** The service's name in traces; OTEL_SERVICE_NAME goes before it. */
  service: string;
  /** Where spans go instead of where OTEL_* says; turns telemetry on by itself. For tests. */
  exporter?: tracing.SpanExporter;
  /** Default: the process's own. */
  environment?: Environment;
}

export interface Telemetry {
  /** False when nothing is recorded. */
  readonly enabled: boolean;
  /** Sends what has not been sent and stops recording; the last thing a process does. */
  stop(): Promise<void>;
}

const OFF: Telemetry = { enabled: false, stop: async () => undefined };

/** Whether OTEL_* names somewhere to send traces to. */
export function telemetryConfigured(environment: Environment): boolean {
  if (environment.OTEL_SDK_DISABLED?.toLowerCase() === 'true') return false;
  const exporter = environment.OTEL_TRACES_EXPORTER;
  if (exporter !== undefined && exporter !== '') return exporter !== 'none';
  return Boolean(environment.OTEL_EXPORTER_OTLP_ENDPOINT ?? environment.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT);
}

/**
 * Records traces of HTTP (server and client), undici, amqplib and MongoDB, and adds trace ids to log lines. Configured by
 * OpenTelemetry's own variables: without OTEL_EXPORTER_OTLP_ENDPOINT (or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, or
 * OTEL_TRACES_EXPORTER) nothing is loaded and nothing costs anything.
 *
 * It must have run before amqplib, mongodb and pino are imported, which in ESM means before the program's own modules:
 *
 *     node --import @cetus/shared/telemetry/register dist/main.js
 *
 * The library is imported only when it is needed, since merely loading it takes longer than all else in a process's start.
 */
export async function startTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  const environment = options.environment ?? processEnvironment();
  if (!options.exporter && !telemetryConfigured(environment)) return OFF;

  const [sdkNode, http, undici, amqplib, mongodb, pino] = await Promise.all([
    import('@opentelemetry/sdk-node'),
    import('@opentelemetry/instrumentation-http'),
    import('@opentelemetry/instrumentation-undici'),
    import('@opentelemetry/instrumentation-amqplib'),
    import('@opentelemetry/instrumentation-mongodb'),
    import('@opentelemetry/instrumentation-pino'),
  ]);
  const instrumentations = [
    new http.HttpInstrumentation({
      // Probes and scrapes would be most of all traces.
      ignoreIncomingRequestHook: (request) => /^\/(healthz|readyz|metrics)(\?|$)/.test(request.url ?? ''),
    }),
    new undici.UndiciInstrumentation(),
    new amqplib.AmqplibInstrumentation(),
    // Only inside of a trace: the sweeps' endless queries belong to none.
    new mongodb.MongoDBInstrumentation({ requireParentSpan: true, enhancedDatabaseReporting: false }),
    // Logs go to standard output; only the ids are added to them.
    new pino.PinoInstrumentation({ disableLogSending: true }),
  ];
  const sdk = new sdkNode.NodeSDK({
    serviceName: environment.OTEL_SERVICE_NAME ?? options.service,
    instrumentations,
    ...(options.exporter
      ? {
          spanProcessors: [new sdkNode.tracing.SimpleSpanProcessor(options.exporter)],
          autoDetectResources: false,
        }
      : {}),
    metricReaders: [],
    logRecordProcessors: [],
  });
  sdk.start();
  // ESM imports of built-in modules pass by the hook that patches them; one `require` makes it see them.
  const require = createRequire(import.meta.url);
  require('node:http');
  require('node:https');
  return {
    enabled: true,
    stop: async () => {
      for (const instrumentation of instrumentations) instrumentation.disable();
      await sdk.shutdown();
    },
  };
}
