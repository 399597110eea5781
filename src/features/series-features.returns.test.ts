import { describe, expect, it } from 'vitest';
import {
  atr,
  balance,
  before,
  change,
  deviation,
  type Formula,
  family,
  highest,
  last,
  lowest,
  mean,
  meanSquare,
  moment,
  now,
  over,
  parkinson,
  rolling,
  type Series,
  seriesBefore,
  shareBelow,
  slope,
  square,
  sum,
  times,
  trueRanges,
  variance,
  volatility,
  type Windowed,
  zip,
} from './naive.fixture.ts';
import { expectFormulas, featuresOf } from './naive-market.fixture.ts';

/* Returns, volatility, distribution and regime. Efficiency is a trend's. */

const scaledReturn = (x: Series, n: number, window: number) => over(change(x, n), volatility(x, window) * Math.sqrt(n));
const acceleration: Windowed = (x, n) =>
  over(change(x, n) - change(seriesBefore(x, n), n), volatility(x, 96) * Math.sqrt(2 * n));
const riseShare: Windowed = ({ r }, n) => mean(last(r, n).map((move) => (Math.sign(move) + 1) / 2));
const streak: Formula = ({ r }) => {
  const signs = last(r, 24).map(Math.sign).reverse();
  const [sign = 0] = signs;
  const end = signs.findIndex((other) => other !== sign);
  const n = sign * (end < 0 ? signs.length : end);
  return n / (Math.abs(n) + 4);
};
const logs = (a: readonly number[], b: readonly number[]) => zip(a, b, (p, q) => Math.log(p / q));
const garmanKlass: Windowed = ({ O, H, L, C }, n) => {
  const ranges = last(logs(H, L), n).map(square);
  const moves = last(logs(C, O), n).map(square);
  return Math.sqrt(mean(zip(ranges, moves, (range, move) => range / 2 - (2 * Math.log(2) - 1) * move)));
};
const rogersSatchell: Windowed = ({ O, H, L, C }, n) => {
  const up = zip(logs(H, C), logs(H, O), times);
  const down = zip(logs(L, C), logs(L, O), times);
  return Math.sqrt(mean(last(up, n)) + mean(last(down, n)));
};
const volatilityPercentile = ({ r }: Series, n: number, window: number) => {
  const history = last(
    rolling(r.map(square), n, (squares) => Math.sqrt(mean(squares))),
    window,
  );
  return shareBelow(before(history), now(history));
};
/** Σ r·r₋ₗ or of sizes over n bars / Σ r². */
const lagged = (r: readonly number[], lag: number, n: number, of: (r: number) => number = (move) => move) =>
  over(sum(zip(last(r, n), last(before(r, lag), n), (a, b) => of(a) * of(b))), sum(last(r, n).map(square)));
const clustering = ({ r }: Series, lag: number, n: number) => lagged(r, lag, n, Math.abs);
const bipower: Windowed = (x, n) => (Math.PI / 2) * clustering(x, 1, n);
const autocorrelation: Windowed = ({ r }, n) => lagged(r, 1, n);
const skewness: Windowed = ({ r }, n) => over(moment(last(r, n), 3), variance(last(r, n)) ** 1.5);
const logKurtosis: Windowed = ({ r }, n) =>
  Math.log(Math.max(1, over(moment(last(r, n), 4), variance(last(r, n)) ** 2)));
const semivariance: Windowed = ({ r }, n) => {
  const of = (sign: number) => sum(last(r, n).map((move) => (Math.sign(move) === sign ? square(move) : 0)));
  return over(of(1) - of(-1), sum(last(r, n).map(square)));
};
const tails = (x: Series, side: 1 | -1, kept: number, n: number) =>
  over(
    mean(
      last(x.r, n)
        .sort((a, b) => side * (b - a))
        .slice(0, kept),
    ),
    volatility(x, n),
  );
/** Sum over the last `window` bars of squared changes over n bars. */
const squaredChanges = ({ C }: Series, n: number, window: number) =>
  sum(zip(last(C, window), last(before(C, n), window), (close, earlier) => Math.log(close / earlier) ** 2));
const varianceRatio = (x: Series, n: number, window: number) =>
  over(squaredChanges(x, n, window), n * squaredChanges(x, 1, window)) - (volatility(x, window) === 0 ? 0 : 1);
const hurst: Windowed = (x, window) => {
  const squares = [1, 2, 4, 8, 16].map((n) => squaredChanges(x, n, window));
  if (squares.includes(0)) return 0.5;
  // ln n grows by ln 2 a step.
  return Math.min(1, Math.max(0, slope(squares.map(Math.log)) / Math.log(2) / 2));
};
const entropy: Windowed = ({ r }, n) => {
  const orders = last(
    rolling(r, 3, (three) => Number([0, 1, 2].sort((a, b) => (three[a] ?? 0) - (three[b] ?? 0)).join(''))),
    n,
  );
  const shares = [...new Set(orders)].map((order) => orders.filter((other) => other === order).length / n);
  return sum(shares.map((share) => -share * Math.log(share))) / Math.log(6);
};
const choppiness: Windowed = (x, n) => {
  const path = sum(last(trueRanges(x), n));
  return path === 0 ? 0 : Math.log(path / (highest(x, n) - lowest(x, n))) / Math.log(n);
};
const drawdown = (x: Series, n: number, window: number) => {
  const closes = last(x.C, n + 1).map(Math.log);
  const falls = closes.map((close, i) => close - Math.max(...closes.slice(0, i + 1)));
  return over(Math.min(...falls), volatility(x, window) * Math.sqrt(n));
};

