import { describe, expect, it } from 'vitest';
import { type BarColumns, HOUR_MS, MINUTE_MS, sliceBars } from '../core/index.ts';
import { joinBars } from './bars.fixture.ts';
import { FAST_FEATURES } from './catalogue/fast.ts';
import { SLOW_FEATURES } from './catalogue/slow.ts';
import { computeColumns } from './columns.ts';
import type { SeriesFeature } from './feature.ts';
import { generateSelfTestMarket } from './generated-market.ts';

/*
 * Every fast and slow feature against its formula, written down once more from the definition: plain arrays, whole windows, no code
 * shared with the kernels.
 */

const QUARTER_MS = 15 * MINUTE_MS;
/** Thursday, 2024-02-01T00:00Z. */
const START = 1_706_745_600_000;

interface Naive {
  /** Everything up to and including bar t. */
  readonly O: number[];
  readonly H: number[];
  readonly L: number[];
  readonly C: number[];
  readonly V: number[];
  /** r[0] = 0. */
  readonly r: number[];
  /** Close time of the newest bar. */
  readonly time: number;
}

const last = (values: readonly number[], n: number): number[] => {
  if (values.length < n) throw new RangeError('too short');
  return values.slice(values.length - n);
};
const now = (values: readonly number[]): number => last(values, 1)[0] as number;
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const mean = (values: readonly number[]): number => sum(values) / values.length;
const variance = (values: readonly number[]): number => mean(values.map((value) => (value - mean(values)) ** 2));
const deviation = (values: readonly number[]): number => Math.sqrt(variance(values));
const zip = (a: readonly number[], b: readonly number[], f: (a: number, b: number) => number): number[] =>
  a.map((value, i) => f(value, b[i] as number));
const over = (a: number, b: number): number => (b === 0 ? 0 : a / b);
const balance = (a: number, b: number): number => over(a - b, a + b);
const correlation = (x: number[], y: number[]): number =>
  mean(zip(x, y, (a, b) => (a - mean(x)) * (b - mean(y)))) / (deviation(x) * deviation(y));
const recursive = (values: readonly number[], alpha: number): number[] => {
  const out: number[] = [];
  values.forEach((value, i) => {
    const before = out[i - 1];
    out.push(before === undefined ? value : alpha * value + (1 - alpha) * before);
  });
  return out;
};
const ema = (values: readonly number[], n: number) => recursive(values, 2 / (n + 1));
const wilder = (values: readonly number[], n: number) => recursive(values, 1 / n);
const before = (values: readonly number[], k = 1) => values.slice(0, values.length - k);

const volatility = ({ r }: Naive, n: number) => Math.sqrt(mean(last(r, n).map((x) => x * x)));
const change = ({ C }: Naive, n: number) => Math.log(now(C) / (C[C.length - 1 - n] as number));
const trueRanges = ({ H, L, C, O }: Naive) =>
  H.map((high, i) => {
    const previous = C[i - 1] ?? (O[i] as number);
    return Math.max(high - (L[i] as number), Math.abs(high - previous), Math.abs((L[i] as number) - previous));
  });
