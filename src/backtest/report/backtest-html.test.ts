import { describe, expect, it } from 'vitest';
import { createRandom } from '../../core/index.ts';
import { madeUpReport } from '../backtest-report.fixture.ts';
import { curveOfDays } from '../statistics/record.fixture.ts';
import { backtestHtml } from './backtest-html.ts';
import { chartCandlesOf } from './candle-chart.ts';
import { drawnRows, meansOf, rollingSharpe, underWater } from './series.ts';
import { datesBetween, dateText } from './time-chart.ts';

const { report, bars } = madeUpReport();
const charts = {
  candles: chartCandlesOf(report.trips, bars, report.run),
  curves: [{ name: 'buy & hold', times: report.record.equity.times, wealth: report.record.equity.times.map(() => 1) }],
};
const textOf = (html: string) => html.replace(/<style>.*?<\/style>/s, '');
const sectionsOf = (html: string) => [...html.matchAll(/<section id="(\w+)">/g)].map(([, id]) => id);

describe('backtestHtml', () => {
  const html = backtestHtml(report, charts);

  it('shows every part, what speaks against it first', () => {
    expect(sectionsOf(html)).toEqual([
      'critique',
      'figures',
      'equity',
      'months',
      'days',
      'exposure',
      'costs',
      'trades',
      'candles',
      'breakdowns',
      'forecasts',
      'baselines',
      'luck',
      'reasons',
      'open',
      'assumptions',
      'hashes',
    ]);
    for (const text of [...report.assumptions, report.hashes.fills, 'SIGNAL_EDGE_BELOW_COSTS', 'buy &amp; hold']) {
      expect(html).toContain(text);
    }
    for (const text of report.critiques) expect(html).toContain(`<li>${text}</li>`);
    // Equity, drawdown, rolling Sharpe, histogram, exposure, and four symbols.
    expect(html.match(/<svg /g)).toHaveLength(9);
    expect(html).not.toContain('IN-SAMPLE');
  });

  it('is one file that loads nothing, and holds no number that is none', () => {
    expect(html).not.toMatch(/<script|<link|<img|@import|url\(|\bsrc=|href="[^#]|https?:/);
    expect(textOf(html)).not.toMatch(/NaN|Infinity|undefined|null/);
  });

  it('is the same for the same report', () => {
    expect(backtestHtml(report, charts)).toBe(html);
  });

  it('says n/a where there is too little to say, also without a model, a trade, a baseline or a whole day', () => {
    const { report: empty } = madeUpReport({ trades: 0, days: 1 });
    const bare = backtestHtml({
      ...empty,
      evaluation: null,
      baselines: null,
      bootstrap: null,
      monteCarlo: { shuffle: null, resample: null },
      run: { ...empty.run, modelId: null, modelKind: null },
      reasons: {},
      open: [],
      hashes: { ...empty.hashes, model: null },
    });
    expect(bare).toContain('<span>Sharpe</span><strong>n/a</strong>');
    expect(bare).toContain('n/a: no forecasts were judged');
    expect(bare).toContain('n/a: no baselines were computed');
    expect(bare).toContain('Nothing was held at the end');
    expect(textOf(bare)).not.toMatch(/NaN|Infinity|undefined|null/);
    expect(sectionsOf(bare)).not.toContain('candles');
  });

  it('marks every section of an in-sample run', () => {
    const marked = backtestHtml(madeUpReport({ inSample: ['train'] }).report);
    expect(marked).toContain('<div class="watermark" aria-hidden="true">IN-SAMPLE</div>');
    const headings = [...marked.matchAll(/<section id="\w+"><h2>(.*?)<\/h2>/g)];
    expect(headings.length).toBeGreaterThan(10);
    for (const [, heading] of headings) expect(heading).toContain('IN-SAMPLE');
  });

  it('escapes what comes from files', () => {
    const evil = '<script>"x"</script>';
    const { report: named, bars: own } = madeUpReport({ symbols: [evil], id: evil, inSample: [evil], trades: 30 });
    const text = { ...named, critiques: [evil], assumptions: [evil] };
    const html = backtestHtml(
      {
        ...text,
        run: { ...text.run, source: evil, strategies: [evil], modelId: evil, modelKind: evil },
        trips: text.trips.map((trip) => ({ ...trip, strategy: evil, regime: evil })),
        open: text.open.map((one) => ({ ...one, strategy: evil, quantity: evil, stopPrice: evil })),
        breakdowns: { ...text.breakdowns, regime: text.breakdowns.side.map((row) => ({ ...row, key: evil })) },
        hashes: { ...text.hashes, data: evil },
      },
      {
        candles: chartCandlesOf(text.trips, own, text.run),
        curves: [{ name: evil, times: text.record.equity.times, wealth: text.record.equity.times }],
      },
    );
    expect(html).not.toContain('<script');
    expect(html).toContain('&lt;script&gt;&quot;x&quot;&lt;/script&gt;: 30 round trips');
  });

  it('is smaller than 2 MB with 17,000 bars and 5,000 trades of 60 symbols', () => {
    const symbols = Array.from({ length: 60 }, (_, at) => `SYMBOL${at}USDT`);
    const large = madeUpReport({ days: 178, trades: 5_000, symbols, resamples: 10 });
    const candles = chartCandlesOf(large.report.trips, large.bars, large.report.run);
    expect(large.report.record.equity.times.length).toBeGreaterThan(17_000);
    expect(large.report.trips).toHaveLength(5_000);
    const page = backtestHtml(large.report, { candles, curves: [] });
    expect(Buffer.byteLength(page)).toBeLessThan(2_000_000);
    for (const [, path = ''] of page.matchAll(/ d="([^"]*)" fill="none" style="stroke:var\(--(?:accent|down)/g)) {
      expect(path.match(/[ML]/g)?.length).toBeLessThanOrEqual(1_500);
    }
  });
});

describe('what is drawn', () => {
  it('keeps first, last, lowest and highest rows of a long line', () => {
    const random = createRandom(1);
    const values = Float64Array.from({ length: 20_000 }, () => random.normal());
    const rows = drawnRows(values);
    expect(rows.length).toBeLessThanOrEqual(1_500);
    expect(rows).toEqual([...new Set(rows)].sort((a, b) => a - b));
    expect([rows[0], rows.at(-1)]).toEqual([0, 19_999]);
    const drawn = rows.map((row) => values[row] ?? 0);
    expect(Math.max(...drawn)).toBe(Math.max(...values));
    expect(Math.min(...drawn)).toBe(Math.min(...values));
  });

  it('measures drawdown from the highest equity so far', () => {
    expect([...underWater(Float64Array.of(100, 120, 90, 150))]).toEqual([0, 0, -0.25, 0]);
  });

  it('takes means of rows in a row where there are many', () => {
    const rows = Float64Array.from({ length: 7 }, (_, row) => row);
    expect(meansOf(rows, rows, 3)).toEqual({ times: Float64Array.of(2, 5, 6), values: Float64Array.of(1, 4, 6) });
    expect(meansOf(rows, rows, 7)).toEqual({ times: rows, values: rows });
  });

  it('has a Sharpe ratio for each 30 days in a row', () => {
    const returns = Float64Array.from({ length: 40 }, (_, day) => (day % 2 === 0 ? 0.02 : -0.01));
    const rolling = rollingSharpe({ firstDay: 0, returns, before: 0, after: 0 }, 30);
    expect(rolling).toHaveLength(11);
    const deviation = 0.015 * Math.sqrt(30 / 29);
    expect(rolling[0]).toBeCloseTo((0.005 / deviation) * Math.sqrt(365), 10);
    expect(rollingSharpe({ firstDay: 0, returns: new Float64Array(30), before: 0, after: 0 }, 30)[0]).toBeNaN();
  });

  it('labels starts of days, months or years, nine at most', () => {
    const at = (from: string, to: string) => datesBetween(Date.parse(from), Date.parse(to)).map(dateText);
    expect(at('2025-06-01T00:15Z', '2025-06-04T00:00Z')).toEqual(['2025-06-02', '2025-06-03', '2025-06-04']);
    expect(at('2024-11-20', '2025-03-02')).toEqual(['2024-12-01', '2025-01-01', '2025-02-01', '2025-03-01']);
    for (const days of [1, 3, 10, 50, 100, 400, 2_000, 20_000]) {
      const dates = datesBetween(0, days * 86_400_000);
      expect(dates.length).toBeLessThanOrEqual(10);
      expect(dates.length).toBeGreaterThan(1);
    }
  });

  it('makes candles of the most traded symbols out of bars', () => {
    const [candles] = chartCandlesOf(report.trips, bars, report.run, 1);
    const own = bars.get(candles?.symbol ?? '');
    expect(candles?.barMs).toBe(8 * 3_600_000);
    expect(candles?.openTime).toHaveLength(180);
    expect(candles?.open[1]).toBe(own?.open[32]);
    expect(candles?.close[1]).toBe(own?.close[63]);
    expect(candles?.high[1]).toBe(Math.max(...(own?.high.slice(32, 64) ?? [])));
    expect(candles?.low[1]).toBe(Math.min(...(own?.low.slice(32, 64) ?? [])));
  });

  it('draws a curve of two rows, and one that never moves', () => {
    const flat = { ...report, record: { ...report.record, equity: curveOfDays([0]) } };
    expect(textOf(backtestHtml(flat))).not.toMatch(/NaN|Infinity|undefined|null/);
  });
});