const FORMULAS: Record<string, Formula> = {
  ...family('ret_*', [1, 2, 3, 4, 8, 12, 16, 32, 48, 96, 144, 191], change),
  ...family('ret_scaled_*', [1, 4, 16, 48], (x, n) => scaledReturn(x, n, 96)),
  ...family('acceleration_*', [4, 16, 48], acceleration),
  surprise_32: ({ r }) => over(now(r), Math.sqrt(meanSquare(last(before(r), 32)))),
  streak,
  rise_share_24: (x) => riseShare(x, 24),
  ...family('vol_*', [8, 32, 96], volatility),
  natr_12: (x) => atr(x, 12) / now(x.C),
  vol_balance_4_16: (x) => balance(volatility(x, 4), volatility(x, 16)),
  vol_balance_8_32: (x) => balance(volatility(x, 8), volatility(x, 32)),
  vol_balance_32_144: (x) => balance(volatility(x, 32), volatility(x, 144)),
  range_expansion_1_24: (x) => balance(now(trueRanges(x)), mean(last(trueRanges(x), 24))),
  parkinson_balance_4_48: (x) => balance(parkinson(x, 4), parkinson(x, 48)),
  range_to_return_32: (x) => balance(garmanKlass(x, 32), volatility(x, 32)),
  drift_in_range_48: (x) => balance(rogersSatchell(x, 48), parkinson(x, 48)),
  vol_of_vol_96: ({ r }) => over(deviation(last(r, 96).map(Math.abs)), mean(last(r, 96).map(Math.abs))),
  bollinger_width_20: ({ C }) => deviation(last(C, 20)) / now(C),
  bollinger_squeeze_20: (x) => balance(2 * deviation(last(x.C, 20)), 1.5 * atr(x, 12)),
  vol_percentile_96: (x) => volatilityPercentile(x, 8, 96),
  bipower_48: (x) => bipower(x, 48),
  skewness_96: (x) => skewness(x, 96),
  log_kurtosis_96: (x) => logKurtosis(x, 96),
  semivariance_32: (x) => semivariance(x, 32),
  largest_share_32: ({ r }) => over(Math.max(...last(r, 32).map(square)), sum(last(r, 32).map(square))),
  worst_share_96: (x) => tails(x, -1, 5, 96),
  best_share_96: (x) => tails(x, 1, 5, 96),
  ...family('autocorrelation_*', [32, 144], autocorrelation),
  autocorrelation_4_96: ({ r }) => lagged(r, 4, 96),
  clustering_4_96: (x) => clustering(x, 4, 96),
  variance_ratio_4_96: (x) => varianceRatio(x, 4, 96),
  entropy_96: (x) => entropy(x, 96),
  hurst_144: (x) => hurst(x, 144),
  ...family('choppiness_*', [14, 96], choppiness),
  ...family('drawdown_scaled_*', [96, 16], (x, n) => drawdown(x, n, 96)),

  ...family('ret_*h', [72, 120, 168, 336], change),
  ret_scaled_24h: (x) => scaledReturn(x, 24, 168),
  ret_scaled_120h: (x) => scaledReturn(x, 120, 336),
  rise_share_168h: (x) => riseShare(x, 168),
  ...family('vol_*h', [72, 336], volatility),
  vol_balance_24h_168h: (x) => balance(volatility(x, 24), volatility(x, 168)),
  vol_balance_72h_336h: (x) => balance(volatility(x, 72), volatility(x, 336)),
  parkinson_to_return_72h: (x) => balance(parkinson(x, 72), volatility(x, 72)),
  vol_percentile_24h: (x) => volatilityPercentile(x, 24, 288),
  bipower_168h: (x) => bipower(x, 168),
  skewness_336h: (x) => skewness(x, 336),
  log_kurtosis_336h: (x) => logKurtosis(x, 336),
  semivariance_168h: (x) => semivariance(x, 168),
  worst_share_336h: (x) => tails(x, -1, 8, 336),
  autocorrelation_168h: (x) => autocorrelation(x, 168),
  autocorrelation_24_168h: ({ r }) => lagged(r, 24, 168),
  clustering_24_168h: (x) => clustering(x, 24, 168),
  variance_ratio_12_312h: (x) => varianceRatio(x, 12, 312),
  entropy_336h: (x) => entropy(x, 334),
  hurst_320h: (x) => hurst(x, 320),
  choppiness_336h: (x) => choppiness(x, 336),
  drawdown_scaled_168h: (x) => drawdown(x, 168, 336),
};

describe('features of returns, volatility, distribution and regime', () => {
  it('equal their formulas from the first warm bar on, and are masked before', () => {
    expectFormulas('returns', FORMULAS);
  });

  it('each have a formula here', () => {
    expect(Object.keys(FORMULAS).sort()).toEqual(
      featuresOf('returns')
        .map(({ name }) => name)
        .sort(),
    );
  });
});
