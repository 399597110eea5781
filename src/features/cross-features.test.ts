import { describe, expect, it } from 'vitest';
import { type BarColumns, HOUR_MS, MINUTE_MS, sliceBars } from '../core/index.ts';
import { sameBits, withoutBars } from './bars.fixture.ts';
import { CROSS_FEATURES } from './catalogue/cross.ts';
import { FAST_FEATURES } from './catalogue/fast.ts';
import { SLOW_FEATURES } from './catalogue/slow.ts';
import { computeColumns } from './columns.ts';
import { generateSelfTestMarket } from './generated-market.ts';
import { before, deviation, last, mean, over, square, sum, times, zip } from './naive.fixture.ts';
import { hoursOf, quartersOf, seriesOf } from './naive-series.fixture.ts';

/* Every cross-sectional feature against its formula, from the panel's fast and slow features and the bars themselves. */

const QUARTER_MS = 15 * MINUTE_MS;
const START = Date.UTC(2024, 1, 1);
const BARS = 4 * 345;
const BTC = 'BTCUSDT';
const ETH = 'ETHUSDT';
const references = [BTC, ETH];
/** By sector; ETH and XRP are alone in theirs. */
const SECTORS = [
  [BTC, 'LTCUSDT'],
  [ETH],
  ['DOGEUSDT', 'PEPEUSDT', '1000SHIBUSDT'],
  ['AAVEUSDT', 'UNIUSDT'],
  ['XRPUSDT'],
];
const SYMBOLS = SECTORS.flat();

const range = (from: number, to: number) => new Set(Array.from({ length: to - from }, (_, k) => from + k));
/** Bars that are missing: one of a reference, a late beginning, two that are carried, five that are not, and one of a single row. */
const MISSING: Readonly<Record<string, Set<number>>> = {
  [BTC]: range(1_361, 1_362),
  '1000SHIBUSDT': range(0, 500),
  PEPEUSDT: range(1_341, 1_343),
  UNIUSDT: range(1_295, 1_300),
  XRPUSDT: range(1_350, 1_351),
};
/** Rows at which the panel is not whole, or a newest hour unknown, and the last but one. */
const ROWS = [500, 1_299, 1_303, 1_341, 1_343, 1_345, 1_350, 1_361, 1_363, 1_366, BARS - 2];
const market = generateSelfTestMarket(SYMBOLS, { bars: BARS, barMs: QUARTER_MS, start: START, seed: 'cross' });
for (const [symbol, missing] of Object.entries(MISSING)) market.set(symbol, withoutBars(barsOf(symbol), missing));
// One never moves.
const still = barsOf('LTCUSDT');
for (const column of [still.open, still.high, still.low, still.close]) column.fill(64);

/** The fast and slow features that formulas name, and all that stand on them. */
const named = new Set(CROSS_FEATURES.flatMap(({ formula }) => formula.match(/[a-z]+(_[a-z0-9]+)+/g) ?? []));
const features = [...[...FAST_FEATURES, ...SLOW_FEATURES].filter(({ name }) => named.has(name)), ...CROSS_FEATURES];
const columnOf = new Map(features.map(({ name }, index) => [name, index]));
const batch = computeColumns(features, { bars15m: market, references });

function barsOf(symbol: string): BarColumns {
  const bars = market.get(symbol);
  if (!bars) throw new RangeError(symbol);
  return bars;
}

type Stage = 'fast' | 'slow';
const closeOf = (t: number): number => START + (t + 1) * QUARTER_MS;
const bars = {
  fast: new Map(SYMBOLS.map((symbol) => [symbol, quartersOf(barsOf(symbol))])),
  slow: new Map(SYMBOLS.map((symbol) => [symbol, hoursOf(barsOf(symbol))])),
};
const runs = {
  fast: new Map([...bars.fast].map(([symbol, list]) => [symbol, seriesOf(list, QUARTER_MS)])),
  slow: new Map([...bars.slow].map(([symbol, list]) => [symbol, seriesOf(list, HOUR_MS)])),
};

