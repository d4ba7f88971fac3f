import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/**
 * What a label may hold: a closed list of values, or at most so many different ones. A value outside of it counts as `other`,
 * so that what clients and back ends send can never grow the metrics without bound.
 */
export type LabelBound = readonly string[] | { max: number };

export type LabelBounds<L extends string> = Readonly<Record<L, LabelBound>>;

export interface MetricOptions<L extends string> {
  /** In snake_case with its unit last, without the `cetus_` prefix, such as `operations_total` or `request_seconds`. */
  name: string;
  help: string;
  labels?: LabelBounds<L>;
}

export interface HistogramOptions<L extends string> extends MetricOptions<L> {
  /** Upper bounds, in the unit of the name. Default: 5 ms to 30 s. */
  buckets?: number[];
}

type Labels<L extends string> = Readonly<Record<L, string>>;

export interface BoundedCounter<L extends string> {
  inc(labels: Labels<L>, value?: number): void;
}
export interface BoundedGauge<L extends string> {
  set(labels: Labels<L>, value: number): void;
  inc(labels: Labels<L>, value?: number): void;
  dec(labels: Labels<L>, value?: number): void;
}
export interface BoundedHistogram<L extends string> {
  observe(labels: Labels<L>, value: number): void;
  /** Returns a function that observes the seconds since, with labels known only at the end. */
  startTimer(): (labels: Labels<L>) => void;
}

export interface Metrics {
  /** For `/metrics`. */
  readonly registry: Registry;
  counter<L extends string = never>(options: MetricOptions<L>): BoundedCounter<L>;
  gauge<L extends string = never>(options: MetricOptions<L>): BoundedGauge<L>;
  histogram<L extends string = never>(options: HistogramOptions<L>): BoundedHistogram<L>;
  /** A gauge whose value is read when the metrics are read. */
  observed(options: Omit<MetricOptions<never>, 'labels'>, read: () => number): void;
}

const DEFAULT_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const OTHER = 'other';

/**
 * The metrics of one service in a registry of its own, every line labelled with the service.
 *
 * @param options.process whether the process's own (CPU, memory, event loop) are among them; default true. Where several
 * services share a process, one is enough.
 */
export function createMetrics(service: string, options: { process?: boolean } = {}): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  if (options.process ?? true) collectDefaultMetrics({ register: registry });

  const common = <L extends string>({ name, help, labels }: MetricOptions<L>) => ({
    name: `cetus_${name}`,
    help,
    labelNames: Object.keys(labels ?? {}) as L[],
    registers: [registry],
  });

  return {
    registry,
    counter: (metric) => {
      const counter = new Counter(common(metric));
      const bound = bounder(metric.labels);
      return { inc: (labels, value = 1) => counter.inc(bound(labels), value) };
    },
    gauge: (metric) => {
      const gauge = new Gauge(common(metric));
      const bound = bounder(metric.labels);
      return {
        set: (labels, value) => gauge.set(bound(labels), value),
        inc: (labels, value = 1) => gauge.inc(bound(labels), value),
        dec: (labels, value = 1) => gauge.dec(bound(labels), value),
      };
    },
    histogram: (metric) => {
      const histogram = new Histogram({ ...common(metric), buckets: metric.buckets ?? DEFAULT_BUCKETS });
      const bound = bounder(metric.labels);
      const observe = (labels: Labels<string>, value: number): void =>
        histogram.observe(bound(labels), value);
      return {
        observe,
        startTimer: () => {
          const since = performance.now();
          return (labels) => observe(labels, (performance.now() - since) / 1_000);
        },
      };
    },
    observed: (metric, read) => {
      new Gauge({
        ...common(metric),
        collect() {
          this.set(read());
        },
      });
    },
  };
}

/** Replaces label values outside of their bounds; the first so many different values of a `max` are kept. */
function bounder<L extends string>(
  bounds: LabelBounds<L> | undefined,
): (labels: Labels<L>) => Record<L, string> {
  const rules = Object.entries<LabelBound>(bounds ?? {}).map(([label, bound]) => {
    const seen = new Set('max' in bound ? [] : bound);
    const max = 'max' in bound ? bound.max : 0;
    const keep = (value: string): boolean => seen.has(value) || (seen.size < max && Boolean(seen.add(value)));
    return [label, keep] as const;
  });
  return (labels) =>
    Object.fromEntries(
      rules.map(([label, keep]) => {
        const value = labels[label as L];
        return [label, keep(value) ? value : OTHER];
      }),
    ) as Record<L, string>;
}
