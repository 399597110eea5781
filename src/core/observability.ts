/** Ports for logs and metrics: who implements them stands in `monitoring/`. */

export type LogFields = Readonly<Record<string, unknown>>;

export interface Log {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  child(fields: LogFields): Log;
}

/** Metric labels; values come from small, fixed sets. */
export type Labels = Readonly<Record<string, string>>;

export interface Metrics {
  /** Adds to a counter, created at first use. Names are snake_case with a `minutehand_` prefix and `_total` suffix. */
  count(name: string, labels?: Labels, by?: number): void;
  gauge(name: string, value: number, labels?: Labels): void;
  /** Observes a duration or size in the histogram `name`. */
  observe(name: string, value: number, labels?: Labels): void;
}

export const silentLog: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLog,
};

export const noMetrics: Metrics = { count() {}, gauge() {}, observe() {} };