const atr = (x: Naive, n: number) => now(wilder(trueRanges(x), n));
const rsi = ({ C }: Naive, n: number) => {
  const moves = C.map((close, i) => close - (C[i - 1] ?? close));
  const up = now(
    wilder(
      moves.map((move) => Math.max(move, 0)),
      n,
    ),
  );
  const down = now(
    wilder(
      moves.map((move) => Math.max(-move, 0)),
      n,
    ),
  );
  return (100 - 100 / (1 + up / down) - 50) / 50;
};
const directional = (x: Naive, n: number) => {
  const up = x.H.map((high, i) => high - (x.H[i - 1] ?? high));
  const down = x.L.map((low, i) => (x.L[i - 1] ?? low) - low);
  const plus = wilder(
    zip(up, down, (u, d) => (u > d && u > 0 ? u : 0)),
    n,
  );
  const minus = wilder(
    zip(up, down, (u, d) => (d > u && d > 0 ? d : 0)),
    n,
  );
  const ranges = wilder(trueRanges(x), n);
  const dx = zip(zip(plus, ranges, over), zip(minus, ranges, over), (p, m) => over(p - m, p + m));
  return { difference: now(dx), adx: now(wilder(dx.map(Math.abs), n)) };
};
const macdHistogram = (x: Naive, a: number, b: number, c: number, n: number) => {
  const line = zip(ema(x.C, a), ema(x.C, b), (p, q) => p - q);
  return (now(line) - now(ema(line, c))) / atr(x, n);
};
const position = ({ H, L, C }: Naive, n: number) => {
  const high = Math.max(...last(H, n));
  const low = Math.min(...last(L, n));
  return high === low ? 0 : (2 * (now(C) - low)) / (high - low) - 1;
};
const typical = ({ H, L, C }: Naive) => H.map((high, i) => (high + (L[i] as number) + (C[i] as number)) / 3);
const cci = (x: Naive, n: number) => {
  const tp = last(typical(x), n);
  return over(now(tp) - mean(tp), 1.5 * mean(tp.map((value) => Math.abs(value - mean(tp)))));
};
const aroon = ({ H, L }: Naive, n: number) => {
  const highs = last(H, n).reverse();
  const lows = last(L, n).reverse();
  return (lows.indexOf(Math.min(...lows)) - highs.indexOf(Math.max(...highs))) / (n - 1);
};
const line = (x: Naive, n: number) => {
  const y = last(x.C, n);
  const t = y.map((_, i) => i);
  const slope = mean(zip(t, y, (a, b) => (a - mean(t)) * (b - mean(y)))) / variance(t);
  return { slope: slope / atr(x, 12), fit: Math.sign(slope) * correlation(t, y) ** 2 };
};
const place = ({ H, L, C }: Naive) =>
  H.map((h, i) => over(2 * (C[i] as number) - h - (L[i] as number), h - (L[i] as number)));
const moneyFlow = (x: Naive, n: number) =>
  sum(zip(last(place(x), n), last(x.V, n), (p, v) => p * v)) / sum(last(x.V, n));
const signedVolume = (x: Naive, n: number) =>
  sum(zip(last(x.r, n), last(x.V, n), (r, v) => Math.sign(r) * v)) / sum(last(x.V, n));
const vwapDistance = (x: Naive, n: number, range: number) => {
  const vwap = sum(zip(last(typical(x), n), last(x.V, n), (p, v) => p * v)) / sum(last(x.V, n));
  return (now(x.C) - vwap) / atr(x, range);
};
const mfi = (x: Naive, n: number) => {
  const tp = last(typical(x), n + 1);
  const v = last(x.V, n);
  let up = 0;
  let down = 0;
  for (let i = 1; i <= n; i++) {
    const flow = (tp[i] as number) * (v[i - 1] as number);
    if ((tp[i] as number) > (tp[i - 1] as number)) up += flow;
    if ((tp[i] as number) < (tp[i - 1] as number)) down += flow;
  }
  return (100 - 100 / (1 + up / down) - 50) / 50;
};
const illiquidity = ({ r, C, V }: Naive, n: number) =>
  mean(
    zip(
      last(r, n),
      zip(last(C, n), last(V, n), (c, v) => c * v),
      (move, traded) => over(Math.abs(move), traded),
    ),
  );
const squaredRanges = ({ H, L }: Naive) => zip(H, L, (h, l) => Math.log(h / l) ** 2);
const parkinson = (x: Naive, n: number) => Math.sqrt(mean(last(squaredRanges(x), n)) / (4 * Math.log(2)));
const garmanKlass = (x: Naive, n: number) => {
  const bodies = zip(x.C, x.O, (c, o) => (2 * Math.log(2) - 1) * Math.log(c / o) ** 2);
  return Math.sqrt(mean(zip(last(squaredRanges(x), n), last(bodies, n), (range, body) => range / 2 - body)));
};
const autocorrelation = ({ r }: Naive, n: number) =>
  sum(zip(last(r, n), last(before(r), n), (a, b) => a * b)) / sum(last(r, n).map((x) => x * x));