/** 1-bar log returns of a symbol that has a bar at row `t`, since its series began; none where the newest bar is unknown. */
function returnsOf(symbol: string, stage: Stage, t: number): number[] {
  const time = stage === 'fast' ? closeOf(t) : Math.floor(closeOf(t) / HOUR_MS) * HOUR_MS;
  const known = (of: Stage, close: number) => bars[of].get(symbol)?.some((bar) => bar.time === close);
  if (!known('fast', closeOf(t)) || !known(stage, time)) return [];
  const run = runs[stage].get(symbol)?.find((series) => series.time.includes(time));
  return run ? run.r.slice(0, run.time.indexOf(time)) : [];
}

/** Symbols whose returns reach over the window and one more, and the mean of those returns. */
function panelReturns(stage: Stage, window: number, t: number): { members: number[][]; m: number[] } {
  const members = SYMBOLS.map((symbol) => returnsOf(symbol, stage, t))
    .filter((r) => r.length > window)
    .map((r) => last(r, window + 1));
  return { members, m: (members[0] ?? []).map((_, i) => mean(members.map((r) => r[i] as number))) };
}

const UNKNOWN = {
  beta: Number.NaN,
  downBeta: Number.NaN,
  correlation: Number.NaN,
  follow: Number.NaN,
  lead: Number.NaN,
};
/** How a symbol's returns move with those of a reference or of the panel. */
function moves(other: string, stage: Stage, symbol: string, t: number, window: number): typeof UNKNOWN {
  const all = returnsOf(symbol, stage, t);
  const others = other === 'panel' ? panelReturns(stage, window, t).m : returnsOf(other, stage, t);
  if (all.length <= window || others.length <= window) return UNKNOWN;
  const [r, b] = [last(all, window), last(others, window)];
  const dot = (x: readonly number[], y: readonly number[]) => sum(zip(x, y, times));
  const falls = b.map((move) => Math.min(move, 0));
  const scale = Math.sqrt(dot(r, r) * dot(b, b));
  return {
    beta: over(dot(r, b), dot(b, b)),
    downBeta: over(dot(r, falls), dot(falls, falls)),
    correlation: over(dot(r, b), scale),
    follow: over(dot(r, last(before(others), window)), scale),
    lead: over(dot(last(before(all), window), b), scale),
  };
}
const referenceReturn = (reference: string, n: number, t: number): number => {
  const r = returnsOf(reference, 'fast', t);
  return r.length < n ? Number.NaN : sum(last(r, n));
};
const commonShare = (stage: Stage, window: number, t: number): number => {
  const { members, m } = panelReturns(stage, window, t);
  const squares = (r: readonly number[]) => sum(last(r, window).map(square));
  return members.length === 0 ? Number.NaN : over(squares(m), mean(members.map(squares)));
};

const valueAt = (name: string, symbol: string, t: number): number =>
  batch.values.get(symbol)?.[t * batch.width + (columnOf.get(name) ?? -1)] ?? Number.NaN;
/** What is known of a feature over the panel. */
const panelOf = (name: string, t: number): number[] =>
  SYMBOLS.map((symbol) => valueAt(name, symbol, t)).filter((value) => !Number.isNaN(value));
const panelMean = (name: string, t: number): number => mean(panelOf(name, t));
const shareAbove = (name: string, limit: number, t: number): number =>
  mean(panelOf(name, t).map((value) => (Math.sign(value - limit) + 1) / 2));
const quantile = (values: readonly number[], share: number): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const place = share * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(place)] as number, sorted[Math.ceil(place)] as number];
  return low + (high - low) * (place % 1);
};
const panelSkewness = (name: string, t: number): number => {
  const [q10, q50, q90] = [0.1, 0.5, 0.9].map((share) => quantile(panelOf(name, t), share)) as [number, number, number];
  return over(q90 + q10 - 2 * q50, q90 - q10);
};
const rank = (name: string, symbol: string, t: number): number => {
  const own = valueAt(name, symbol, t);
  const smaller = sum(panelOf(name, t).map((other) => (Math.sign(own - other) + 1) / 2)) - 0.5;
  return panelOf(name, t).length === 1 ? 0.5 + 0 * own : smaller / (panelOf(name, t).length - 1);
};
const score = (name: string, symbol: string, t: number): number =>
  over(valueAt(name, symbol, t) - panelMean(name, t), deviation(panelOf(name, t)));
