import {
  context,
  defaultTextMapGetter,
  defaultTextMapSetter,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Span,
} from '@opentelemetry/api';

const TRACER = 'cetus';

/** Headers of a message: only those of the trace are read or written. */
export type TraceHeaders = Record<string, unknown>;

export interface WithSpanOptions {
  kind?: SpanKind;
  /** The span's parent. Default: what is going on now. */
  parent?: Context;
}

/**
 * Runs `fn` inside of a span; the span ends with it, and fails with it. Where telemetry is off, `fn` is all that happens.
 */
export async function withSpan<T>(
  name: string,
  attributes: Attributes,
  fn: (span: Span) => Promise<T>,
  options: WithSpanOptions = {},
): Promise<T> {
  const { kind, parent = context.active() } = options;
  const spanOptions = kind === undefined ? { attributes } : { attributes, kind };
  return trace.getTracer(TRACER).startActiveSpan(name, spanOptions, parent, async (span) => {
    try {
      return await fn(span);
    } catch (error) {
      const exception = error instanceof Error ? error : new Error(String(error));
      span.recordException(exception);
      span.setStatus({ code: SpanStatusCode.ERROR, message: exception.message });
      throw error;
    } finally {
      span.end();
    }
  });
}

/** The headers with the present trace added (`traceparent`, `tracestate`); unchanged where there is none. */
export function injectTrace<H extends TraceHeaders>(headers: H): H & TraceHeaders {
  const carrier: Record<string, string> = {};
  propagation.inject(context.active(), carrier, defaultTextMapSetter);
  return { ...headers, ...carrier };
}

/** The trace that the headers of a message name, for `withSpan`'s parent or {@link inTrace}. */
export function extractTrace(headers: TraceHeaders | undefined): Context {
  const carrier: Record<string, string> = {};
  for (const [key, value] of Object.entries(headers ?? {})) {
    if (typeof value === 'string') carrier[key.toLowerCase()] = value;
    else if (Buffer.isBuffer(value)) carrier[key.toLowerCase()] = value.toString('utf8');
  }
  return propagation.extract(ROOT_CONTEXT, carrier, defaultTextMapGetter);
}

/** The present trace as a W3C `traceparent`, to keep in a document; undefined where there is none. */
export function currentTraceparent(): string | undefined {
  const { traceparent } = injectTrace({});
  return typeof traceparent === 'string' ? traceparent : undefined;
}

/** The trace of a `traceparent` that was kept in a document. */
export function traceOf(traceparent: string | undefined): Context {
  return extractTrace(traceparent === undefined ? undefined : { traceparent });
}

/** Runs `fn` as a part of a trace. */
export function inTrace<T>(parent: Context, fn: () => T): T {
  return context.with(parent, fn);
}

/** Handles something that waited, in a span of its own that belongs to the trace of whoever asked for it. */
export function runInTrace<T>(
  traceparent: string | undefined,
  name: string,
  fn: () => Promise<T>,
): Promise<T> {
  const parent = traceparent === undefined ? context.active() : traceOf(traceparent);
  return withSpan(name, {}, fn, { kind: SpanKind.CONSUMER, parent });
}
