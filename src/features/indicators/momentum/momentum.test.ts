import { describe, it } from 'vitest';
import { earlier, ema, expectValues, mean, over, sampleBars, sum, wilder, windows, zip } from '../naive.fixture.ts';
import { AwesomeOscillator } from './awesome-oscillator.ts';
import { Cci } from './cci.ts';
import { Cmo } from './cmo.ts';
import { Momentum } from './momentum.ts';
import { Ppo } from './ppo.ts';
import { RateOfChange } from './rate-of-change.ts';
import { StochasticRsi } from './stochastic-rsi.ts';
import { Trix } from './trix.ts';
import { Tsi } from './tsi.ts';
import { UltimateOscillator } from './ultimate-oscillator.ts';
import { WilliamsR } from './williams-r.ts';

/* Each indicator against its formula, written down once more over whole windows. */

const SEEDS = ['momentum-1', 'momentum-2', 'momentum-3'];

describe.each(SEEDS)('over the bars of seed %s', (seed) => {
  const bars = sampleBars(seed);
  const { high, low, close } = bars;
  const price = 100;
  const changes = zip((a, b) => a - b, close, earlier(close));
  const share = (a: ArrayLike<number>, b: ArrayLike<number>) => zip((x, y) => 100 * over(x - y, y), a, b);

  it.each([1, 10])('Momentum(%i) is the change over the period', (period) => {
    const expected = zip((a, b) => a - b, close, earlier(close, period));
    expectValues(new Momentum(period).batch(close), expected, 0);
  });

  it.each([1, 10])('RateOfChange(%i) is that change in percent', (period) => {
    expectValues(new RateOfChange(period).batch(close), share(close, earlier(close, period)), 1e-3);
  });

  it.each([
    [12, 26],
    [1, 3],
  ])('Ppo(%i, %i) is the gap of two averages in percent', (fast, slow) => {
    expectValues(new Ppo(fast, slow).batch(close), share(ema(close, fast), ema(close, slow)), 1e-3);
    const simple = (period: number) => windows(close, period, mean);
    expectValues(new Ppo(fast, slow, 'simple').batch(close), share(simple(fast), simple(slow)), 1e-3);
  });

  it.each([1, 5, 15])('Trix(%i) is the change of a triple average in percent', (period) => {
    const triple = ema(ema(ema(close, period), period), period);
    expectValues(new Trix(period).batch(close), share(triple, earlier(triple)), 1e-3);
  });

  it.each([
    [25, 13],
    [2, 1],
  ])('Tsi(%i, %i) is the smoothed change as a share of the smoothed movement', (long, short) => {
    const movement = changes.map(Math.abs);
    const expected = zip((a, b) => 100 * over(a, b), ema(ema(changes, long), short), ema(ema(movement, long), short));
    expectValues(new Tsi(long, short).batch(close), expected, 100);
  });

  it.each([1, 14])("Cmo(%i) sets Wilder's average gain against his average loss", (period) => {
    const gain = wilder(
      changes.map((change) => Math.max(change, 0)),
      period,
    );
    const loss = wilder(
      changes.map((change) => Math.max(-change, 0)),
      period,
    );
    const expected = zip((a, b) => 100 * over(a - b, a + b), gain, loss);
    expectValues(new Cmo(period).batch(close), expected, 100);
  });

  it.each([2, 20])('Cci(%i) is the distance from the mean in mean distances', (period) => {
    const typical = zip((h, l, c) => (h + l + c) / 3, high, low, close);
    const expected = windows(typical, period, (window) => {
      // Differences to the oldest: a window of equal values has no deviation, whatever its mean rounds to.
      const from = window.map((value) => value - (window[0] ?? 0));
      const deviation = mean(from.map((value) => Math.abs(value - mean(from))));
      return over((from[period - 1] ?? 0) - mean(from), 0.015 * deviation);
    });
    expectValues(new Cci(period).batch(bars), expected, 100);
  });

  it.each([
    [14, 5, 3],
    [3, 14, 1],
  ])('StochasticRsi(%i, %i, %i) is the place of the strength in its range', (period, kPeriod, dPeriod) => {
    const gain = changes.map((change) => Math.max(change, 0));
    const loss = changes.map((change) => Math.max(-change, 0));
    const strength = zip((a, b) => 100 * over(a, a + b), wilder(gain, period), wilder(loss, period));
    const fast = windows(strength, kPeriod, (window) => {
      const range = Math.max(...window) - Math.min(...window);
      // What rounding leaves of a strength that stands still is no range.
      return range < 1e-9 ? 0 : (100 * ((window[kPeriod - 1] ?? 0) - Math.min(...window))) / range;
    });
    const d = windows(fast, dPeriod, mean);
    const { k: actualK, d: actualD } = new StochasticRsi(period, kPeriod, dPeriod).batch(close);
    expectValues(
      actualK,
      zip((k, there) => (Number.isNaN(there) ? there : k), fast, d),
      100,
    );
    expectValues(actualD, d, 100);
  });

  it.each([
    [7, 14, 28],
    [1, 2, 2],
  ])('UltimateOscillator(%i, %i, %i) weighs the buying pressure of three windows', (short, medium, long) => {
    const trueLow = zip(Math.min, low, earlier(close));
    const pressure = zip((c, l) => c - l, close, trueLow);
    const range = zip((h, c, l) => Math.max(h, c) - l, high, earlier(close), trueLow);
    const part = (period: number) => zip(over, windows(pressure, period, sum), windows(range, period, sum));
    const expected = zip((a, b, c) => (100 * (4 * a + 2 * b + c)) / 7, part(short), part(medium), part(long));
    expectValues(new UltimateOscillator(short, medium, long).batch(bars), expected, 100);
  });

  it.each([1, 14])('WilliamsR(%i) is the place in the range, counted from its top', (period) => {
    const highest = windows(high, period, (window) => Math.max(...window));
    const lowest = windows(low, period, (window) => Math.min(...window));
    const expected = zip((h, l, c) => 100 * over(c - h, h - l), highest, lowest, close);
    expectValues(new WilliamsR(period).batch(bars), expected, 100);
  });

  it.each([
    [5, 34],
    [1, 2],
  ])('AwesomeOscillator(%i, %i) is the gap of two averages of the middle price', (fast, slow) => {
    const median = zip((h, l) => (h + l) / 2, high, low);
    const expected = zip((a, b) => a - b, windows(median, fast, mean), windows(median, slow, mean));
    expectValues(new AwesomeOscillator(fast, slow).batch(bars), expected, 1e-3 * price);
  });
});