const sectorExcess = (name: string, symbol: string, t: number): number => {
  const sector = SECTORS.find((members) => members.includes(symbol)) ?? [];
  const others = sector.filter((other) => other !== symbol).map((other) => valueAt(name, other, t));
  return valueAt(name, symbol, t) - mean(others.filter((value) => !Number.isNaN(value)));
};

type Formula = (symbol: string, t: number) => number;
const family = (name: string, windows: readonly number[], formula: (symbol: string, t: number, n: number) => number) =>
  Object.fromEntries(
    windows.map((n) => [name.replace('*', String(n)), (symbol: string, t: number) => formula(symbol, t, n)]),
  );
const ofPanel =
  (source: string): Formula =>
  (_, t) =>
    panelMean(source, t);

const FORMULAS: Record<string, Formula> = {
  ...family('market_ret_*', [1, 4, 16, 96], (_, t, n) => panelMean(`ret_${n}`, t)),
  market_ret_168h: ofPanel('ret_168h'),
  market_vol_96: ofPanel('vol_96'),
  market_vol_balance: ofPanel('vol_balance_8_32'),
  market_volume_balance: ofPanel('volume_balance_4_96'),
  market_volume_seasonal: ofPanel('volume_seasonal_4'),
  market_efficiency: ofPanel('efficiency_32'),
  market_skewness: ofPanel('skewness_96'),
  market_signed_volume: ofPanel('signed_volume_24'),
  market_choppiness: ofPanel('choppiness_96'),
  market_drawdown: ofPanel('drawdown_scaled_96'),
  ...family('breadth_*', [1, 4, 16, 96], (_, t, n) => shareAbove(`ret_${n}`, 0, t)),
  breadth_trend: (_, t) => shareAbove('ema_distance_21', 0, t),
  breadth_high_168h: (_, t) => shareAbove('position_168h', 0.6, t),
  ...family('dispersion_*', [4, 16, 96], (_, t, n) =>
    over(deviation(panelOf(`ret_${n}`, t)), panelMean('vol_96', t) * Math.sqrt(n)),
  ),
  ...family('panel_skewness_*', [16, 96], (_, t, n) => panelSkewness(`ret_${n}`, t)),
  market_correlation_96: (_, t) =>
    mean(
      SYMBOLS.map((symbol) => moves(BTC, 'fast', symbol, t, 96).correlation).filter((value) => !Number.isNaN(value)),
    ),
  common_share_96: (_, t) => commonShare('fast', 96, t),
  common_share_168h: (_, t) => commonShare('slow', 168, t),

  ...Object.fromEntries(
    CROSS_FEATURES.filter(({ name }) => name.startsWith('rank_')).map(({ name }) => [
      name,
      (symbol: string, t: number) => rank(name.slice('rank_'.length), symbol, t),
    ]),
  ),
  ...family('score_ret_*', [1, 4, 16, 96], (symbol, t, n) => score(`ret_${n}`, symbol, t)),
  score_ret_168h: (symbol, t) => score('ret_168h', symbol, t),
  score_volume: (symbol, t) => score('volume_balance_4_96', symbol, t),
  score_vol_96: (symbol, t) => score('vol_96', symbol, t),
  ...family('excess_ret_*', [4, 16, 96], (symbol, t, n) => valueAt(`ret_${n}`, symbol, t) - panelMean(`ret_${n}`, t)),
  ...family('sector_excess_ret_*', [4, 16, 96], (symbol, t, n) => sectorExcess(`ret_${n}`, symbol, t)),
  sector_excess_ret_168h: (symbol, t) => sectorExcess('ret_168h', symbol, t),
  sector_excess_volume: (symbol, t) => sectorExcess('volume_balance_4_96', symbol, t),

  ...family('btc_ret_*', [1, 4, 16, 96], (_, t, n) => referenceReturn(BTC, n, t)),
  ...family('eth_over_btc_*', [4, 16, 96], (_, t, n) => referenceReturn(ETH, n, t) - referenceReturn(BTC, n, t)),
  btc_beta_96: (symbol, t) => moves(BTC, 'fast', symbol, t, 96).beta,
  btc_down_beta_96: (symbol, t) => moves(BTC, 'fast', symbol, t, 96).downBeta,
  btc_beta_168h: (symbol, t) => moves(BTC, 'slow', symbol, t, 168).beta,
  btc_correlation_96: (symbol, t) => moves(BTC, 'fast', symbol, t, 96).correlation,
  btc_correlation_168h: (symbol, t) => moves(BTC, 'slow', symbol, t, 168).correlation,
  btc_follow_96: (symbol, t) => moves(BTC, 'fast', symbol, t, 96).follow,
  btc_lead_96: (symbol, t) => moves(BTC, 'fast', symbol, t, 96).lead,
  eth_beta_96: (symbol, t) => moves(ETH, 'fast', symbol, t, 96).beta,
  eth_correlation_96: (symbol, t) => moves(ETH, 'fast', symbol, t, 96).correlation,
  eth_follow_96: (symbol, t) => moves(ETH, 'fast', symbol, t, 96).follow,
  market_beta_96: (symbol, t) => moves('panel', 'fast', symbol, t, 96).beta,
  market_beta_168h: (symbol, t) => moves('panel', 'slow', symbol, t, 168).beta,
  own_correlation_96: (symbol, t) => moves('panel', 'fast', symbol, t, 96).correlation,
  market_follow_96: (symbol, t) => moves('panel', 'fast', symbol, t, 96).follow,
  market_lead_96: (symbol, t) => moves('panel', 'fast', symbol, t, 96).lead,
  ...family(
    'btc_residual_*',
    [4, 16, 96],
    (symbol, t, n) =>
      valueAt(`ret_${n}`, symbol, t) - moves(BTC, 'slow', symbol, t, 168).beta * referenceReturn(BTC, n, t),
  ),
  ...family('market_residual_*', [1, 4, 16, 96], (symbol, t, n) => {
    const { m } = panelReturns('fast', 96, t);
    if (m.length < n) return Number.NaN;
    return valueAt(`ret_${n}`, symbol, t) - moves('panel', 'fast', symbol, t, 96).beta * sum(last(m, n));
  }),
};

