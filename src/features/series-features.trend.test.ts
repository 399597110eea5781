import { describe, expect, it } from 'vitest';
import {
  ago,
  aroon,
  atr,
  balance,
  before,
  bodies,
  correlation,
  efficiency,
  ema,
  type Formula,
  family,
  highest,
  highestAge,
  last,
  lowerWicks,
  lowest,
  lowestAge,
  mean,
  middle,
  minus,
  momentumBalance,
  now,
  over,
  places,
  position,
  rolling,
  type Series,
  score,
  seriesBefore,
  shareBelow,
  slope,
  successive,
  sum,
  trueRanges,
  typical,
  upperWicks,
  type Windowed,
  wilder,
  zip,
} from './naive.fixture.ts';
import { expectFormulas, featuresOf } from './naive-market.fixture.ts';

/* Trend, oscillators and range. */

/** What a distance of prices is in ranges. */
const ranges = (x: Series, distance: number, n = 12) => over(distance, atr(x, n));
const emaDistance = (x: Series, n: number, range: number) => ranges(x, now(x.C) - now(ema(x.C, n)), range);
const meanDistance = (x: Series, n: number, range: number) => ranges(x, now(x.C) - mean(last(x.C, n)), range);
/** Newest heaviest. */
const weighted = (values: readonly number[], n: number) =>
  rolling(values, n, (window) => sum(window.map((value, i) => value * (i + 1))) / sum(window.map((_, i) => i + 1)));
const hull = (C: readonly number[]) =>
  now(
    weighted(
      zip(weighted(C, 8), weighted(C, 16), (half, whole) => 2 * half - whole),
      4,
    ),
  );
/** The fast average begins on the bar on which the slow one's seed is complete, as TA-Lib has it. */
const macdHistogram = (x: Series, fast: number, slow: number, signal: number, range: number) => {
  const line = zip(ema(x.C.slice(slow - fast), fast), ema(x.C, slow), minus);
  return ranges(x, now(line) - now(ema(line, signal)), range);
};
const trix: Formula = ({ C }) => {
  const smooth = ema(ema(ema(C, 9), 9), 9);
  return now(smooth) / ago(smooth, 1) - 1;
};
/** Wilder's sums as TA-Lib has them: n - 1 values added up, then each further one after 1/n of the sum is taken off. */
const wilderSums = (values: readonly number[], n: number) => {
  const sums = [sum(values.slice(0, n - 1))];
  for (const value of values.slice(n - 1)) sums.push(now(sums) - now(sums) / n + value);
  return sums.slice(1);
};
/** Normalised differences of Wilder's directional indicators, +DI and -DI. */
const directions: (x: Series, n: number) => number[] = (x, n) => {
  const up = successive(x.H, minus);
  const down = successive(x.L, (low, earlier) => earlier - low);
  const indicator = (moves: number[]) => zip(wilderSums(moves, n), wilderSums(trueRanges(x), n), over);
  const rising = indicator(zip(up, down, (u, d) => (u > d && u > 0 ? u : 0)));
  const falling = indicator(zip(up, down, (u, d) => (d > u && d > 0 ? d : 0)));
  return zip(rising, falling, balance);
};
const adx: Windowed = (x, n) => now(wilder(directions(x, n).map(Math.abs), n));
const vortex: Windowed = ({ H, L }, n) => {
  const up = zip(H.slice(1), L.slice(0, -1), (high, low) => Math.abs(high - low));
  const down = zip(L.slice(1), H.slice(0, -1), (low, high) => Math.abs(low - high));
  return balance(sum(last(up, n)), sum(last(down, n)));
};
const fit: Windowed = ({ C }, n) => {
  const y = last(C, n);
  const r = correlation(
    y.map((_, i) => i),
    y,
  );
  return Math.sign(r) * r ** 2;
};
const restOfLine: Windowed = ({ C }, n) => now(C) - (mean(last(C, n)) + (slope(last(C, n)) * (n - 1)) / 2);
const middleOf: Windowed = (x, n) => (highest(x, n) + lowest(x, n)) / 2;
const spanA: Formula = (x) => (middleOf(x, 9) + middleOf(x, 26)) / 2;
/**
 * Wilder's parabolic stop, begun with the window's first two bars: long where the second high is not below the first, the stop at the first bar's
 * other end. The stop moves by a share of the way to the best price of the trade, never beyond the two bars before; a bar that touches it turns the
 * trade round, and the stop goes to the best price, at least beyond this bar and the one before.
 */