const varianceRatio = (x: Naive, n: number, window: number) => {
  const long = last(x.C, window).map((close, i) => Math.log(close / (last(x.C, window + n)[i] as number)) ** 2);
  return sum(long) / (n * sum(last(x.r, window).map((r) => r * r))) - 1;
};
const moment = (values: number[], power: number) => mean(values.map((value) => (value - mean(values)) ** power));
const skewness = ({ r }: Naive, n: number) => moment(last(r, n), 3) / variance(last(r, n)) ** 1.5;
const logKurtosis = ({ r }: Naive, n: number) => Math.log(moment(last(r, n), 4) / variance(last(r, n)) ** 2);
const semivariance = ({ r }: Naive, n: number) => {
  const up = sum(last(r, n).map((x) => (x > 0 ? x * x : 0)));
  const down = sum(last(r, n).map((x) => (x < 0 ? x * x : 0)));
  return (up - down) / (up + down);
};
const efficiency = ({ r }: Naive, n: number) => sum(last(r, n)) / sum(last(r, n).map(Math.abs));
const meanVolume = ({ V }: Naive, n: number) => mean(last(V, n));
const seasonal = ({ V }: Naive, n: number, season: number) => balance(sum(last(V, n)), sum(last(before(V, season), n)));
const hourOf = ({ time }: Naive) => new Date(time).getUTCHours();
const dayShare = ({ time }: Naive) => (time % 86_400_000) / 86_400_000;
const weekShare = (x: Naive) => (((new Date(x.time).getUTCDay() + 6) % 7) + dayShare(x)) / 7;