const dayShare = (time: number) => (time % (24 * HOUR_MS)) / (24 * HOUR_MS);
const weekShare = (time: number) => (((new Date(time).getUTCDay() + 6) % 7) + dayShare(time)) / 7;
const open = (from: number, to: number) => (time: number) => {
  const hour = new Date(time).getUTCHours();
  return hour >= from && hour < to ? 1 : 0;
};
const CALENDAR: Record<string, (time: number) => number> = {
  day_sin: (time) => Math.sin(2 * Math.PI * dayShare(time)),
  day_cos: (time) => Math.cos(2 * Math.PI * dayShare(time)),
  half_day_sin: (time) => Math.sin(4 * Math.PI * dayShare(time)),
  half_day_cos: (time) => Math.cos(4 * Math.PI * dayShare(time)),
  week_sin: (time) => Math.sin(2 * Math.PI * weekShare(time)),
  week_cos: (time) => Math.cos(2 * Math.PI * weekShare(time)),
  half_week_sin: (time) => Math.sin(4 * Math.PI * weekShare(time)),
  half_week_cos: (time) => Math.cos(4 * Math.PI * weekShare(time)),
  weekend: (time) => ([0, 6].includes(new Date(time).getUTCDay()) ? 1 : 0),
  session_asia: open(0, 8),
  session_europe: open(7, 16),
  session_america: open(13, 22),
  session_overlap: open(13, 16),
  funding_left: (time) => 1 - ((time / HOUR_MS) % 8) / 8,
};

/** Whether a float32 is the expected number, and NaN where that is. */
function agrees(actual: number, expected: number, [low, high]: readonly [number, number]): boolean {
  if (Number.isNaN(expected)) return Number.isNaN(actual);
  const size = Math.abs(expected);
  return Math.abs(actual - expected) <= 2 ** -23 * size + 1e-9 * Math.max(size, high - low);
}