const parabolic: Windowed = ({ H, L }, n) => {
  const [high, low] = [last(H, n), last(L, n)];
  let long = (high[1] as number) >= (high[0] as number);
  let stop = Number(long ? low[0] : high[0]);
  let best = Number(long ? high[0] : low[0]);
  let step = 0.02;
  for (let i = 1; i < n; i++) {
    const [h, l] = [high[i] as number, low[i] as number];
    const two = [Math.max(0, i - 2), i - 1];
    stop += step * (best - stop);
    const limit = long ? Math.min(...two.map((k) => low[k] as number)) : Math.max(...two.map((k) => high[k] as number));
    stop = long ? Math.min(stop, limit) : Math.max(stop, limit);
    if (long ? l <= stop : h >= stop) {
      long = !long;
      stop = long ? Math.min(best, l, low[i - 1] as number) : Math.max(best, h, high[i - 1] as number);
      best = long ? h : l;
      step = 0.02;
    } else if (long ? h > best : l < best) {
      best = long ? h : l;
      step = Math.min(0.2, step + 0.02);
    }
  }
  return stop;
};
const superTrend: Formula = (x) => {
  const reaches = last(rolling(trueRanges(x), 10, mean), 32);
  const middles = last(middle(x), 32);
  const closes = last(x.C, 32);
  let [upper, lower] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  let rising = true;
  closes.forEach((close, i) => {
    const [center, reach] = [middles[i] as number, 3 * (reaches[i] as number)];
    const earlier = closes[i - 1] ?? close;
    upper = earlier > upper ? center + reach : Math.min(upper, center + reach);
    lower = earlier < lower ? center - reach : Math.max(lower, center - reach);
    if (rising && close < lower) rising = false;
    else if (!rising && close > upper) rising = true;
  });
  return over(now(x.C) - (rising ? lower : upper), now(reaches));
};
/** Scaled from 0..100 to -1..1. */
const rsis = (C: readonly number[], n: number) => {
  const moves = successive(C, minus);
  const average = (sign: number) =>
    wilder(
      moves.map((move) => Math.max(sign * move, 0)),
      n,
    );
  return zip(average(1), average(-1), (gain, loss) =>
    gain + loss === 0 ? 0 : (100 - 100 / (1 + gain / loss)) / 50 - 1,
  );
};
const stochasticRsi: Formula = ({ C }) => {
  const window = last(rsis(C, 8), 16);
  const [low, high] = [Math.min(...window), Math.max(...window)];
  return high - low < 1e-9 ? 0 : (2 * (now(window) - low)) / (high - low) - 1;
};
const cci: Formula = (x) => {
  const prices = last(typical(x), 20);
  const center = mean(prices);
  return over(now(prices) - center, 1.5 * mean(prices.map((price) => Math.abs(price - center))));
};
const moneyFlowIndex: Windowed = (x, n) => {
  const moves = last(successive(typical(x), minus), n);
  const flows = last(
    zip(typical(x), x.V, (price, volume) => price * volume),
    n,
  );
  const of = (sign: number) => sum(zip(moves, flows, (move, flow) => (Math.sign(move) === sign ? flow : 0)));
  return balance(of(1), of(-1));
};
const ultimate: Formula = (x) => {
  const lows = zip(x.L.slice(1), x.C.slice(0, -1), Math.min);
  const bought = zip(x.C, lows, minus);
  const share = (n: number) => {
    const range = sum(last(trueRanges(x), n));
    return range === 0 ? 0.5 : sum(last(bought, n)) / range;
  };
  return ((100 * (4 * share(7) + 2 * share(14) + share(28))) / 7 - 50) / 50;
};
const tsi: Formula = ({ C }) => {
  const smooth = (values: readonly number[]) => now(ema(ema(values, 13), 7));
  const moves = successive(C, minus);
  return over(smooth(moves), smooth(moves.map(Math.abs)));
};
const breakout: Formula = (x) => {
  const channel = seriesBefore(x, 1);
  const inside = Math.min(highest(channel, 20), Math.max(lowest(channel, 20), now(x.C)));
  return ranges(x, now(x.C) - inside);
};
const insideShare: Windowed = ({ H, L }, n) =>
  mean(
    last(
      zip(
        successive(H, (high, earlier) => Number(high <= earlier)),
        successive(L, (low, earlier) => Number(low >= earlier)),
        Math.min,
      ),
      n,
    ),
  );