const FORMULAS: Record<string, (x: Naive) => number> = {
  ...Object.fromEntries([1, 2, 4, 8, 16, 32, 48, 96, 144].map((n) => [`ret_${n}`, (x: Naive) => change(x, n)])),
  ...Object.fromEntries(
    [1, 4, 16, 48].map((n) => [`ret_scaled_${n}`, (x: Naive) => change(x, n) / (volatility(x, 96) * Math.sqrt(n))]),
  ),
  ...Object.fromEntries([8, 32, 96].map((n) => [`vol_${n}`, (x: Naive) => volatility(x, n)])),
  natr_12: (x) => atr(x, 12) / now(x.C),
  vol_balance_8_32: (x) => balance(volatility(x, 8), volatility(x, 32)),
  vol_balance_32_144: (x) => balance(volatility(x, 32), volatility(x, 144)),
  parkinson_balance_4_48: (x) => balance(parkinson(x, 4), parkinson(x, 48)),
  range_to_return_32: (x) => balance(garmanKlass(x, 32), volatility(x, 32)),
  vol_of_vol_96: ({ r }) => deviation(last(r, 96).map(Math.abs)) / mean(last(r, 96).map(Math.abs)),
  bollinger_width_20: ({ C }) => deviation(last(C, 20)) / now(C),
  ...Object.fromEntries([8, 32, 96].map((n) => [`efficiency_${n}`, (x: Naive) => efficiency(x, n)])),
  ...Object.fromEntries(
    [8, 21].map((n) => [`ema_distance_${n}`, (x: Naive) => (now(x.C) - now(ema(x.C, n))) / atr(x, 12)]),
  ),
  macd_histogram: (x) => macdHistogram(x, 8, 21, 5, 12),
  adx_8: (x) => directional(x, 8).adx,
  di_difference_8: (x) => directional(x, 8).difference,
  slope_32: (x) => line(x, 32).slope,
  slope_fit_32: (x) => line(x, 32).fit,
  aroon_24: (x) => aroon(x, 24),
  aroon_96: (x) => aroon(x, 96),
  rsi_6: (x) => rsi(x, 6),
  rsi_12: (x) => rsi(x, 12),
  cci_20: (x) => cci(x, 20),
  bollinger_20: ({ C }) => (now(C) - mean(last(C, 20))) / deviation(last(C, 20)),
  mfi_14: (x) => mfi(x, 14),
  bar_close: (x) => now(place(x)),
  bar_upper_wick: ({ O, H, L, C }) => over(now(H) - Math.max(now(O), now(C)), now(H) - now(L)),
  bar_lower_wick: ({ O, H, L, C }) => over(Math.min(now(O), now(C)) - now(L), now(H) - now(L)),
  stochastic_14: (x) => position(x, 14),
  stochastic_d_14_3: (x) =>
    mean([0, 1, 2].map((k) => position({ ...x, H: before(x.H, k), L: before(x.L, k), C: before(x.C, k) }, 14))),
  ...Object.fromEntries([48, 96, 192].map((n) => [`position_${n}`, (x: Naive) => position(x, n)])),
  below_high_96: (x) => (now(x.C) - Math.max(...last(x.H, 96))) / atr(x, 12),
  above_low_96: (x) => (now(x.C) - Math.min(...last(x.L, 96))) / atr(x, 12),
  volume_score_96: ({ V }) => (now(V) - mean(last(V, 96))) / deviation(last(V, 96)),
  volume_balance_1_16: (x) => balance(now(x.V), meanVolume(x, 16)),
  volume_balance_4_96: (x) => balance(meanVolume(x, 4), meanVolume(x, 96)),
  volume_balance_32_144: (x) => balance(meanVolume(x, 32), meanVolume(x, 144)),
  volume_seasonal_4: (x) => seasonal(x, 4, 96),
  volume_variation_96: ({ V }) => deviation(last(V, 96)) / mean(last(V, 96)),
  signed_volume_8: (x) => signedVolume(x, 8),
  signed_volume_48: (x) => signedVolume(x, 48),
  money_flow_20: (x) => moneyFlow(x, 20),
  money_flow_96: (x) => moneyFlow(x, 96),
  vwap_distance_32: (x) => vwapDistance(x, 32, 12),
  vwap_distance_96: (x) => vwapDistance(x, 96, 12),
  illiquidity_16_96: (x) => balance(illiquidity(x, 16), illiquidity(x, 96)),
  volume_move_96: ({ r, V }) => correlation(last(r, 96).map(Math.abs), last(V, 96)),
  skewness_96: (x) => skewness(x, 96),
  log_kurtosis_96: (x) => logKurtosis(x, 96),
  semivariance_32: (x) => semivariance(x, 32),
  largest_share_32: ({ r }) => Math.max(...last(r, 32).map((x) => x * x)) / sum(last(r, 32).map((x) => x * x)),
  autocorrelation_32: (x) => autocorrelation(x, 32),
  autocorrelation_144: (x) => autocorrelation(x, 144),
  variance_ratio_4_96: (x) => varianceRatio(x, 4, 96),
  day_sin: (x) => Math.sin(2 * Math.PI * dayShare(x)),
  day_cos: (x) => Math.cos(2 * Math.PI * dayShare(x)),
  half_day_sin: (x) => Math.sin(4 * Math.PI * dayShare(x)),
  half_day_cos: (x) => Math.cos(4 * Math.PI * dayShare(x)),
  week_sin: (x) => Math.sin(2 * Math.PI * weekShare(x)),
  week_cos: (x) => Math.cos(2 * Math.PI * weekShare(x)),
  weekend: ({ time }) => ([0, 6].includes(new Date(time).getUTCDay()) ? 1 : 0),
  session_asia: (x) => (hourOf(x) < 8 ? 1 : 0),
  session_europe: (x) => (hourOf(x) >= 7 && hourOf(x) < 16 ? 1 : 0),
  session_america: (x) => (hourOf(x) >= 13 && hourOf(x) < 22 ? 1 : 0),
  funding_left: ({ time }) => 1 - ((time / HOUR_MS) % 8) / 8,

  ...Object.fromEntries([72, 168, 336].map((n) => [`ret_${n}h`, (x: Naive) => change(x, n)])),
  ret_scaled_24h: (x) => change(x, 24) / (volatility(x, 168) * Math.sqrt(24)),
  ret_scaled_120h: (x) => change(x, 120) / (volatility(x, 336) * Math.sqrt(120)),
  vol_72h: (x) => volatility(x, 72),
  vol_336h: (x) => volatility(x, 336),
  vol_balance_24h_168h: (x) => balance(volatility(x, 24), volatility(x, 168)),
  vol_percentile_24h: (x) => {
    const history = Array.from({ length: 288 }, (_, k) => volatility({ ...x, r: before(x.r, k) }, 24));
    const [current, ...earlier] = history as [number, ...number[]];
    return mean(earlier.map((value) => (value < current ? 1 : value === current ? 0.5 : 0)));
  },
  ...Object.fromEntries([72, 168, 336].map((n) => [`efficiency_${n}h`, (x: Naive) => efficiency(x, n)])),
  ...Object.fromEntries(
    [12, 26].map((n) => [`ema_distance_${n}h`, (x: Naive) => (now(x.C) - now(ema(x.C, n))) / atr(x, 14)]),
  ),
  macd_histogram_h: (x) => macdHistogram(x, 12, 26, 9, 14),
  adx_14h: (x) => directional(x, 14).adx,
  slope_fit_72h: (x) => line(x, 72).fit,
  slope_fit_168h: (x) => line(x, 168).fit,
  aroon_336h: (x) => aroon(x, 336),
  rsi_14h: (x) => rsi(x, 14),
  position_168h: (x) => position(x, 168),
  position_336h: (x) => position(x, 336),
  drawdown_336h: ({ C, H }) => Math.log(now(C) / Math.max(...last(H, 336))),
  rise_336h: ({ C, L }) => Math.log(now(C) / Math.min(...last(L, 336))),
  volume_balance_24h_336h: (x) => balance(meanVolume(x, 24), meanVolume(x, 336)),
  volume_seasonal_168h: (x) => seasonal(x, 24, 168),
  signed_volume_168h: (x) => signedVolume(x, 168),
  money_flow_72h: (x) => moneyFlow(x, 72),
  vwap_distance_168h: (x) => vwapDistance(x, 168, 14),
  illiquidity_24h_336h: (x) => balance(illiquidity(x, 24), illiquidity(x, 336)),
  skewness_336h: (x) => skewness(x, 336),
  log_kurtosis_336h: (x) => logKurtosis(x, 336),
  semivariance_168h: (x) => semivariance(x, 168),
  autocorrelation_168h: (x) => autocorrelation(x, 168),
  variance_ratio_12_312h: (x) => varianceRatio(x, 12, 312),
};

