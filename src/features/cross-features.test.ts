import { describe, expect, it } from 'vitest';
import { type BarColumns, MINUTE_MS, sliceBars } from '../core/index.ts';
import { joinBars, sameBits, withoutBars } from './bars.fixture.ts';
import { CROSS_FEATURES } from './catalogue/cross.ts';
import { FAST_FEATURES } from './catalogue/fast.ts';
import { SLOW_FEATURES } from './catalogue/slow.ts';
import { computeColumns } from './columns.ts';
import { generateSelfTestMarket } from './generated-market.ts';

/* Every cross-sectional feature against its formula, from the panel's fast and slow features and the bars themselves. */

const QUARTER_MS = 15 * MINUTE_MS;
const START = 1_706_745_600_000;
const SYMBOLS = ['BTC', 'ETH', 'A', 'B', 'C', 'D', 'E'];
const BARS = 4 * 345;
const market = generateSelfTestMarket(SYMBOLS, { bars: BARS, barMs: QUARTER_MS, start: START, seed: 'cross' });
const features = [...FAST_FEATURES, ...SLOW_FEATURES, ...CROSS_FEATURES];
const columnOf = new Map(features.map(({ name }, index) => [name, index]));
const batch = computeColumns(features, { bars15m: market, references: ['BTC', 'ETH'] });