const FORMULAS: Record<string, Formula> = {
  ...family('efficiency_*', [8, 32, 96, 191], efficiency),
  ...family('ema_distance_*', [5, 8, 21], (x, n) => emaDistance(x, n, 12)),
  ...family('sma_distance_*', [50, 192], (x, n) => meanDistance(x, n, 12)),
  hma_distance_16: (x) => ranges(x, now(x.C) - hull(x.C)),
  macd_histogram: (x) => macdHistogram(x, 8, 21, 5, 12),
  trix_9: trix,
  adx_8: (x) => adx(x, 8),
  di_difference_8: (x) => now(directions(x, 8)),
  vortex_14: (x) => vortex(x, 14),
  ...family('slope_*', [32, 96], (x, n) => ranges(x, slope(last(x.C, n)))),
  ...family('slope_fit_*', [32, 96], fit),
  slope_rest_32: (x) => ranges(x, restOfLine(x, 32)),
  ...family('aroon_*', [24, 96], aroon),
  ichimoku_cross: (x) => ranges(x, middleOf(x, 9) - middleOf(x, 26)),
  ichimoku_cloud: (x) => ranges(x, now(x.C) - (spanA(x) + middleOf(x, 52)) / 2),
  ichimoku_thickness: (x) => ranges(x, spanA(x) - middleOf(x, 52)),
  parabolic_distance_48: (x) => ranges(x, now(x.C) - parabolic(x, 48)),
  supertrend_distance_32: superTrend,
  ...family('rsi_*', [6, 12], ({ C }, n) => now(rsis(C, n))),
  stochastic_rsi_8_16: stochasticRsi,
  cci_20: cci,
  ...family('bollinger_*', [20, 48], ({ C }, n) => score(C, n)),
  mfi_14: (x) => moneyFlowIndex(x, 14),
  ultimate_7_14_28: ultimate,
  tsi_13_7: tsi,
  awesome_5_34: (x) => ranges(x, mean(last(middle(x), 5)) - mean(last(middle(x), 34))),
  cmo_14: (x) => momentumBalance(x, 14),
  close_percentile_96: ({ C }) => shareBelow(before(last(C, 96)), now(C)),
  bar_close: (x) => now(places(x)),
  bar_body: (x) => now(bodies(x)),
  bar_upper_wick: (x) => now(upperWicks(x)),
  bar_lower_wick: (x) => now(lowerWicks(x)),
  stochastic_14: (x) => position(x, 14),
  stochastic_d_14_3: (x) => mean([0, 1, 2].map((k) => position(seriesBefore(x, k), 14))),
  ...family('position_*', [48, 96, 192], position),
  ...family('below_high_*', [32, 96], (x, n) => ranges(x, now(x.C) - highest(x, n))),
  ...family('above_low_*', [32, 96], (x, n) => ranges(x, now(x.C) - lowest(x, n))),
  breakout_20: breakout,
  extreme_age_96: (x) => Math.min(highestAge(x, 96), lowestAge(x, 96)) / 95,
  inside_share_24: (x) => insideShare(x, 24),

  ...family('efficiency_*h', [72, 168, 336], efficiency),
  ema_distance_12h: (x) => emaDistance(x, 12, 14),
  ...family('sma_distance_*h', [200, 336], (x, n) => meanDistance(x, n, 14)),
  macd_histogram_h: (x) => macdHistogram(x, 12, 26, 9, 14),
  adx_14h: (x) => adx(x, 14),
  di_difference_14h: (x) => now(directions(x, 14)),
  ...family('slope_fit_*h', [72, 168], fit),
  slope_336h: (x) => ranges(x, slope(last(x.C, 336)), 14),
  ...family('aroon_*h', [168, 336], aroon),
  rsi_14h: ({ C }) => now(rsis(C, 14)),
  mfi_24h: (x) => moneyFlowIndex(x, 24),
  ...family('position_*h', [72, 168, 336], position),
  drawdown_336h: (x) => Math.log(now(x.C) / highest(x, 336)),
  rise_336h: (x) => Math.log(now(x.C) / lowest(x, 336)),
};

describe('features of trend, oscillators and range', () => {
  it('equal their formulas from the first warm bar on, and are masked before', () => {
    expectFormulas('trend', FORMULAS);
  });

  it('each have a formula here', () => {
    expect(Object.keys(FORMULAS).sort()).toEqual(
      featuresOf('trend')
        .map(({ name }) => name)
        .sort(),
    );
  });
});