function naiveAt(bars: BarColumns, barMs: number): Naive {
  const C = [...bars.close];
  return {
    O: [...bars.open],
    H: [...bars.high],
    L: [...bars.low],
    C,
    V: [...bars.volume],
    r: C.map((close, i) => Math.log(close / (C[i - 1] ?? close))),
    time: (bars.openTime.at(-1) ?? Number.NaN) + barMs,
  };
}

const QUARTERS = 4 * 420;
const market = generateSelfTestMarket(['A', 'B'], { bars: QUARTERS, barMs: QUARTER_MS, start: START, seed: 'naive' });

function check(
  features: readonly SeriesFeature[],
  series: BarColumns,
  barMs: number,
  columnAt: (bars: number) => number,
) {
  const { values, width } = computeColumns(features, { bars15m: market, references: [] });
  const column = values.get('B') ?? new Float32Array();
  features.forEach((feature, index) => {
    const formula = FORMULAS[feature.name];
    if (!formula) throw new Error(`no formula for ${feature.name}`);
    for (const length of [feature.warmUp, feature.warmUp + 1, feature.warmUp + 17, series.length - 3]) {
      const expected = formula(naiveAt(sliceBars(series, 0, length), barMs));
      const actual = column[columnAt(length) * width + index] ?? Number.NaN;
      const tolerance = 2e-6 * Math.max(Math.abs(expected), 0.005 * (feature.range[1] - feature.range[0]));
      expect(
        Math.abs(actual - expected),
        `${feature.name} after ${length} bars: ${actual}, not ${expected}`,
      ).toBeLessThan(tolerance);
    }
    if (feature.warmUp > 1) expect(column[columnAt(feature.warmUp - 1) * width + index], feature.name).toBeNaN();
  });
}

describe('fast and slow features', () => {
  const bars = market.get('B') as BarColumns;

  it('equal their formulas on 15-minute bars from the first warm bar on, and are masked before', () => {
    check(FAST_FEATURES, bars, QUARTER_MS, (length) => length - 1);
  });

  it('equal their formulas on 1h bars from the first warm hour on, and are masked before', () => {
    check(SLOW_FEATURES, joinBars(bars, QUARTER_MS, 4), HOUR_MS, (length) => length * 4 - 1);
  });

  it('each have a formula here', () => {
    const names = [...FAST_FEATURES, ...SLOW_FEATURES].map(({ name }) => name);
    expect(names.filter((name) => !(name in FORMULAS))).toEqual([]);
    expect(Object.keys(FORMULAS).filter((name) => !names.includes(name))).toEqual([]);
  });
});
