import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isMetricName, METRICS, type MetricDefinition, renderMetricTable } from './metric-table.ts';
import { createMetrics, type MetricsRegistry } from './metrics.ts';

const SOURCES = join(import.meta.dirname, '..');

describe('createMetrics', () => {
  it('counts, sets and times, and writes what Prometheus reads', async () => {
    const metrics = createMetrics({ strict: true });
    metrics.count('minutehand_cycles_total', { status: 'DECIDED' });
    metrics.count('minutehand_cycles_total', { status: 'DECIDED' }, 2);
    metrics.gauge('minutehand_open_positions', 4);
    metrics.gauge('minutehand_open_positions', 3);
    metrics.observe('minutehand_cycle_milliseconds', 40);
    metrics.observe('minutehand_cycle_milliseconds', 60);
    const text = await metrics.text();
    expect(text).toContain('# HELP minutehand_cycles_total Minutes run, by status: DECIDED or MISSED.');
    expect(text).toContain('minutehand_cycles_total{status="DECIDED"} 3');
    expect(text).toContain('minutehand_open_positions 3');
    expect(text).toContain('minutehand_cycle_milliseconds_bucket{le="50"} 1');
    expect(text).toContain('minutehand_cycle_milliseconds_sum 100');
    expect(metrics.contentType).toContain('text/plain');
  });

  it('gives the same values as a list', async () => {
    const metrics = createMetrics({ strict: true });
    metrics.count('minutehand_reasons_total', { reason: 'RISK_HALTED' });
    metrics.observe('minutehand_cycle_stage_milliseconds', 7, { stage: 'commit' });
    const samples = await metrics.snapshot();
    expect(samples).toContainEqual({
      name: 'minutehand_reasons_total',
      labels: { reason: 'RISK_HALTED' },
      value: 1,
    });
    expect(samples).toContainEqual({
      name: 'minutehand_cycle_stage_milliseconds_sum',
      labels: { stage: 'commit' },
      value: 7,
    });
    expect(samples.some(({ name }) => name.endsWith('_bucket'))).toBe(false);
  });

  it('keeps registries apart', async () => {
    const [one, other] = [createMetrics(), createMetrics()];
    one.count('minutehand_candles_total', {}, 50);
    expect(await other.text()).toContain('minutehand_candles_total 0');
  });

  it.each<[string, (metrics: MetricsRegistry) => void]>([
    ['a name that is not in the table', (metrics) => metrics.count('minutehand_x_total')],
    ['a label that is not in the table', (metrics) => metrics.count('minutehand_candles_total', { symbol: 'BTCUSDT' })],
    ['another kind', (metrics) => metrics.gauge('minutehand_candles_total', 1)],
  ])('refuses %s in tests, and counts and drops it in service', async (_, report) => {
    expect(() => report(createMetrics({ strict: true }))).toThrow(/minutehand_/);
    const metrics = createMetrics();
    report(metrics);
    expect(await metrics.text()).toContain('minutehand_unknown_metrics_total 1');
  });
});

describe('the table of metrics', () => {
  it('names every metric that the sources report to, with its labels', () => {
    const used = new Set<string>();
    const foreign: string[] = [];
    for (const file of readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })) {
      if (!file.endsWith('.ts') || file.endsWith('.test.ts')) continue;
      const text = readFileSync(join(SOURCES, file), 'utf8');
      for (const match of text.matchAll(
        /\.(?:count|gauge|observe)\(\s*'(minutehand_\w+)'(?:,[^{}();]*\{([^{}]*)\})?/g,
      )) {
        const [, name = '', literal = ''] = match;
        used.add(name);
        const known: MetricDefinition | undefined = isMetricName(name) ? METRICS[name] : undefined;
        const labels = [...literal.matchAll(/(?:^|,)\s*([a-z]\w*)\s*(?=[:,]|$)/g)].map((label) => label[1] ?? '');
        if (!known) foreign.push(name);
        for (const label of labels) if (!known?.labels?.includes(label)) foreign.push(`${name}{${label}}`);
      }
    }
    expect(foreign).toEqual([]);
    expect(used.size).toBeGreaterThan(10);
  });

  it("follows Prometheus' naming rules", () => {
    for (const [name, definition] of Object.entries(METRICS)) {
      expect(name).toMatch(/^minutehand_[a-z_]+$/);
      expect(name.endsWith('_total'), name).toBe(definition.kind === 'counter');
      expect(definition.help, name).toMatch(/\.$/);
    }
  });

  it('stands in docs/metrics.md', () => {
    const file = join(SOURCES, '..', 'docs', 'metrics.md');
    const text = readFileSync(file, 'utf8');
    const wanted = text.replace(
      /(<!-- metrics:begin .*-->\n)[\s\S]*(<!-- metrics:end -->)/,
      (_, begin: string, end: string) => `${begin}\n${renderMetricTable()}\n\n${end}`,
    );
    if (process.env.UPDATE_DOCS === '1') writeFileSync(file, wanted);
    expect(readFileSync(file, 'utf8'), 'run UPDATE_DOCS=1 npx vitest run src/monitoring').toBe(wanted);
  });
});