describe('cross-sectional features', () => {
  const panel = CROSS_FEATURES.filter(({ group }) => group !== 'calendar');
  const calendar = CROSS_FEATURES.filter(({ group }) => group === 'calendar');
  const hasBar = (symbol: string, t: number) => !MISSING[symbol]?.has(t);

  it('equal their formulas from the first warm bar on, also over a panel with holes, and are masked before', () => {
    const wrong: string[] = [];
    for (const { name, warmUp, slowWarmUp = 0, range } of panel) {
      const formula = FORMULAS[name];
      if (!formula) continue;
      const first = Math.max(warmUp, 4 * slowWarmUp) - 1;
      for (const t of [first, first + 5, ...ROWS].filter((row) => row >= first)) {
        for (const symbol of SYMBOLS) {
          const expected = hasBar(symbol, t) ? formula(symbol, t) : Number.NaN;
          const actual = valueAt(name, symbol, t);
          if (!agrees(actual, expected, range)) wrong.push(`${name} of ${symbol} at ${t}: ${actual}, not ${expected}`);
        }
      }
      if (Number.isNaN(valueAt(name, 'DOGEUSDT', first))) wrong.push(`${name} is unknown on its first warm bar`);
      if (first > 0 && !Number.isNaN(valueAt(name, 'DOGEUSDT', first - 1))) wrong.push(`${name} before its warm-up`);
    }
    expect(wrong).toEqual([]);
  });

  it('of the calendar are those of the close, on every bar of two weeks', () => {
    const wrong: string[] = [];
    for (const { name, range } of calendar) {
      for (let t = 0; t < BARS; t++) {
        const expected = CALENDAR[name]?.(closeOf(t)) ?? Number.NaN;
        const actual = valueAt(name, 'DOGEUSDT', t);
        if (!agrees(actual, expected, range)) wrong.push(`${name} at ${t}: ${actual}, not ${expected}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('each have a formula here', () => {
    const names = (list: typeof CROSS_FEATURES) => list.map(({ name }) => name).sort();
    expect(Object.keys(FORMULAS).sort()).toEqual(names(panel));
    expect(Object.keys(CALENDAR).sort()).toEqual(names(calendar));
  });

  it('mask what needs a reference where the reference has no bar, and keep the rest', () => {
    const t = BARS - 2;
    const gap = new Map(market);
    const kept = barsOf(BTC);
    gap.set(BTC, withoutBars(kept, new Set([kept.openTime.indexOf(closeOf(t) - QUARTER_MS)])));
    const { values, width } = computeColumns(features, { bars15m: gap, references });
    const at = (symbol: string, name: string) => values.get(symbol)?.[t * width + (columnOf.get(name) ?? -1)];
    const row = values.get(BTC)?.subarray(t * width, (t + 1) * width);
    expect(row?.every(Number.isNaN)).toBe(true);
    const ofBtc = ['btc_ret_4', 'btc_beta_96', 'btc_beta_168h', 'btc_residual_16', 'eth_over_btc_4'];
    for (const name of ofBtc) expect(at('DOGEUSDT', name), name).toBeNaN();
    const others = ['eth_beta_96', 'market_ret_4', 'market_beta_96', 'rank_ret_16', 'ret_4'];
    for (const name of others) expect(at('DOGEUSDT', name), name).not.toBeNaN();
    expect(at('DOGEUSDT', 'market_ret_4')).toBeCloseTo(
      mean(SYMBOLS.filter((symbol) => symbol !== BTC).map((symbol) => valueAt('ret_4', symbol, t))),
      9,
    );
  });

  it('give tied symbols the same rank, and a symbol alone the middle', () => {
    const bars15m = sliceBars(barsOf('AAVEUSDT'), 0, 210);
    const column = columnOf.get('rank_ret_16') ?? -1;
    const t = 200;
    const ranks = (...symbols: string[]) => {
      const { values, width } = computeColumns(features, {
        bars15m: new Map(symbols.map((symbol) => [symbol, bars15m])),
        references: [],
      });
      return symbols.map((symbol) => values.get(symbol)?.[t * width + column]);
    };
    expect(ranks('X', 'Y')).toEqual([0.5, 0.5]);
    expect(ranks('X')).toEqual([0.5]);
  });

  it('do not change by a bit when the symbols come in another order', () => {
    const shuffled = [...SYMBOLS].reverse();
    const again = computeColumns(features, {
      bars15m: new Map(shuffled.map((symbol) => [symbol, barsOf(symbol)])),
      references,
    });
    for (const symbol of SYMBOLS) {
      const [left, right] = [again, batch].map(({ values }) => values.get(symbol) ?? new Float32Array());
      expect(sameBits(left ?? new Float32Array(1), right ?? new Float32Array(2)), symbol).toBe(true);
    }
  });
});
