/** One metric: what it counts, and which labels it may carry. Label values come from small, fixed sets. */
export interface MetricDefinition {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels?: readonly string[];
  /** Upper bounds of a histogram, in its unit. */
  readonly buckets?: readonly number[];
}

const MILLISECOND_BUCKETS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000] as const;

const counter = (help: string, ...labels: readonly string[]): MetricDefinition => ({ kind: 'counter', help, labels });
const gauge = (help: string, ...labels: readonly string[]): MetricDefinition => ({ kind: 'gauge', help, labels });
const durations = (help: string, ...labels: readonly string[]): MetricDefinition => ({
  kind: 'histogram',
  help,
  labels,
  buckets: MILLISECOND_BUCKETS,
});

/** Every metric there is; the table in `docs/metrics.md` is generated from this list. */
export const METRICS = {
  minutehand_cycles_total: counter('Minutes run, by status: DECIDED or MISSED.', 'status'),
  minutehand_cycle_milliseconds: durations('Time of a minute, from its candles at hand to its orders sent.'),
  minutehand_cycle_stage_milliseconds: durations('Time of one stage of a minute.', 'stage'),
  minutehand_cycles_in_time_share: gauge('Share of the last hour of cycles that was in time.'),
  minutehand_last_minute_seconds: gauge('Close of the newest minute run, seconds since 1970 in market time.'),
  minutehand_candles_total: counter('Final one-minute candles of the minutes run.'),
  minutehand_forecasts_total: counter('Forecasts made.'),
  minutehand_challenger_forecasts_total: counter('Forecasts of the challenger, beside those of the champion.'),
  minutehand_challenger_milliseconds: durations(
    'Time of the challenger for the forecasts of a minute, storing included.',
  ),
  minutehand_outcomes_total: counter('Forecasts whose realised return became known, by horizon.', 'horizon'),
  minutehand_forecast_hit_rate: gauge(
    'Share of the forecasts of the model that serves whose likeliest direction came true, last 7 days.',
    'horizon',
  ),
  minutehand_forecast_log_loss: gauge('Mean log-loss of those forecasts, in nats.', 'horizon'),
  minutehand_forecast_base_log_loss: gauge(
    'The same of the frequencies of the directions, known in hindsight.',
    'horizon',
  ),
  minutehand_forecast_calibration_error: gauge('Classwise expected calibration error of those forecasts.', 'horizon'),
  minutehand_forecast_rank_correlation: gauge(
    'Mean rank correlation of forecast and realised returns over risk.degraded_after_days.',
    'horizon',
  ),
  minutehand_signals_total: counter('Signals that passed every gate.'),
  minutehand_orders_total: counter('Orders decided.'),
  minutehand_fills_total: counter('Executions booked.'),
  minutehand_reasons_total: counter('Refusals, exclusions and stops, by reason code.', 'reason'),
  minutehand_equity: gauge('Equity of the book in quote currency.'),
  minutehand_open_positions: gauge('Open positions of the book.'),
  minutehand_risk_mode: gauge('1 for what the book may do: ACTIVE, REDUCING or HALTED.', 'mode'),
  minutehand_store_failures_total: counter('Minutes whose features could not be stored after the commit.'),
  minutehand_parity_divergences: gauge('What of the last UTC day came out otherwise in its replay, by stage.', 'stage'),
  minutehand_parity_compared_total: counter('What nightly replays were compared with, by stage.', 'stage'),
  minutehand_feed_connected: gauge('1 while the market stream is open.'),
  minutehand_feed_candles_total: counter('Candles that became final, by why they count as final.', 'finality'),
  minutehand_feed_events_total: counter('Losses and reopenings of the market stream, by reason code.', 'reason'),
  minutehand_feed_malformed_total: counter('Messages of the market stream that could not be read.'),
  minutehand_feed_repaired_total: counter('Candles of earlier minutes that became known later.'),
  minutehand_backfill_candles_total: counter('Candles loaded from history.', 'timeframe'),
  minutehand_exchange_requests_total: counter(
    'Requests to the exchange, by endpoint and outcome.',
    'endpoint',
    'outcome',
  ),
  minutehand_clock_skew_ms: gauge('Local clock less that of the venue, milliseconds.'),
  minutehand_clock_sync_failures_total: counter("Failed readings of the venue's clock."),
  minutehand_component_state: gauge('1 for the state a component is in.', 'component', 'state'),
  minutehand_unknown_metrics_total: counter('Reports to a metric that is not in the table; a fault of the program.'),
} as const satisfies Readonly<Record<string, MetricDefinition>>;

export type MetricName = keyof typeof METRICS;

export const isMetricName = (name: string): name is MetricName => Object.hasOwn(METRICS, name);

/** The table of `docs/metrics.md`. */
export function renderMetricTable(): string {
  const rows = Object.entries<MetricDefinition>(METRICS).map(([name, { kind, help, labels = [] }]) => {
    return `| \`${name}\` | ${kind} | ${labels.map((label) => `\`${label}\``).join(', ') || 'none'} | ${help} |`;
  });
  return ['| name | kind | labels | meaning |', '|---|---|---|---|', ...rows].join('\n');
}