function barsOf(symbol: string): BarColumns {
  const bars = market.get(symbol);
  if (!bars) throw new RangeError(symbol);
  return bars;
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
const deviation = (values: readonly number[]) => Math.sqrt(mean(values.map((value) => (value - mean(values)) ** 2)));
const dot = (a: readonly number[], b: readonly number[]) =>
  a.reduce((total, value, i) => total + value * (b[i] ?? 0), 0);

/** 1-bar log returns of a symbol, oldest first, up to the bar that closes at row `t`, or to the newest whole hour then. */
function returnsOf(symbol: string, series: 'fast' | 'slow', t: number): number[] {
  const quarters = barsOf(symbol);
  const bars = series === 'fast' ? quarters : joinBars(quarters, QUARTER_MS, 4);
  const end = series === 'fast' ? t + 1 : Math.floor((t + 1) / 4);
  const closes = [...bars.close.subarray(0, end)];
  return closes.slice(1).map((close, i) => Math.log(close / (closes[i] ?? close)));
}

const valueAt = (name: string, symbol: string, t: number): number =>
  batch.values.get(symbol)?.[t * batch.width + (columnOf.get(name) ?? -1)] ?? Number.NaN;
const panelOf = (name: string, t: number): number[] => SYMBOLS.map((symbol) => valueAt(name, symbol, t));
const rank = (name: string, symbol: string, t: number): number => {
  const others = SYMBOLS.filter((other) => other !== symbol).map((other) => valueAt(name, other, t));
  const own = valueAt(name, symbol, t);
  return mean(others.map((other) => (other < own ? 1 : other === own ? 0.5 : 0)));
};
const score = (name: string, symbol: string, t: number): number =>
  (valueAt(name, symbol, t) - mean(panelOf(name, t))) / deviation(panelOf(name, t));
const shareAbove = (name: string, t: number): number =>
  mean(panelOf(name, t).map((value) => (value > 0 ? 1 : value === 0 ? 0.5 : 0)));
function moves(reference: string, series: 'fast' | 'slow', symbol: string, t: number, window: number) {
  const r = returnsOf(symbol, series, t).slice(-window);
  const b = returnsOf(reference, series, t).slice(-window);
  const lagged = returnsOf(reference, series, t).slice(0, -1).slice(-window);
  const scale = Math.sqrt(dot(r, r) * dot(b, b));
  return { beta: dot(r, b) / dot(b, b), correlation: dot(r, b) / scale, follow: dot(r, lagged) / scale };
}
const referenceReturn = (reference: string, bars: number, t: number): number => {
  const closes = market.get(reference)?.close ?? new Float64Array();
  return Math.log((closes[t] ?? Number.NaN) / (closes[t - bars] ?? Number.NaN));
};

const FORMULAS: Record<string, (symbol: string, t: number) => number> = {
  market_ret_168h: (_, t) => mean(panelOf('ret_168h', t)),
  market_vol_96: (_, t) => mean(panelOf('vol_96', t)),
  market_vol_balance: (_, t) => mean(panelOf('vol_balance_8_32', t)),
  market_volume_balance: (_, t) => mean(panelOf('volume_balance_4_96', t)),
  breadth_trend: (_, t) => shareAbove('ema_distance_21', t),
  market_correlation_96: (_, t) => mean(SYMBOLS.map((symbol) => moves('BTC', 'fast', symbol, t, 96).correlation)),
  score_volume: (symbol, t) => score('volume_balance_4_96', symbol, t),
  btc_beta_96: (symbol, t) => moves('BTC', 'fast', symbol, t, 96).beta,
  btc_beta_168h: (symbol, t) => moves('BTC', 'slow', symbol, t, 168).beta,
  btc_correlation_96: (symbol, t) => moves('BTC', 'fast', symbol, t, 96).correlation,
  btc_correlation_168h: (symbol, t) => moves('BTC', 'slow', symbol, t, 168).correlation,
  btc_follow_96: (symbol, t) => moves('BTC', 'fast', symbol, t, 96).follow,
  eth_beta_96: (symbol, t) => moves('ETH', 'fast', symbol, t, 96).beta,
  ...Object.fromEntries(
    CROSS_FEATURES.filter(({ name }) => name.startsWith('rank_')).map(({ name }) => [
      name,
      (symbol: string, t: number) => rank(name.slice('rank_'.length), symbol, t),
    ]),
  ),
};
for (const n of [1, 4, 16, 96]) {
  FORMULAS[`market_ret_${n}`] = (_, t) => mean(panelOf(`ret_${n}`, t));
  FORMULAS[`btc_ret_${n}`] = (_, t) => referenceReturn('BTC', n, t);
}
for (const n of [4, 16, 96]) {
  FORMULAS[`breadth_${n}`] = (_, t) => shareAbove(`ret_${n}`, t);
  FORMULAS[`dispersion_${n}`] = (_, t) =>
    deviation(panelOf(`ret_${n}`, t)) / (mean(panelOf('vol_96', t)) * Math.sqrt(n));
  FORMULAS[`score_ret_${n}`] = (symbol, t) => score(`ret_${n}`, symbol, t);
  FORMULAS[`excess_ret_${n}`] = (symbol, t) => valueAt(`ret_${n}`, symbol, t) - mean(panelOf(`ret_${n}`, t));
  FORMULAS[`eth_over_btc_${n}`] = (_, t) => referenceReturn('ETH', n, t) - referenceReturn('BTC', n, t);
  FORMULAS[`btc_residual_${n}`] = (symbol, t) =>
    valueAt(`ret_${n}`, symbol, t) - moves('BTC', 'slow', symbol, t, 168).beta * referenceReturn('BTC', n, t);
}

describe('cross-sectional features', () => {
  it('equal their formulas, and are masked before their warm-up', () => {
    for (const feature of CROSS_FEATURES) {
      const formula = FORMULAS[feature.name];
      if (!formula) throw new Error(`no formula for ${feature.name}`);
      const first = Math.max(feature.warmUp, 4 * (feature.slowWarmUp ?? 0)) - 1;
      for (const t of [first, first + 5, BARS - 2]) {
        for (const symbol of ['BTC', 'C', 'E']) {
          const expected = formula(symbol, t);
          const actual = valueAt(feature.name, symbol, t);
          const tolerance = 2e-6 * Math.max(Math.abs(expected), 0.01 * (feature.range[1] - feature.range[0]));
          expect(
            Math.abs(actual - expected),
            `${feature.name} of ${symbol} at ${t}: ${actual}, not ${expected}`,
          ).toBeLessThan(tolerance);
        }
      }
      if (first > 0) expect(valueAt(feature.name, 'C', first - 1), feature.name).toBeNaN();
    }
    expect(Object.keys(FORMULAS).sort()).toEqual(CROSS_FEATURES.map(({ name }) => name).sort());
  });

  it('mask what needs a reference where the reference has no bar, and keep the rest', () => {
    const t = BARS - 2;
    const gap = new Map(market);
    gap.set('BTC', withoutBars(barsOf('BTC'), new Set([t])));
    const { values, width } = computeColumns(features, { bars15m: gap, references: ['BTC', 'ETH'] });
    const at = (symbol: string, name: string) => values.get(symbol)?.[t * width + (columnOf.get(name) ?? -1)];
    expect(
      values
        .get('BTC')
        ?.subarray(t * width, (t + 1) * width)
        .every(Number.isNaN),
    ).toBe(true);
    for (const name of ['btc_ret_4', 'btc_beta_96', 'btc_beta_168h', 'btc_residual_16', 'eth_over_btc_4']) {
      expect(at('A', name), name).toBeNaN();
    }
    for (const name of ['eth_beta_96', 'market_ret_4', 'rank_ret_16', 'ret_4'])
      expect(at('A', name), name).not.toBeNaN();
    expect(at('A', 'market_ret_4')).toBe(
      Math.fround(mean(SYMBOLS.slice(1).map((symbol) => valueAt('ret_4', symbol, t)))),
    );
  });

  it('give tied symbols the same rank, and a symbol alone the middle', () => {
    const bars = sliceBars(barsOf('A'), 0, 210);
    const column = columnOf.get('rank_ret_16') ?? -1;
    const t = 200;
    const twins = computeColumns(features, {
      bars15m: new Map([
        ['X', bars],
        ['Y', bars],
      ]),
      references: [],
    });
    for (const symbol of ['X', 'Y']) expect(twins.values.get(symbol)?.[t * twins.width + column]).toBe(0.5);
    const alone = computeColumns(features, { bars15m: new Map([['X', bars]]), references: [] });
    expect(alone.values.get('X')?.[t * alone.width + column]).toBe(0.5);
  });

  it('do not change by a bit when the symbols come in another order', () => {
    const shuffled = ['D', 'BTC', 'E', 'A', 'C', 'ETH', 'B'];
    const again = computeColumns(features, {
      bars15m: new Map(shuffled.map((symbol) => [symbol, barsOf(symbol)])),
      references: ['BTC', 'ETH'],
    });
    for (const symbol of SYMBOLS) {
      const [left, right] = [again, batch].map(({ values }) => values.get(symbol) ?? new Float32Array());
      expect(sameBits(left ?? new Float32Array(1), right ?? new Float32Array(2)), symbol).toBe(true);
    }
  });
});
