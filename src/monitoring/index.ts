export {
  COMPONENT_STATES,
  type ComponentHealth,
  type ComponentState,
  createHealth,
  type Health,
  overallState,
  type SystemHealth,
} from './health.ts';
export { createLog, type LogLevel, type LogOptions, type OpenLog } from './log.ts';
export { METRICS, type MetricDefinition, type MetricName } from './metric-table.ts';
export { createMetrics, type MetricSample, type MetricsOptions, type MetricsRegistry } from './metrics.ts';
export { type Punctuality, PunctualityWatch } from './punctuality.ts';
export { redact, redactText } from './redaction.ts';
