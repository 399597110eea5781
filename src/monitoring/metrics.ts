import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Labels, Metrics } from '../core/index.ts';
import { MinutehandError } from '../core/index.ts';
import { isMetricName, METRICS, type MetricDefinition, type MetricName } from './metric-table.ts';

/** One value of a metric. Of a histogram: its count and sum. */
export interface MetricSample {
  readonly name: string;
  readonly labels: Labels;
  readonly value: number;
}

export interface MetricsRegistry extends Metrics {
  /** Everything in Prometheus' text format. */
  text(): Promise<string>;
  /** What `text` is, for an HTTP header. */
  readonly contentType: string;
  /** Everything as values; histograms as `NAME_count` and `NAME_sum`. */
  snapshot(): Promise<MetricSample[]>;
}

export interface MetricsOptions {
  /** Throw on a name or label that is not in the table (tests); else such a report is counted and dropped. */
  readonly strict?: boolean;
}

/** Counters, gauges and histograms by the table {@link METRICS}, in a registry of their own. */
export function createMetrics(options: MetricsOptions = {}): MetricsRegistry {
  const registry = new Registry();
  const instruments = new Map<MetricName, Counter | Gauge | Histogram>();
  for (const name of Object.keys(METRICS).filter(isMetricName)) instruments.set(name, instrument(registry, name));

  const report = (
    name: string,
    kind: MetricDefinition['kind'],
    labels: Labels,
    apply: (instrument: Counter | Gauge | Histogram) => void,
  ) => {
    const fault = faultOf(name, kind, labels);
    const found = isMetricName(name) ? instruments.get(name) : undefined;
    if (fault === undefined && found) return apply(found);
    if (options.strict) {
      throw new MinutehandError('METRIC_UNKNOWN', fault ?? name, 'Add it to src/monitoring/metric-table.ts.');
    }
    (instruments.get('minutehand_unknown_metrics_total') as Counter).inc();
  };

  return {
    contentType: registry.contentType,
    count(name, labels = {}, by = 1) {
      report(name, 'counter', labels, (found) => (found as Counter).inc({ ...labels }, by));
    },
    gauge(name, value, labels = {}) {
      report(name, 'gauge', labels, (found) => (found as Gauge).set({ ...labels }, value));
    },
    observe(name, value, labels = {}) {
      report(name, 'histogram', labels, (found) => (found as Histogram).observe({ ...labels }, value));
    },
    text: () => registry.metrics(),
    async snapshot() {
      const samples: MetricSample[] = [];
      for (const metric of await registry.getMetricsAsJSON()) {
        for (const { metricName = metric.name, labels, value } of metric.values as PrometheusValue[]) {
          if (!metricName.endsWith('_bucket')) samples.push({ name: metricName, labels: { ...labels }, value });
        }
      }
      return samples;
    },
  };
}

interface PrometheusValue {
  readonly metricName?: string;
  readonly labels: Labels;
  readonly value: number;
}

function instrument(registry: Registry, name: MetricName): Counter | Gauge | Histogram {
  const { kind, help, labels = [], buckets = [] }: MetricDefinition = METRICS[name];
  const options = { name, help, labelNames: [...labels], registers: [registry] };
  if (kind === 'counter') return new Counter(options);
  if (kind === 'gauge') return new Gauge(options);
  return new Histogram({ ...options, buckets: [...buckets] });
}

function faultOf(name: string, kind: MetricDefinition['kind'], labels: Labels): string | undefined {
  if (!isMetricName(name)) return `there is no metric ${name}`;
  const definition: MetricDefinition = METRICS[name];
  if (definition.kind !== kind) return `${name} is a ${definition.kind}, not a ${kind}`;
  const foreign = Object.keys(labels).filter((label) => !definition.labels?.includes(label));
  return foreign.length > 0 ? `${name} has no label ${foreign.join(', ')}` : undefined;
}
