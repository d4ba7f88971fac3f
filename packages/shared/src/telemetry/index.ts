export { startTelemetry, telemetryConfigured, type Telemetry, type TelemetryOptions } from './telemetry.ts';
export {
  currentTraceparent,
  extractTrace,
  injectTrace,
  inTrace,
  runInTrace,
  traceOf,
  withSpan,
  type TraceHeaders,
  type WithSpanOptions,
} from './trace-context.ts';
